"""What forms and addresses hand in, checked before it goes anywhere."""

import re

from flask import request

from cxloop.errors import Invalid

WORDS = 10_000
"""The longest message one may write, in characters."""
ROW_MAX = 2**31 - 1
"""The highest number that a row can have in the database's integers."""

_LOCAL = re.compile(r"/(?:[A-Za-z0-9_-][^\\\x00-\x20\x7f]*)?")


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
