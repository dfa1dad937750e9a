"""The installation a command works on: its configuration, its application, its database made ready."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask

from cxloop import paths
from cxloop.cli import address, schema

BY = "cli"
"""Whom events name as the actor of what was done on the command line."""


def configured() -> Any:
    """The class `Config`. Without CXLOOP_BASE_URL links lead to where `cxloop up` runs on the same data folder."""
    config = paths.load_config()
    if os.environ.get("CXLOOP_BASE_URL"):
        return config
    running = address.current(Path(config.DATA).expanduser())
    return type("Config", (config,), {"BASE_URL": running}) if running else config


def make_app() -> Flask:
    from cxloop.app import create_app

    return create_app(configured())


def ready_app() -> Flask:
    """The application with a database that fits it: an embedded one is migrated, another must have been.

    Raises CxloopError if it was not.
    """
    app = make_app()
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        schema.upgrade(app)
    else:
        schema.require_current(app)
    return app


@contextmanager
def installation() -> Iterator[Flask]:
    """The ready application, within its context: what most commands run in."""
    app = ready_app()
    with app.app_context():
        yield app
