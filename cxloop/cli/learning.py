"""`cxloop model learn|rollback|versions`: heads that are learnt from what people corrected, here and without torch."""

from typing import Any

import click

from cxloop import paths, teaching
from cxloop.cli.installation import BY, installation
from cxloop.cli.tables import show
from cxloop.clock import now
from cxloop.db import transaction
from cxloop.tagging import versions as kept
from cxloop.tagging.models import HeadVersion


@click.command()
def learn() -> None:
    """Learn from all corrections and examples now; the result serves only if it is not worse."""
    with installation() as app:
        said = learn_now(app.config["MODEL"])
    click.echo(said)


def learn_now(model: str) -> str:
    """What came of it, in words. Needs an application context."""
    from cxloop.tagging.model import OnnxTagger  # heavy: only where texts are read

    folder = paths.model_folder(model or None)
    version = teaching.learn(OnnxTagger(folder), folder, by=BY)
    if version is None:
        return "There is nothing to learn from yet."
    lines = [f"Version {version.id}: {version.decision}"]
    for part, measured in version.scores.items():
        if part != "new_causes":
            lines += [
                f"  {part.replace('_', ' ')}, {name.replace('_', ' ')}: {each['before']:.3f} before, "
                f"{each['after']:.3f} after, {each['n']} texts"
                for name, each in measured.items()
            ]
    for key, each in version.scores.get("new_causes", {}).items():
        lines.append(
            f"  {key}: {each['examples']} examples, {each['found']:.0%} of them found by the others, "
            f"asserted of {each['false_alarms']:.1%} of the corpus"
            if key in version.causes
            else f"  {key}: {each['examples']} examples, five are needed"
        )
    return "\n".join(lines)


@click.command()
@click.argument("version", required=False)
def rollback(version: str | None) -> None:
    """Serve VERSION again: a number of `cxloop model versions`, or `shipped`.  [what served before]"""
    if version not in (None, "shipped") and not str(version).isdecimal():
        raise click.UsageError(f"{version} is no version: a number, or `shipped`.")
    with installation(), transaction():
        to = kept.before() if version is None else None if version == "shipped" else int(version)
        kept.rollback(to, by=BY, at=now())
    click.echo(f"Version {to} serves." if to else "The shipped heads serve.")


@click.command()
@click.option("--json", "as_json", is_flag=True)
def versions(as_json: bool) -> None:
    """What was learnt, what was decided about it, and which version serves."""
    with installation():
        show([_version(row) for row in kept.list_()], as_json=as_json, nothing="Nothing was learnt yet.")


def _version(row: HeadVersion) -> dict[str, Any]:
    return {
        "version": row.id,
        "status": row.status.value,
        "model": row.base,
        "made": row.made_at,
        "by": row.by,
        "corrections": row.counts.get("corrections", 0),
        "decision": row.decision,
    }
