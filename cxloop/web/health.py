"""`GET /health`: whether this process can serve. It says nothing about the installation's insides."""

import sqlalchemy as sa
from flask import Blueprint

from cxloop.db import db

pages = Blueprint("health", __name__)


@pages.get("/health")
def health() -> dict[str, str]:
    db.session.execute(sa.text("SELECT 1"))
    return {"status": "ok"}
