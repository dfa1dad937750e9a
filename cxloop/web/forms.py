"""What forms and addresses hand in, checked before it goes anywhere."""

import re

from flask import request

from cxloop.errors import Invalid

WORDS = 10_000
"""The longest message one may write, in characters."""

_LOCAL = re.compile(r"/(?:[A-Za-z0-9_-][^\\\x00-\x20\x7f]*)?")


def words(field: str, *, at_most: int = WORDS) -> str:
    """The text of a field, without the space around it; an absent one is empty. Raises Invalid if it is too long."""
    text = request.form.get(field, "").strip()
    if len(text) > at_most:
        raise Invalid(f"Keep it under {at_most:,} characters.", **{field: f"Keep it under {at_most:,} characters."})
    return text


def local(wanted: str | None) -> str:
    """`wanted` if it is a path of this site, else the front page: nobody is sent elsewhere through us."""
    return wanted if wanted and _LOCAL.fullmatch(wanted) else "/"
