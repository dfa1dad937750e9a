"""The physical lines of a text file: numbered, in constant memory, in whatever encoding it came."""

from __future__ import annotations

import io
import re
from collections import deque
from typing import BinaryIO, NamedTuple, TextIO

MAX_LINE = 1_000_000
"""Characters. A longer line is no record that a person wrote; its rest is skipped."""

UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class Line(NamedTuple):
    number: int
    text: str
    whole: bool = True


class Lines:
    """The physical lines of a file, of which some can be put back. A context manager: it closes the file."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        self._bytes = stream
        errors = "replace" if encoding == "utf-16" else "surrogateescape"
        self._text: TextIO = io.TextIOWrapper(stream, encoding, errors, newline="")
        self._number = 0
        self._back: deque[Line] = deque()

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def position(self) -> int:
        return self._bytes.tell()

    def take(self) -> Line | None:
        """The next line, or None at the end."""
        if self._back:
            return self._back.popleft()
        text = self._text.readline(MAX_LINE)
        if not text:
            return None
        self._number += 1
        whole = len(text) < MAX_LINE or text.endswith(("\n", "\r"))
        if not whole:
            while (rest := self._text.readline(MAX_LINE)) and not rest.endswith(("\n", "\r")):
                pass
        return Line(self._number, _mended(text), whole)

    def put_back(self, lines: list[Line]) -> None:
        self._back.extendleft(reversed(lines))

    def first(self) -> str:
        """The first line that is not blank, without the blanks around it."""
        while (line := self.take()) is not None:
            if line.text.strip():
                return line.text.strip()
        return ""

    def sample(self) -> list[str]:
        """Up to 200 lines from the beginning that are not blank, enough to tell the delimiter."""
        lines: list[str] = []
        while len(lines) < 200 and sum(map(len, lines)) < MAX_LINE and (line := self.take()) is not None:
            if line.text.strip() and line.whole:
                lines.append(line.text)
        return lines


def _mended(text: str) -> str:
    """Bytes that are not UTF-8 are read as Windows-1252, which is what they nearly always are."""
    if text.isascii():
        return text
    return re.sub("[\udc80-\udcff]+", _as_cp1252, text)


def _as_cp1252(found: re.Match[str]) -> str:
    return found[0].encode("utf-8", "surrogateescape").decode("cp1252", "replace")
