"""The only reading of time. Edges call `now()` once per unit of work; everything below them takes `at`."""

from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)
