"""What forms and addresses hand in, checked before it goes anywhere."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from flask import request
from werkzeug.datastructures import MultiDict

from cxloop.errors import Invalid

WORDS = 10_000
"""The longest message one may write, in characters."""
ROW_MAX = 2**31 - 1
"""The highest number that a row can have in the database's integers."""

_LOCAL = re.compile(r"/(?:[A-Za-z0-9_-][^\\\x00-\x20\x7f]*)?")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A form that was refused: which (its page names it), what was in it, what is wrong with it and with its fields."""

    form: str = ""
    given: MultiDict[str, str] = field(default_factory=MultiDict)
    fault: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)

    def value(self, form: str, name: str, otherwise: str = "") -> str:
        return self.given.get(name, "") if form == self.form else otherwise

    def values(self, form: str, name: str, otherwise: list[str]) -> list[str]:
        return self.given.getlist(name) if form == self.form else otherwise

    def error(self, form: str, name: str) -> str:
        return self.fault if form == self.form and name in self.fields else ""

    def problem(self, form: str, *shown: str) -> str:
        """The fault, if it is none of the fields that are `shown` with theirs."""
        return self.fault if form == self.form and not self.fields.keys() & set(shown) else ""


def number(text: str | None) -> int | None:
    """The number of a row that a form or an address names; None for anything that no row can have."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,10}", text) and int(text) <= ROW_MAX else None


def words(field: str, *, at_most: int = WORDS) -> str:
    """The text of a field, without the space around it; an absent one is empty. Raises Invalid if it is too long."""
    text = request.form.get(field, "").strip()
    if len(text) > at_most:
        raise Invalid(f"Keep it under {at_most:,} characters.", **{field: f"Keep it under {at_most:,} characters."})
    return text


def local(wanted: str | None) -> str:
    """`wanted` if it is a path of this site, else the front page: nobody is sent elsewhere through us."""
    return wanted if wanted and _LOCAL.fullmatch(wanted) else "/"
