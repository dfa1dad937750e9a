"""The API under /api/v1: one module per noun."""

from flask import Flask

from cxloop.api import errors, feedback, openapi

PAGES = (feedback.pages, openapi.pages)

answer_error = errors.answer


def register(app: Flask) -> None:
    """Without the pages' CSRF tokens: no cookie authorises anything here."""
    for pages in PAGES:
        app.extensions["csrf"].exempt(pages)
        app.register_blueprint(pages)
