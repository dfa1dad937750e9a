"""Assembles the application: configuration, database, pages, API. Nothing else happens here."""

import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix
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
    app = Flask("cxloop", template_folder=str(paths.templates()), static_folder=str(Path(__file__).parent / "static"))
    app.config.update(_settings(config))
    app.extensions["cxloop.links"] = Links(app.config["SECRET_KEY"], app.config["BASE_URL"])
    proxies = app.config["PROXIES"]
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    db.init_app(app)
    if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
        with app.app_context():
            tune_sqlite(db.engine)
    web.register(app)
    api.register(app)
    app.register_error_handler(Exception, _answer_error)
    return app


def _settings(config: Any) -> dict[str, Any]:
    """Flask's and our own settings; what a class does not say has its default."""

    def said(name: str, default: str = "") -> str:
        return str(getattr(config, name, "") or default)

    data, base_url, proxies = (
        said("DATA", "cxloop-data"),
        said("BASE_URL", "http://127.0.0.1:8000"),
        said("PROXIES", "0"),
    )
    if not said("DATABASE_URL"):
        data = str(paths.data_folder(data))
    url = database_url(said("DATABASE_URL"), data)
    embedded = url.startswith("sqlite")
    if not proxies.isdigit():
        raise CxloopError("CXLOOP_PROXIES must be a number: how many proxies of your own stand in front.")
    return {
        "SECRET_KEY": _secret(said("SECRET_KEY"), data, embedded=embedded),
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": {} if embedded else {"pool_pre_ping": True},
        "MAX_CONTENT_LENGTH": MAX_BODY,
        "MAX_FORM_PARTS": 100,
        "TRUSTED_HOSTS": [urlsplit(base_url).hostname or "localhost", "127.0.0.1", "localhost"],
        "SESSION_COOKIE_NAME": "cxloop_page",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": base_url.startswith("https:"),
        "WTF_CSRF_TIME_LIMIT": None,
        "SEND_FILE_MAX_AGE_DEFAULT": 86_400,
        "BASE_URL": base_url,
        "SMTP_URL": said("SMTP_URL"),
        "MODEL": said("MODEL"),
        "PROXIES": int(proxies),
        "DATA": data,
    }


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
