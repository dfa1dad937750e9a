"""The API under /api/v1: one module per noun."""

from flask import Flask


def register(app: Flask) -> None:
    """Nothing yet."""
