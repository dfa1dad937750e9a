"""`cxloop cause …`: the company's own list of what goes wrong."""

from pathlib import Path
from typing import Any

import click

from cxloop.cli.installation import BY, installation
from cxloop.cli.learning import learn_now
from cxloop.cli.tables import one_line, show
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.errors import CxloopError
from cxloop.tagging import catalogue
from cxloop.tagging.models import Cause


@click.group()
def cause() -> None:
    """The causes of complaints: list, add, rename, merge, split, retire, restore, show by examples."""


@cause.command("list")
@click.option("--all", "everything", is_flag=True, help="Also those that were merged or retired.")
@click.option("--json", "as_json", is_flag=True)
def list_causes(everything: bool, as_json: bool) -> None:
    """The causes in use."""
    with installation():
        rows = catalogue.every() if everything else catalogue.causes()
        show(map(_cause, rows), as_json=as_json, nothing="No causes.")


@cause.command("add")
@click.argument("key")
@click.option("--name", required=True, callback=one_line(80))
@click.option("--definition", required=True, callback=one_line(500), help="A sentence: the tagger reads it too.")
def add_cause(key: str, name: str, definition: str) -> None:
    """Add the cause KEY. With five examples (`cxloop cause example`) the tagger says it too."""
    with installation(), transaction():
        catalogue.add(key, name=name, definition=definition, by=BY, at=now())
    click.echo(f"Added {key}: people can choose it now. Show the tagger five texts: cxloop cause example {key} …")


@cause.command("rename")
@click.argument("key")
@click.option("--name", callback=one_line(80))
@click.option("--definition", callback=one_line(500))
def rename_cause(key: str, name: str | None, definition: str | None) -> None:
    """Give KEY another name or definition; what was tagged with it shows the new name."""
    if name is None and definition is None:
        raise click.UsageError("Give --name or --definition.")
    with installation(), transaction():
        catalogue.rename(key, name=name, definition=definition, by=BY, at=now())
    click.echo(f"Renamed {key}.")


@cause.command("merge")
@click.argument("key")
@click.option("--into", required=True, metavar="KEY")
def merge_cause(key: str, into: str) -> None:
    """Show and count KEY as another cause from now on."""
    with installation(), transaction():
        catalogue.merge(key, into=into, by=BY, at=now())
    click.echo(f"{key} is shown and counted as {into}.")


@cause.command("split")
@click.argument("key")
@click.option(
    "--into", "parts", nargs=3, multiple=True, required=True, metavar="KEY NAME DEFINITION", help="Twice at least."
)
def split_cause(key: str, parts: tuple[tuple[str, str, str], ...]) -> None:
    """Put several causes in the place of KEY; what was tagged with it keeps its name."""
    with installation(), transaction():
        catalogue.split(key, into=parts, by=BY, at=now())
    click.echo(f"{key} is split into {', '.join(part for part, _, _ in parts)}.")


@cause.command("retire")
@click.argument("key")
def retire_cause(key: str) -> None:
    """Say KEY of nothing new; what was tagged with it keeps it."""
    with installation(), transaction():
        catalogue.retire(key, by=BY, at=now())
    click.echo(f"{key} is retired.")


@cause.command("restore")
@click.argument("key")
def restore_cause(key: str) -> None:
    """Use KEY again after it was retired or merged."""
    with installation(), transaction():
        catalogue.restore(key, by=BY, at=now())
    click.echo(f"{key} is in use again.")


@cause.command("example")
@click.argument("key")
@click.argument("texts", nargs=-1, required=True, metavar="TEXT…|FILE")
@click.option("--learn/--no-learn", default=True, help="Let the tagger learn at once.  [learn]")
def show_cause(key: str, texts: tuple[str, ...], learn: bool) -> None:
    """Show what KEY means by texts, each an argument, or the lines of a file."""
    if len(texts) == 1 and _is_file(texts[0]):
        texts = tuple(_lines(Path(texts[0])))
    with installation() as app:
        with transaction():
            added = catalogue.add_examples(key, texts, by=BY, at=now())
        click.echo("1 example added." if added == 1 else f"{added} examples added.")
        if learn and added:
            click.echo(learn_now(app.config["MODEL"]))


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or not one at all
        return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CxloopError(f"{path} cannot be read as lines of text ({error}).") from error


def _cause(row: Cause) -> dict[str, Any]:
    return {
        "key": row.key,
        "name": row.name,
        "in use": row.active,
        "merged into": row.merged_into,
        "definition": row.definition,
    }
