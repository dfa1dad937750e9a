"""`cxloop doctor`: what is wrong with an installation, and how to mend it. It looks, and changes nothing.

It builds no application: what keeps that from starting is what it is there to find.
"""

import importlib
import os
import shutil
import sqlite3
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import sqlalchemy as sa

from cxloop import paths
from cxloop.app import SECRET_MIN
from cxloop.cli.doctor_database import look_into
from cxloop.cli.findings import Finding, note, ok, wrong
from cxloop.cli.installation import configured
from cxloop.cli.tables import plain
from cxloop.clock import now
from cxloop.db import database_url
from cxloop.errors import CxloopError
from cxloop.notices.smtp import SmtpChannel, SmtpSettings, Unavailable
from cxloop.tagging.model import Manifest, want_no_torch

PYTHON, SQLITE = (3, 11), (3, 35, 0)
"""The oldest that serve; SQLite since then knows RETURNING."""
DISTINCT_MIN = 8
"""A secret with fewer different characters was typed by somebody."""
FREE_MIN = 100 * 1024 * 1024
MAIL_ANSWERS_WITHIN = 5
"""Seconds, for each answer."""


@click.command()
def doctor() -> None:
    """Say what is wrong with this installation and how to mend it; exit code 1 if something is."""
    findings = [finding for look in _LOOKS for finding in _safely(look)]
    for finding in findings:
        click.echo(f"{finding.level.upper() if finding.level == 'wrong' else finding.level:<5}  {plain(finding.text)}")
    faults = sum(finding.level == "wrong" for finding in findings)
    click.echo(f"{faults} {'thing is' if faults == 1 else 'things are'} wrong." if faults else "Nothing is wrong.")
    raise SystemExit(1 if faults else 0)


def _safely(look: Callable[[Any], Iterator[Finding]]) -> list[Finding]:
    """What one look finds. That it fails, for whatever reason, is a finding too."""
    try:
        return list(look(configured()))
    except CxloopError as error:
        return [Finding("wrong", str(error))]
    except Exception as error:  # noqa: BLE001  (a doctor does not faint)
        subject = look.__name__.strip("_").replace("_", " ")
        return [wrong(f"The {subject} could not be looked at ({type(error).__name__}: {error})", "mend that first")]


def _programs(_config: Any) -> Iterator[Finding]:
    python = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < PYTHON:
        yield wrong(f"Python {python} is too old", "use 3.11 or newer")
    elif sqlite3.sqlite_version_info < SQLITE:
        yield wrong(f"SQLite {sqlite3.sqlite_version} is too old", "use a Python that comes with 3.35 or newer")
    else:
        yield ok(f"Python {python} with SQLite {sqlite3.sqlite_version}.")


def _parts(_config: Any) -> Iterator[Finding]:
    needed = [paths.templates() / "layouts" / "base.html", paths.migrations() / "env.py", paths.top() / "wsgi.py"]
    missing = [part for part in needed if not part.is_file()]
    for part in missing:
        yield wrong(f"{part} is missing", "install cxloop again")
    if not missing:
        yield ok(f"Templates and migrations are in {paths.top()}.")


def _tagger(config: Any) -> Iterator[Finding]:
    folder = paths.model_folder(config.MODEL or None)
    manifest = Manifest.read(folder)
    manifest.check(folder)
    want_no_torch()
    for module in ("onnxruntime", "transformers"):
        try:
            importlib.import_module(module)
        except Exception as error:  # noqa: BLE001  (a library for another processor raises what it likes)
            yield wrong(f"{module} cannot be loaded ({type(error).__name__}: {error})", "install cxloop again")
            return
    yield ok(f"The tagger {manifest.version} is whole and can be run ({folder}).")


def _address(config: Any) -> Iterator[Finding]:
    parts = urlsplit(config.BASE_URL)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield wrong(f"CXLOOP_BASE_URL is {config.BASE_URL!r}", "make it an address such as https://care.example.com")
    elif parts.hostname in ("127.0.0.1", "localhost", "::1"):
        yield note(f"Links lead to {config.BASE_URL}, which only this machine reaches: customers need CXLOOP_BASE_URL.")
    elif parts.scheme == "http":
        yield note(f"Links lead to {config.BASE_URL}, unencrypted: put https in front of it and into CXLOOP_BASE_URL.")
    else:
        yield ok(f"Links lead to {config.BASE_URL}.")


def _mail(config: Any) -> Iterator[Finding]:
    if not config.SMTP_URL:
        yield note("CXLOOP_SMTP_URL is not set: no mail leaves, it is held and can be read on the page /outbox.")
        return
    try:
        settings = SmtpSettings.from_url(config.SMTP_URL)
    except ValueError:
        yield wrong("CXLOOP_SMTP_URL names no port that is a number", "make it like smtp://user:password@host:587")
        return
    where = f"{settings.host}:{settings.port}"
    try:
        with SmtpChannel(settings, timeout=MAIL_ANSWERS_WITHIN) as channel:
            channel.connect()
    except Unavailable as error:
        yield wrong(f"{error} ({where}, tls={settings.tls})", "correct CXLOOP_SMTP_URL, or see to the mail server")
        return
    unsafe = settings.password and settings.tls == "none"
    hint = ", the password unencrypted: add tls=starttls" if unsafe else ""
    yield (note if hint else ok)(f"Mail leaves by {where} as {settings.sender}{hint}.")


def _data_folder(config: Any) -> Iterator[Finding]:
    folder = Path(config.DATA or "cxloop-data").expanduser().resolve()
    if not folder.exists():
        if not config.DATABASE_URL:
            yield note(f"There is no data folder yet: the next command makes {folder}.")
        return
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        yield wrong(f"Nothing can be written to {folder} ({error.strerror})", "give it to the user that runs cxloop")
        return
    free = shutil.disk_usage(folder).free
    if free < FREE_MIN:
        yield wrong(f"Only {free // 2**20:,} MB are free for {folder}", "make room, or the database cannot grow")
    else:
        yield ok(f"The data folder {folder} can be written to.")


def _secret(config: Any) -> Iterator[Finding]:
    file = Path(config.DATA or "cxloop-data").expanduser().resolve() / "secret.key"
    elsewhere = config.DATABASE_URL.startswith("postgres")  # of a URL that is neither the database's look speaks
    if config.SECRET_KEY:
        yield _strength(config.SECRET_KEY, "CXLOOP_SECRET_KEY")
    elif elsewhere:
        yield wrong("CXLOOP_SECRET_KEY is not set", "set the same 32 random characters or more on every machine")
    elif not file.exists():
        yield note("There is no secret yet: the next command makes one.")
    elif mode := stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield wrong(f"Others may read {file} (mode …{mode:02o})", f"chmod 600 {file}")
    elif not os.access(file, os.R_OK):
        yield wrong(f"{file} cannot be read", "give it to the user that runs cxloop")
    else:
        yield _strength(file.read_text(encoding="utf-8").strip(), str(file))


def _strength(secret: str, where: str) -> Finding:
    if len(secret) < SECRET_MIN or len(set(secret)) < DISTINCT_MIN:
        how = f"set it to {SECRET_MIN} random characters or more; links that were sent with the old one end"
        return wrong(f"The secret in {where} can be guessed", how)
    return ok(f"The secret in {where} is long enough, and nobody else reads it.")


def _database(config: Any) -> Iterator[Finding]:
    folder = Path(config.DATA or "cxloop-data").expanduser().resolve()
    yield from look_into(sa.make_url(database_url(config.DATABASE_URL, str(folder))), at=now())


_LOOKS = (_programs, _parts, _tagger, _address, _mail, _data_folder, _secret, _database)
