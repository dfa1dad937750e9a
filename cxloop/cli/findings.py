"""What `cxloop doctor` finds: one line each, with what to do about it."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """`wrong` needs mending; a `note` is only worth knowing."""

    level: Literal["ok", "note", "wrong"]
    text: str


def ok(text: str) -> Finding:
    return Finding("ok", text)


def note(text: str) -> Finding:
    return Finding("note", text)


def wrong(what: str, todo: str) -> Finding:
    return Finding("wrong", f"{what}: {todo}.")
