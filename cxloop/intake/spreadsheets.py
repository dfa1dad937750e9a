"""Cells that a spreadsheet would take for a formula: guarded on the way out, and as they were again on the way in.

A spreadsheet runs what begins with =, +, -, @, a tab or a line break, some also the full-width forms. An apostrophe
before it makes it text. What stands there with apostrophes already gets one more, so that nothing is lost.
"""

import re

_GUARDED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
_RISKY = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")


def guarded(cell: str) -> str:
    return f"'{cell}" if _RISKY.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given. Takes the guard of other programs off too."""
    return cell[1:] if _GUARDED.match(cell) else cell
