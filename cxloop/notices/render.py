"""What a notice says: facts in, subject and plain text out. Customers' words are data here, never templates."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


@dataclass(frozen=True, slots=True)
class Letter:
    subject: str
    body: str


def render(folder: Path, kind: str, facts: dict[str, Any]) -> Letter:
    """Render `<folder>/<kind>.txt`: its first line is the subject, the rest the body.

    A missing fact is an error (jinja2.UndefinedError), never a gap in a message.
    """
    text = _environment(folder).get_template(f"{kind}.txt").render(facts)
    subject, _, body = text.partition("\n")
    return Letter(subject=" ".join(subject.split()), body=body.strip() + "\n")


@lru_cache(maxsize=4)
def _environment(folder: Path) -> Environment:
    return Environment(  # plain text: nothing to escape
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701
    )
