"""`cxloop …`: every command is a module of its own, imported when it is called, so that each starts quickly.

Errors are one line. Exit codes: 0 done, 1 failed, 2 wrong usage.
"""

import importlib
import sys
from typing import Any, NoReturn

import click
from sqlalchemy.exc import DatabaseError, OperationalError

from cxloop import __version__
from cxloop.errors import CxloopError

COMMANDS = {
    "up": "up:up",
    "migrate": "migrate:migrate",
    "work": "work:work",
    "import": "imports:import_",
    "tag": "tag:tag",
    "model": "model:model",
    "cause": "causes:cause",
    "user": "people:user",
    "token": "people:token",
    "survey": "surveys:survey",
    "status": "status:status",
    "export": "export:export",
    "verify": "verify:verify",
    "doctor": "doctor:doctor",
}


class Commands(click.Group):
    """Looks a command up when it is asked for, and says every expected error in one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(importlib.import_module(f"cxloop.cli.{module}"), name)
        return command

    def make_context(self, *arguments: Any, **more: Any) -> click.Context:
        try:
            return super().make_context(*arguments, **more)
        except click.UsageError as error:
            _misused(error)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            _misused(error)
        except CxloopError as error:
            _say(str(error))
        except DatabaseError as error:
            trouble = "does not answer" if isinstance(error, OperationalError) else "cannot be used"
            _say(f"the database {trouble} ({error.orig}): `cxloop doctor` looks closer")
        sys.exit(1)


def _misused(error: click.UsageError) -> NoReturn:
    """Says it in one line, where click would print four; a bare group still prints its help."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        raise error
    command = error.ctx.command_path if error.ctx else "cxloop"
    _say(f"{error.format_message().rstrip('.')} (see {command} --help)", command=command)
    sys.exit(2)


def _say(what: str, *, command: str = "cxloop") -> None:
    click.echo(f"{command}: {' '.join(what.split())}", err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cxloop")
def main() -> None:
    """What customers say becomes a case that ends only when they have been told and had the last word."""
