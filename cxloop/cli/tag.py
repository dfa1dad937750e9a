"""`cxloop tag`: labels for lines of text, without a database: to try a model, or to tag in a pipe."""

import json
from collections.abc import Iterable
from typing import IO, Any, BinaryIO

import click

from cxloop.paths import model_folder
from cxloop.tagging.model import OnnxTagger
from cxloop.tagging.tagger import Suggestion, Tagger, Text


@click.command()
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--model", envvar="CXLOOP_MODEL", help="A model folder or a shipped version.  [the newest shipped]")
def tag(file: BinaryIO, model: str | None) -> None:
    """Tag JSON Lines: {"id", "text", "question"?} in, one line of labels out for each, in the same order.

    Stops at a line that cannot be read, names it on the error output and exits with 2: nothing is dropped silently.
    """
    tagger = OnnxTagger(model_folder(model))
    for line in tagged(file, tagger):
        click.echo(line)


def tagged(lines: Iterable[bytes], tagger: Tagger) -> Iterable[str]:
    """One line of JSON for every line that is not empty. Raises click.UsageError naming the line that is wrong."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        fields = _read(line, number)
        suggestion = tagger.suggest([Text(fields["text"], fields.get("question"))])[0]
        yield json.dumps(_answer(fields.get("id"), suggestion))


class _WrongLine(click.ClickException):
    exit_code = 2

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"cxloop: {self.format_message()}", err=True, file=file)


def _read(line: bytes, number: int) -> dict[str, Any]:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "not UTF-8 text"
        raise _WrongLine(f"line {number} is not JSON ({reason}).") from error
    if not isinstance(fields, dict) or not isinstance(fields.get("text"), str):
        raise _WrongLine(f'line {number} has no text: each line is {{"id", "text", "question"?}}.')
    if not isinstance(fields.get("question", ""), str | None):
        raise _WrongLine(f"line {number}: question is not text.")
    return fields


def _answer(id_: object, suggestion: Suggestion) -> dict[str, Any]:
    return {
        "id": id_,
        "sentiment": suggestion.sentiment,
        "sentiment_confidence": round(suggestion.sentiment_confidence, 4),
        "causes": [{"cause": guess.cause, "confidence": round(guess.confidence, 4)} for guess in suggestion.causes],
        "urgency": suggestion.urgency,
        "unsure": list(suggestion.unsure),
    }
