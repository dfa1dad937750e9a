"""The pages: one module per noun."""

from flask import Flask

from cxloop.web import health


def register(app: Flask) -> None:
    app.register_blueprint(health.pages)
