"""The file of rejected rows: written beside its place and put there at the end, over nothing that is not its like."""

import csv
import os
import tempfile
from pathlib import Path
from types import TracebackType

import click

from cxloop.cli.tables import plain
from cxloop.errors import CxloopError
from cxloop.intake.records import Reject

HEADER = ("line", "reason", "row")


class RejectsFile:
    """A context manager; `path` is where the rejects are after it, if there were any. Only its owner may read it."""

    def __init__(self, imported: Path, wished: Path | None) -> None:
        """Without a wish it is called after the imported file, with a number if there is one of that name.

        Raises click.UsageError for a wished place where something else stands.
        """
        self._wished = wished
        self.path = wished.resolve() if wished else Path(f"{imported.stem}.rejects.csv").resolve()
        self.count = 0
        if wished and wished.exists() and not _is_ours(wished):
            raise click.UsageError(
                f"--rejects names {'the imported file' if wished.samefile(imported) else plain(str(wished))}, "
                "which is no file of rejects: give the rejected rows a file of their own."
            )

    def __enter__(self) -> "RejectsFile":
        """Raises CxloopError where no file can be made."""
        try:
            handle, beside = tempfile.mkstemp(dir=self.path.parent, prefix=".rejects-", suffix=".part")
        except OSError as error:
            raise self._unwritable(error) from None
        self._beside = Path(beside)
        self._stream = os.fdopen(handle, "w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._stream)
        self._writer.writerow(HEADER)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Keeps what there is also after an interruption."""
        try:
            self._stream.close()
            if self.count:
                self.path = self.path if self._wished else _reserved(self.path)
                self._beside.replace(self.path)
            else:
                self._beside.unlink()
        except OSError as failed:
            raise self._unwritable(failed) from None

    def __str__(self) -> str:
        return plain(str(self._wished or self.path.name))

    def add(self, reject: Reject) -> None:
        self.count += 1
        self._writer.writerow([reject.line, reject.reason, _harmless(reject.raw)])

    def _unwritable(self, error: OSError) -> CxloopError:
        return CxloopError(f"{self} cannot be written ({error.strerror}): say --rejects PATH.")


def _is_ours(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return stream.readline(100).rstrip(b"\r\n") == ",".join(HEADER).encode()
    except OSError:
        return False


def _reserved(path: Path) -> Path:
    """The path, or the next with a number, with an empty file that nobody else takes: an earlier one stays."""
    number = 1
    while True:
        free = path if number == 1 else path.with_name(f"{path.stem}-{number}{path.suffix}")
        try:
            free.touch(exist_ok=False)
        except FileExistsError:
            number += 1
        else:
            return free


def _harmless(cell: str) -> str:
    """A spreadsheet takes what begins like this for a formula and runs it."""
    return f"'{cell}" if cell.lstrip().startswith(tuple("=+-@＝＋－＠")) or cell.startswith(("\t", "\r")) else cell
