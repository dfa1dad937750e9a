"""The e-mail channel: one SMTP connection for a batch. Runs outside any transaction."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

from cxloop.errors import CxloopError

TIMEOUT = 20
"""Seconds that one answer of the server may take; shorter than the lease on a notice."""
LOOKS_LIKE = "CXLOOP_SMTP_URL must look like smtp://user:password@host:587?from=care@example.com&tls=starttls."


class Refused(CxloopError):
    """The server will never take this message (5xx): do not try again."""


class Unavailable(CxloopError):
    """Not now (4xx, timeout, no connection): the message may even have left. Try again with the same Message-ID."""


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """Read from `smtp://user:password@host:port?from=care@example.com&tls=starttls`; tls: none, starttls, tls."""

    host: str
    port: int
    user: str
    password: str
    sender: str
    tls: str

    @classmethod
    def from_url(cls, url: str) -> "SmtpSettings":
        parts, query = urlsplit(url), parse_qs(urlsplit(url).query)
        tls = query.get("tls", ["tls" if parts.scheme == "smtps" else "starttls" if parts.username else "none"])[0]
        sender = query.get("from", [f"care@{parts.hostname}"])[0]
        fits = parts.scheme in ("smtp", "smtps") and parts.hostname and tls in ("none", "starttls", "tls")
        if not fits or not parts.hostname or "@" not in sender or not sender.isprintable():
            raise CxloopError(LOOKS_LIKE)
        try:
            port = parts.port
        except ValueError:
            raise CxloopError(LOOKS_LIKE) from None
        return cls(
            host=parts.hostname,
            port=port or {"tls": 465, "starttls": 587}.get(tls, 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
            tls=tls,
        )


class SmtpChannel:
    """Connects at the first message and again after a break. A server that lets nobody in is not asked again."""

    def __init__(self, settings: SmtpSettings, *, timeout: float | None = None) -> None:
        self.settings = settings
        self._timeout = timeout or TIMEOUT
        self._server: smtplib.SMTP | None = None
        self._down = ""

    def send(self, mail: EmailMessage) -> None:
        """Raises Refused or Unavailable."""
        server = self.connect()
        try:
            server.send_message(mail)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as said:
            if server.sock is None:  # smtplib hangs up after a 421, and is ready for the next message after others
                self._server = None
            code, words = _reply(said)
            raise (Refused if 500 <= code < 600 else Unavailable)(f"{code} {words}") from said
        except smtplib.SMTPNotSupportedError as unfit:
            raise Refused(f"The mail server cannot take this address: {unfit}") from unfit
        except (smtplib.SMTPException, OSError) as broken:
            self._drop()
            raise Unavailable(f"{type(broken).__name__}: {broken}") from broken

    def __enter__(self) -> "SmtpChannel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            with suppress(smtplib.SMTPException, OSError):
                self._server.quit()
        self._drop()

    def connect(self) -> smtplib.SMTP:
        """The open connection, encrypted and signed in as is set.

        Raises Unavailable: what goes wrong here is no fault of the message, it is tried again later.
        """
        if self._down:
            raise Unavailable(self._down)
        if self._server is None:
            try:
                self._server = self._connect()
            except (smtplib.SMTPException, OSError, UnicodeError) as broken:
                self._down = f"No way into the mail server: {type(broken).__name__}: {broken}"
                raise Unavailable(self._down) from broken
        return self._server

    def _connect(self) -> smtplib.SMTP:
        at = self.settings
        if at.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                at.host, at.port, timeout=self._timeout, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(at.host, at.port, timeout=self._timeout)
        try:
            if at.tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            server.ehlo_or_helo_if_needed()
            if at.user:
                server.login(at.user, at.password)
        except BaseException:
            server.close()
            raise
        return server

    def _drop(self) -> None:
        if self._server is not None:
            self._server.close()
        self._server = None


def _reply(said: smtplib.SMTPException) -> tuple[int, str]:
    """The server's code and words; of several recipients (we have one), the first."""
    if isinstance(said, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(said.recipients.values()))
    else:
        code, words = said.smtp_code, said.smtp_error  # type: ignore[attr-defined]
    return int(code), bytes(words).decode(errors="replace")
