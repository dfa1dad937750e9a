"""Assembles the application: configuration, database, pages, API. Nothing else happens here."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.wrappers import Response

from cxloop import api, paths, web
from cxloop.db import database_url, db, tune_sqlite
from cxloop.errors import CxloopError
from cxloop.jobs import Worker
from cxloop.links import Links

__all__ = ["Worker", "create_app"]

SECRET_MIN = 32
MAX_BODY = 2 * 1024 * 1024


def create_app(config: Any) -> Flask:
    """An application for a config class with any of the attributes that config.py documents.

    Raises CxloopError for a setting that cannot serve.
    """
    data = getattr(config, "DATA", "") or "cxloop-data"
    configured = getattr(config, "DATABASE_URL", "")
    base_url = getattr(config, "BASE_URL", "") or "http://127.0.0.1:8000"
    if not configured:
        data = str(paths.data_folder(data))
    url = database_url(configured, data)
    secret = _secret(getattr(config, "SECRET_KEY", ""), data, embedded=url.startswith("sqlite"))

    app = Flask("cxloop", template_folder=str(paths.templates()), static_folder=str(Path(__file__).parent / "static"))
    app.config.update(
        SECRET_KEY=secret,
        SQLALCHEMY_DATABASE_URI=url,
        SQLALCHEMY_ENGINE_OPTIONS={} if url.startswith("sqlite") else {"pool_pre_ping": True},
        MAX_CONTENT_LENGTH=MAX_BODY,
        MAX_FORM_PARTS=100,
        TRUSTED_HOSTS=[urlsplit(base_url).hostname or "localhost", "127.0.0.1", "localhost"],
        SESSION_COOKIE_NAME="cxloop_page",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=base_url.startswith("https:"),
        WTF_CSRF_TIME_LIMIT=None,
        SEND_FILE_MAX_AGE_DEFAULT=86_400,
        BASE_URL=base_url,
        SMTP_URL=getattr(config, "SMTP_URL", ""),
        MODEL=getattr(config, "MODEL", ""),
        DATA=data,
    )
    app.extensions["cxloop.links"] = Links(secret, base_url)
    db.init_app(app)
    if url.startswith("sqlite"):
        with app.app_context():
            tune_sqlite(db.engine)
    web.register(app)
    api.register(app)
    app.register_error_handler(Exception, _answer_error)
    return app


def _answer_error(error: Exception) -> Response:
    """Below /api machines read the answer, everywhere else people."""
    answer = api.answer_error if request.path.startswith("/api/") else web.answer_error
    return answer(error)


def _secret(configured: str, data: str, *, embedded: bool) -> str:
    """The configured secret, or for an embedded installation one of its own, kept in a file that only it may read."""
    if configured:
        if len(configured) < SECRET_MIN:
            raise CxloopError(f"CXLOOP_SECRET_KEY is too short: at least {SECRET_MIN} random characters.")
        return configured
    if not embedded:
        raise CxloopError(
            "CXLOOP_SECRET_KEY is not set: all machines need the same one. "
            "Make it with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    file = paths.data_folder(data) / "secret.key"
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file.read_text().strip()
    with os.fdopen(handle, "w") as out:
        key = secrets.token_urlsafe(48)
        out.write(key)
    return key
