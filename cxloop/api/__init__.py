"""The API under /api/v1: one module per noun."""

from flask import Flask

from cxloop.api import errors

answer_error = errors.answer


def register(app: Flask) -> None:
    """Nothing yet."""
