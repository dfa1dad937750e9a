"""The address at which `cxloop up` runs, kept in the data folder while it does, for the links that others print.

Whoever wrote it holds a lock on it: an address whose owner was killed is no address.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "address"


@contextmanager
def kept(folder: Path, address: str) -> Iterator[None]:
    """Others find the address as long as this lasts; not that of a second one, nor where nothing can be written."""
    file = folder / NAME
    try:
        stream = file.open("a+", encoding="utf-8")
    except OSError:
        yield
        return
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield
            return
        stream.truncate(0)
        stream.write(address)
        stream.flush()
        try:
            yield
        finally:
            with suppress(OSError):
                file.unlink()


def current(folder: Path) -> str | None:
    """The address at which cxloop runs on this data folder, if it does."""
    try:
        with (folder / NAME).open(encoding="utf-8") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return stream.read().strip() or None
    except OSError:
        return None
    return None
