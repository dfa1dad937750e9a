"""Addresses of our own style sheets and scripts carry a digest of their content, so that a browser may keep them."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Flask


def register(app: Flask) -> None:
    folder = Path(app.static_folder or "")

    @lru_cache(maxsize=128)
    def digest(filename: str) -> str | None:
        file = folder / filename
        return sha256(file.read_bytes()).hexdigest()[:12] if file.is_file() else None

    @app.url_defaults
    def add_digest(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and not values["filename"].startswith("vendor/"):  # vendored paths name their version
            values.setdefault("v", digest(values["filename"]))
