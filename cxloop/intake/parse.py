"""Turn a file of feedback into items that `intake.receive` takes. Pure: no clock, and nothing is written.

`survey` reads the file once and decides what its columns mean; `Reading` reads it again and gives every record as
an Item or, with line number and reason, as a Reject. Both take constant memory.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import islice

from cxloop.customers import address
from cxloop.errors import Invalid
from cxloop.intake import columns
from cxloop.intake.dates import FUTURE, OrderEvidence, read_date
from cxloop.intake.records import NO_DELIMITER, Reject, Row, Table, Unreadable
from cxloop.intake.scores import NO_ANSWER, OffScale, Scale, ScaleEvidence, Score, read_score

MAX_TEXT = 20_000  # characters
MAX_QUESTION = 1_000
MAX_NAME = 200  # of an id, a person's name, a handle

SAMPLE = 500  # records on which the columns are guessed


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of feedback, as `intake.receive` takes it.

    `scale` is written "0-10", "1-5" or "1-7", worst end first; "5-1" is a scale on which 1 is the best.
    """

    external_id: str
    text: str | None
    score: float | None = None
    scale: str | None = None
    question: str | None = None
    occurred_at: datetime | None = None
    customer_name: str | None = None
    customer_ref: str | None = None  # their handle or number in the source
    email: str | None = None


@dataclass(frozen=True)
class Wishes:
    """What the user said about the file; everything else is guessed. Columns by field, "-" for none."""

    columns: Mapping[str, str] = field(default_factory=dict)
    scale: Scale | None = None
    day_first: bool | None = None
    zone: tzinfo = UTC


@dataclass(frozen=True)
class Plan:
    """How a file is going to be read. `said` tells the user, line by line, before anything is taken."""

    columns: Mapping[str, str]
    scale: Scale | None
    day_first: bool
    zone: tzinfo
    said: tuple[str, ...]


def survey(table: Table, wishes: Wishes, *, at: datetime) -> Plan:
    """Read the whole file and decide which column is which, the scale, and the order of day and month.

    Raises Invalid for a wish that the file cannot fulfil, Unreadable where there are no rows.
    """
    records = (record for record in table.records() if isinstance(record, Row))
    sample = [{name: cell[:500] for name, cell in row.cells.items()} for row in islice(records, SAMPLE)]
    if not sample and next(table.records(), None) is None:
        raise Unreadable(f"{table.path.name} has column names and no rows: there is nothing to import.")
    chosen = columns.choose(table.columns, sample, wishes.columns)
    doubtful = columns.doubtful(table.columns, sample, chosen, wishes.columns)
    dates, scores = OrderEvidence(at), ScaleEvidence()
    for cells in _both(sample, records):
        dates.add(cells.get(chosen.get("when", ""), ""))
        scores.add(cells.get(chosen.get("score", ""), ""))
    scale = _scale(chosen.get("score", ""), scores, wishes.scale)
    order = dates.decide()
    day_first = order.day_first if wishes.day_first is None else wishes.day_first
    because = order.because if wishes.day_first is None else "as you said"
    notes = {
        "score": _about_scores(scale, scores, said=wishes.scale is not None),
        "when": _about_dates(day_first, dates.total, because, wishes.zone),
    }
    return Plan(chosen, scale, day_first, wishes.zone, tuple(_said(table, chosen, notes, doubtful)))


