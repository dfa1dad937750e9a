"""`cxloop import FILE`: feedback from a CSV or JSON Lines file. Safe to interrupt and to repeat."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from cxloop import clock, intake, loop
from cxloop.cli.installation import BY, installation
from cxloop.cli.rejects import RejectsFile
from cxloop.cli.tables import plain
from cxloop.db import db, transaction
from cxloop.errors import Conflict, CxloopError, Invalid
from cxloop.intake.columns import FIELDS
from cxloop.intake.models import Source, SourceKind
from cxloop.intake.parse import Item, Plan, Reading, Wishes, survey
from cxloop.intake.records import Reject, Table
from cxloop.intake.scores import Scale

BATCH = 500
"""Records to a transaction: the most that an interruption can cost, and that others wait for on SQLite."""

SOURCE_NAME = 80  # characters
REASONS = 12  # named in the summary; the file of rejects has them all

_MEANT = {
    "text": "What they said",
    "score": "Their score: 4, 8/10, ★★★★☆, Very good",
    "when": "When they said it",
    "customer": "Their handle or number, by which they are known again",
    "name": "Their name; nobody is known again by it",
    "email": "Their e-mail address",
    "id": "The number of the piece of feedback; without one the whole row tells",
    "question": "What they were asked",
}


def column_options(command: Callable[..., None]) -> Callable[..., None]:
    """`--text COLUMN` and its like, one for each field."""
    for name in reversed(FIELDS):
        told = f"{_MEANT[name]}. Guessed if not given; '-' for none."
        command = click.option(f"--{name}", metavar="COLUMN", help=told)(command)
    return command


def _scale(_ctx: click.Context, _param: click.Parameter, value: str | None) -> Scale | None:
    try:
        return Scale.parse(value) if value else None
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from None


def _zone(_ctx: click.Context, _param: click.Parameter, value: str) -> tzinfo:
    try:
        return ZoneInfo(value)
    except (ValueError, OSError, KeyError):
        raise click.BadParameter("there is no such zone; say it as Europe/Berlin.") from None


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", metavar="NAME", help="Where it comes from; the name of the file if not given.")
@click.option("--kind", type=click.Choice([kind.value for kind in SourceKind]), help="What kind of source it is.")
@column_options
@click.option("--scale", callback=_scale, metavar="WORST-BEST", help="0-10, 1-5; 5-1 if 1 is the best. Else inferred.")
@click.option("--day-first/--month-first", default=None, help="How to read 03/04/2021. Else inferred.")
@click.option("--zone", callback=_zone, default="UTC", show_default=True, help="Of times that name none.")
@click.option("--notify", is_flag=True, help="Send acknowledgements also for what is older than 72 hours.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Else FILE's name with .rejects.csv, in this folder.",
)
def import_(
    file: Path, source: str | None, kind: str | None, rejects: Path | None, notify: bool, **wishes: Any
) -> None:
    """Import feedback from FILE, CSV or JSON Lines.

    What the columns mean is guessed and said before anything is taken; nothing is asked. Safe to interrupt and to
    repeat: what is in already is passed over. Rejected rows go to a file, with line number and reason.

    Exit codes: 0 imported, even if rows were rejected; 1 failed or interrupted; 2 wrong usage.
    """
    left = RejectsFile(file, rejects)
    at = clock.now()
    table, plan = _plan(file, wishes, at=at)
    for line in plan.said:
        click.echo(plain(line))
    with installation():
        name = _source_name(source, file)
        source_id = _again(partial(_source, name, kind, at=at))
        _take(table, plan, source_id, notify=notify, rejects=left)


def _plan(file: Path, wishes: dict[str, Any], *, at: datetime) -> tuple[Table, Plan]:
    """What the file is and how it is going to be read."""
    wanted = Wishes(
        columns={name: column for name in FIELDS if (column := wishes[name])},
        scale=wishes["scale"],
        day_first=wishes["day_first"],
        zone=wishes["zone"],
    )
    try:
        table = Table(file)
        return table, survey(table, wanted, at=at)
    except Invalid as error:
        raise click.UsageError(plain(str(error))) from None
    except CxloopError as error:
        raise CxloopError(plain(str(error))) from None
    except OSError as error:
        raise CxloopError(plain(f"{file.name} cannot be read: {error.strerror}.")) from None


def _source_name(given: str | None, file: Path) -> str:
    if given is None:
        return plain(file.stem)[:SOURCE_NAME]
    if not given.strip() or len(given) > SOURCE_NAME or not given.isprintable():
        raise click.UsageError(f"--source is a name of at most {SOURCE_NAME} characters on one line.")
    return given.strip()


def _source(name: str, kind: str | None, *, at: datetime) -> int:
    """The id of the source, made if there is none. Without a kind an old source keeps its own."""
    known = db.session.scalar(sa.select(Source.kind).where(Source.name == name))
    try:
        with transaction():
            source = intake.source(name, SourceKind(kind) if kind else known or SourceKind.OTHER, by=BY, at=at)
    except Conflict as error:
        raise click.UsageError(f"{error} Say its kind with --kind, or give another name with --source.") from None
    click.echo(f'  from      the source "{source.name}", of kind {source.kind.value}')
    return source.id


def _again(work: Callable[[], int]) -> int:
    """Somebody may import the same file at the same time: what they made first is known at the second try."""
    try:
        return work()
    except IntegrityError:
        return work()


@dataclass
class Tally:
    read: int = 0
    new: int = 0
    duplicate: int = 0
    rejected: Counter[str] = field(default_factory=Counter)

    def reject(self, reason: str) -> None:
        """A hostile file must not fill the memory with reasons."""
        known = reason in self.rejected or len(self.rejected) < 100
        self.rejected[reason if known else "another reason"] += 1

    def __str__(self) -> str:
        rejected = self.rejected.total()
        return f"read {self.read}, new {self.new}, duplicate {self.duplicate}, rejected {rejected}"


def _take(table: Table, plan: Plan, source_id: int, *, notify: bool, rejects: RejectsFile) -> None:
    """Import all of it, batch by batch, and say what became of it."""
    reading, tally = Reading(table, plan, at=clock.now()), Tally()
    try:
        with rejects, _progress(table) as moved:
            for batch in _batches(reading):
                items = [each for each in batch if isinstance(each, Item)]
                heard = _again(partial(_hear, source_id, items, tell=True if notify else None))
                tally.read += len(batch)
                tally.new += heard
                tally.duplicate += len(items) - heard
                for each in batch:
                    if isinstance(each, Reject):
                        rejects.add(each)
                        tally.reject(each.reason)
                moved()
    except KeyboardInterrupt:
        click.echo(f"Interrupted. In so far: {tally}. Run it again and it goes on.", err=True)
        sys.exit(1)
    except (CxloopError, OSError, SQLAlchemyError):
        if tally.read:
            click.echo(f"Stopped. In so far: {tally}. Run it again and it goes on.", err=True)
        raise
    _tell(tally, reading, rejects)


def _batches(reading: Reading) -> Iterator[list[Item | Reject]]:
    records = iter(reading)
    while batch := list(islice(records, BATCH)):
        yield batch


def _hear(source_id: int, items: list[Item], *, tell: bool | None) -> int:
    """How many of the items were new."""
    with transaction() as session:
        source = session.get_one(Source, source_id)
        return len(loop.hear(source, items, tell=tell, by=BY, at=clock.now()).new)


@contextmanager
def _progress(table: Table) -> Iterator[Callable[[], None]]:
    """A bar over the bytes of the file, on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    with click.progressbar(length=table.size, label="Importing", file=sys.stderr) as bar:
        yield lambda: bar.update(table.position - bar.pos)


def _tell(tally: Tally, reading: Reading, rejects: RejectsFile) -> None:
    for without, times in reading.left_out.most_common():
        click.echo(f"taken without {plain(without)}: {times}")
    for reason, times in tally.rejected.most_common(REASONS):
        click.echo(f"rejected: {plain(reason)}: {times}")
    if len(tally.rejected) > REASONS:
        click.echo(f"rejected for {len(tally.rejected) - REASONS} more reasons")
    if tally.rejected:
        click.echo(f"The rejected rows are in {rejects}, with line number and reason.")
    click.echo(str(tally))
