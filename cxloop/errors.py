"""The few kinds of things that go wrong. Edges translate them: web/errors.py, api/errors.py, cli."""


class CxloopError(Exception):
    """Something a person can understand and act on; `str(error)` is one plain sentence."""


class NotFound(CxloopError):
    """It does not exist, or the one who asks may not see it: the two are never told apart."""


class Forbidden(CxloopError):
    """The one who asks may see it but may not do this."""


class Invalid(CxloopError):
    """The request cannot be carried out as given. `fields` maps a field's name to what is wrong with it."""

    def __init__(self, message: str, **fields: str) -> None:
        super().__init__(message)
        self.fields = fields


class Conflict(CxloopError):
    """The thing changed in the meantime, or its state does not allow this move."""


class Gone(CxloopError):
    """It was there once: a used or expired link."""


class TooMany(CxloopError):
    """Asked too often; `retry_after` seconds from now is soon enough."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