class Reading:
    """The records of a file as items; iterate once."""

    def __init__(self, table: Table, plan: Plan, *, at: datetime) -> None:
        self._table, self._plan, self._at = table, plan, at
        self.left_out: Counter[str] = Counter()
        """What items were taken without, and how many: "a score (7 is not on 1-5)"."""

    def __iter__(self) -> Iterator[Item | Reject]:
        with closing(_Ordinals()) as ordinals:
            for record in self._table.records():
                if isinstance(record, Reject):
                    yield record
                    continue
                try:
                    yield self._item(record, ordinals)
                except ValueError as error:
                    yield Reject(record.line, str(error), record.raw)

    def _item(self, row: Row, ordinals: _Ordinals) -> Item:
        """Raises ValueError with the reason why it cannot be taken."""
        text, occurred_at = self._text(row), self._when(row)
        external_id, question, name, ref = (self._short(row, of) for of in ("id", "question", "name", "customer"))
        score = self._score(row, needed=text is None)
        if text is None and score is None:
            raise ValueError("empty: neither text nor score")
        return Item(
            external_id=external_id or ordinals.identity(row.cells),
            text=text,
            score=score.value if score else None,
            scale=str(score.scale) if score else None,
            question=question,
            occurred_at=occurred_at,
            customer_name=name,
            customer_ref=ref,
            email=self._address(row),
        )

    def _cell(self, row: Row, name: str) -> str:
        return row.cells.get(self._plan.columns.get(name, ""), "")

    def _text(self, row: Row) -> str | None:
        written = self._cell(row, "text")
        text = clean(written) if len(written) <= 10 * MAX_TEXT else written
        if len(text) > MAX_TEXT:
            raise ValueError(f"a text longer than {MAX_TEXT:,} characters")
        return text or None

    def _score(self, row: Row, *, needed: bool) -> Score | None:
        """A number beyond the scale is left out: it is most often a code for "don't know", and the text counts."""
        try:
            return read_score(clean(self._cell(row, "score")), self._plan.scale)
        except OffScale as off:
            if needed:
                raise ValueError(f"empty: no text, and {off}") from None
            self._leave_out(f"a score ({off})")
            return None

    def _when(self, row: Row) -> datetime | None:
        written = clean(self._cell(row, "when"))
        if not written or written.lower() in NO_ANSWER:
            return None
        moment = read_date(written, day_first=self._plan.day_first, zone=self._plan.zone)
        if moment > self._at + FUTURE:
            raise ValueError("a date in the future")
        return moment

    def _short(self, row: Row, name: str) -> str | None:
        value = " ".join(clean(self._cell(row, name)).split())
        limit = MAX_QUESTION if name == "question" else MAX_NAME
        if len(value) > limit:
            raise ValueError(f"the {name} is longer than {limit:,} characters")
        return None if not value or value.lower() in NO_ANSWER else value

    def _address(self, row: Row) -> str | None:
        value = clean(self._cell(row, "email"))
        if not value or value.lower() in NO_ANSWER:
            return None
        found = address(value)
        if found is None:
            self._leave_out("an e-mail address (it is none)")
        return found

    def _leave_out(self, what: str) -> None:
        """A hostile file must not fill the memory with reasons."""
        self.left_out[what if what in self.left_out or len(self.left_out) < 20 else "something else"] += 1


def clean(written: str) -> str:
    """HTML entities read once, control characters and half characters gone, line breaks plain, ends trimmed."""
    text = html.unescape(written).replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", "", text)
    return text.strip()


class _Ordinals:
    """Tells rows without an id apart: the hash of the whole row, and which of the equal ones it is.

    The counts lie in SQLite's private temporary file, so that a file of any length takes the same memory.
    """

    def __init__(self) -> None:
        self._counts = sqlite3.connect("")
        self._counts.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")

    def identity(self, cells: Mapping[str, str]) -> str:
        canonical = json.dumps(cells, sort_keys=True).encode()
        digest = hashlib.sha256(canonical).digest()[:16]
        sql = "INSERT INTO seen VALUES (?, 1) ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times"
        [(times,)] = self._counts.execute(sql, (digest,)).fetchall()
        return f"hash:{digest.hex()}:{times}"

    def close(self) -> None:
        self._counts.close()


def _both(sample: list[dict[str, str]], rest: Iterator[Row]) -> Iterator[dict[str, str]]:
    yield from sample
    yield from (row.cells for row in rest)


def _scale(column: str, scores: ScaleEvidence, wished: Scale | None) -> Scale | None:
    if wished is None:
        try:
            return scores.infer(column)
        except ValueError as error:
            raise Invalid(f"{column}: {error}; say --scale, as --scale 0-10, or --score - for none.") from None
    total, outside = scores.numbers.total(), scores.outside(wished).total()
    if outside * 2 > total:
        raise Invalid(f"--scale {wished} does not fit: {outside:,} of {total:,} scores in {column} lie outside.")
    return wished


def _about_scores(scale: Scale | None, scores: ScaleEvidence, *, said: bool) -> str:
    if scale is None:
        return ""
    told = f"on a scale of {scale}" + (", as you said" if said else "")
    if scale.worst > scale.best:
        told += f" ({scale.best} is the best" + ("" if said else ", as the Friends and Family Test codes it") + ")"
    outside = scores.outside(scale)
    if outside:
        codes = ", ".join(f"{number:g}" for number in sorted(outside)[:5])
        told += f"; {codes} {'counts' if len(outside) == 1 else 'count'} as no score ({outside.total():,} rows)"
    return told


def _about_dates(day_first: bool, total: int, because: str, zone: tzinfo) -> str:
    order = f"{'day' if day_first else 'month'} first ({because}); " if total else ""
    return f"{order}{zone} where no zone is given"


def _said(table: Table, chosen: Mapping[str, str], notes: Mapping[str, str], doubtful: Sequence[str]) -> Iterator[str]:
    named = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", NO_DELIMITER: "nothing"}
    between = f" with {named[table.delimiter]} between" if table.format == "CSV" else ""
    yield f"{table.path.name}: {table.format}, {len(table.columns)} columns{between}"
    for name in columns.FIELDS:
        if name in chosen:
            yield f"  {name:<9} {chosen[name]}" + (f", {notes[name]}" if notes.get(name) else "")
    left = [column for column in table.columns if column not in chosen.values()]
    if left:
        yield "  not taken " + ", ".join(left)
    for about in doubtful:
        yield "  look at   " + about
