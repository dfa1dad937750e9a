"""Read CSV and JSON Lines in constant memory, losing nothing: every line that begins a record is a Row or a Reject."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxloop.errors import CxloopError
from cxloop.intake.lines import MAX_LINE, UTF_16, Line, Lines
from cxloop.intake.spreadsheets import unguarded

MAX_FIELD = 131_072
"""Characters, line breaks included (the csv module's own limit): a quote still open after so many was never closed."""

MAX_COLUMNS = 500
DELIMITERS = (",", ";", "\t", "|")
NO_DELIMITER = "\x1f"  # a file of one column: its commas are commas


class Unreadable(CxloopError):
    """The file is not CSV or JSON Lines."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record: its cells by column, as they stand in the file."""

    line: int
    cells: dict[str, str]
    raw: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that cannot be taken, and why. `line` is the physical line on which it begins, counted from 1."""

    line: int
    reason: str
    raw: str


class Table:
    """One file. `records()` may be called again and again; each call reads the file from its beginning."""

    def __init__(self, path: Path) -> None:
        """Look at the beginning: encoding, format, delimiter, columns.

        Raises `Unreadable` for what is neither CSV nor JSON Lines, and OSError.
        """
        self.path = path
        head = self._head()
        self.size = path.stat().st_size
        self.position = 0
        """Bytes read so far by the latest `records()`."""
        self.encoding = "utf-16" if head[:2] in UTF_16 else "utf-8-sig"
        with self._open() as lines:
            self.format = "JSON Lines" if lines.first().startswith("{") else "CSV"
        self.delimiter = ","
        self.columns: tuple[str, ...] = ()
        if self.format == "CSV":
            self._read_heading()
        else:
            self._collect_keys()

    def records(self) -> Iterator[Row | Reject]:
        """Every record after the heading."""
        with self._open() as lines:
            reading = _json_records(lines) if self.format == "JSON Lines" else self._csv_records(lines)
            for record in reading:
                self.position = lines.position()
                yield record
            self.position = self.size

    def _head(self) -> bytes:
        if not self.path.is_file():
            raise Unreadable(f"{self.path.name} is not a file: it is read twice, so a pipe will not do.")
        with self.path.open("rb") as stream:
            head = stream.read(1024)
        if not head.strip():
            raise Unreadable(f"{self.path.name} is empty.")
        if head[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
            raise Unreadable(f"{self.path.name} is a workbook or an archive: save the sheet as CSV and import that.")
        if head[:2] == b"\x1f\x8b":
            raise Unreadable(f"{self.path.name} is compressed: unpack it and import what is inside.")
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["):
            raise Unreadable(f"{self.path.name} is one JSON array: JSON Lines has one object a line (jq -c '.[]').")
        if head[:2] not in UTF_16 and sum(byte < 9 or 13 < byte < 32 for byte in head) * 33 > len(head):
            raise Unreadable(f"{self.path.name} is not a text file.")
        return head

    def _open(self) -> Lines:
        return Lines(self.path.open("rb"), self.encoding)

    def _read_heading(self) -> None:
        with self._open() as lines:
            sample = lines.sample()
        self.delimiter = _delimiter(sample)
        with self._open() as lines:
            heading = next(_csv_rows(lines, self.delimiter, 0), None)
        if heading is None or isinstance(heading, Reject):
            raise Unreadable(f"{self.path.name} has no line of column names that can be read.")
        if len(heading[1]) > MAX_COLUMNS:
            raise Unreadable(f"{self.path.name} has more than {MAX_COLUMNS} columns.")
        self.columns = _named(heading[1])

    def _csv_records(self, lines: Lines) -> Iterator[Row | Reject]:
        rows = _csv_rows(lines, self.delimiter, len(self.columns))
        next(rows)  # the heading
        for row in rows:
            if isinstance(row, Reject):
                yield row
                continue
            line, fields, raw = row
            width = len(self.columns)
            if len(fields) < width or any(field.strip() for field in fields[width:]):
                yield Reject(line, f"{len(fields)} fields where the heading has {width}", raw)
            else:
                yield Row(line, dict(zip(self.columns, map(unguarded, fields), strict=False)), raw)

    def _collect_keys(self) -> None:
        """JSON Lines have no heading: the columns are all keys of the file, in the order of their appearance."""
        keys: dict[str, None] = {}
        for record in self.records():
            if isinstance(record, Row) and len(keys) < MAX_COLUMNS:
                keys.update(dict.fromkeys(record.cells))
        self.columns = tuple(keys)


def _csv_rows(lines: Lines, delimiter: str, width: int) -> Iterator[tuple[int, list[str], str] | Reject]:
    """(line, fields, raw) of every record, the heading included.

    A record whose quotes do not close is rejected alone: reading goes on at the next line that can begin a
    record, instead of swallowing rows until a quote happens to come.
    """
    while (first := lines.take()) is not None:
        if not first.text.strip():
            continue
        if not first.whole:
            yield Reject(first.number, f"a line longer than {MAX_LINE:,} characters", first.text[:MAX_FIELD])
            continue
        try:
            fields, used = _record(lines, first, delimiter)
        except csv.Error as error:
            broken = [first, *_continuation(lines, delimiter, width)]
            reason = "a field that is too long" if "field limit" in str(error) else "a quote that is not closed"
            yield Reject(first.number, f"broken row: {reason}", "".join(line.text for line in broken))
        else:
            yield first.number, fields, "".join(line.text for line in used)


def _record(lines: Lines, first: Line, delimiter: str) -> tuple[list[str], list[Line]]:
    """The fields of the record that begins with `first`, and the lines that it takes.

    Raises csv.Error for broken quotes, with all lines but the first put back.
    """
    used = [first]

    def feed() -> Iterator[str]:
        size = len(first.text)
        yield first.text
        while size <= MAX_LINE and (line := lines.take()) is not None:
            used.append(line)
            size += len(line.text)
            yield line.text

    try:
        return next(csv.reader(feed(), delimiter=delimiter, skipinitialspace=True, strict=True)), used
    except csv.Error:
        lines.put_back(used[1:])
        raise


def _continuation(lines: Lines, delimiter: str, width: int) -> Iterator[Line]:
    """The lines after a broken one that are too short to begin a record of their own, and so belong to it."""
    size = 0
    while (line := lines.take()) is not None:
        size += len(line.text)
        if size > MAX_FIELD or len(next(csv.reader([line.text], delimiter=delimiter), [])) >= width:
            lines.put_back([line])
            return
        yield line


def _delimiter(sample: list[str]) -> str:
    """The one that gives the most rows as many fields as the heading."""
    best, delimiter = (0.0, 1), NO_DELIMITER
    for candidate in DELIMITERS:
        try:
            rows = _fields(sample, candidate)
        except csv.Error:
            continue
        width = len(rows[0])
        alike = sum(len(row) == width for row in rows) / len(rows)
        if width > 1 and (round(alike, 1), width) > best:
            best, delimiter = (round(alike, 1), width), candidate
    return delimiter


def _fields(sample: list[str], delimiter: str) -> list[list[str]]:
    """Of the heading alone where a row has a field that is too long. Raises csv.Error where the heading has."""
    try:
        return list(csv.reader(sample, delimiter=delimiter))
    except csv.Error:
        return list(csv.reader(sample[:1], delimiter=delimiter))


def _named(heading: list[str]) -> tuple[str, ...]:
    """Column names that tell every column apart: a blank one is "column 3", a second "Name" is "Name (2)"."""
    names: list[str] = []
    for number, cell in enumerate(heading, 1):
        name = " ".join(cell.split())[:200] or f"column {number}"
        times = sum(name == earlier for earlier in names)
        names.append(f"{name} ({number})" if times else name)
    return tuple(names)


def _json_records(lines: Lines) -> Iterator[Row | Reject]:
    while (line := lines.take()) is not None:
        if not line.text.strip():
            continue
        try:
            if not line.whole:
                raise ValueError(f"a line longer than {MAX_LINE:,} characters")
            cells = _cells(json.loads(line.text, parse_int=str, parse_float=str, parse_constant=_refuse))
        except json.JSONDecodeError as error:
            yield Reject(line.number, f"not JSON: {error.msg} at character {error.pos + 1}", line.text[:MAX_FIELD])
        except (ValueError, RecursionError) as error:
            reason = "JSON nested too deeply" if isinstance(error, RecursionError) else str(error)
            yield Reject(line.number, reason, line.text[:MAX_FIELD])
        else:
            yield Row(line.number, cells, line.text)


def _refuse(constant: str) -> None:
    raise ValueError(f"not JSON: {constant} is no number")


def _cells(value: Any) -> dict[str, str]:
    """A JSON object as cells; an object inside it becomes "user.name", a list keeps its JSON."""
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    cells: dict[str, str] = {}
    for key, inner in value.items():
        if isinstance(inner, dict):
            cells |= {f"{key}.{name}": cell for name, cell in _cells(inner).items()}
        elif inner is None:
            cells[key] = ""
        else:
            cells[key] = inner if isinstance(inner, str) else json.dumps(inner, ensure_ascii=False)
    return cells
