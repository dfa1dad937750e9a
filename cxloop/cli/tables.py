"""Rows for people, in columns, and for programs, as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import click


def show(rows: Iterable[Mapping[str, Any]], *, as_json: bool, nothing: str) -> None:
    """Print the rows, which share their keys; `nothing` is said where there are none."""
    rows = list(rows)
    if as_json:
        click.echo(json.dumps(rows, default=datetime.isoformat))
    elif not rows:
        click.echo(nothing)
    else:
        for line in _lines([list(rows[0]), *([_words(cell) for cell in row.values()] for row in rows)]):
            click.echo(line)


def plain(text: str) -> str:
    """The text with its control characters spelled out: what somebody wrote must not talk to the terminal."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def one_line(limit: int) -> Any:
    """A click callback: the value is one line of `limit` characters at most, as its column in the database is."""

    def check(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
        if value is not None and (not value.strip() or not value.isprintable() or len(value) > limit):
            raise click.BadParameter(f"one line of 1 to {limit} characters, please.")
        return value.strip() if value else value

    return check


def _words(cell: Any) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return f"{cell:%Y-%m-%d %H:%M}"
    return plain(", ".join(map(str, cell)) if isinstance(cell, list) else str(cell))


def _lines(table: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
