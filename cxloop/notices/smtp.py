"""The e-mail channel: one SMTP connection for a batch. Runs outside any transaction."""

import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from urllib.parse import parse_qs, unquote, urlsplit

from cxloop.errors import CxloopError

TIMEOUT = 20
"""Seconds; shorter than the lease on a notice."""


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
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or tls not in ("none", "starttls", "tls"):
            raise CxloopError(
                "CXLOOP_SMTP_URL must look like smtp://user:password@host:587?from=care@example.com&tls=starttls."
            )
        return cls(
            host=parts.hostname,
            port=parts.port or {"tls": 465, "starttls": 587}.get(tls, 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=query.get("from", [f"care@{parts.hostname}"])[0],
            tls=tls,
        )


class SmtpChannel:
    """Connects at the first message and again after a break."""

    def __init__(self, settings: SmtpSettings) -> None:
        self.settings = settings
        self._server: smtplib.SMTP | None = None

    def send(self, mail: EmailMessage) -> None:
        """Raises Refused or Unavailable."""
        try:
            self._server = self._server or self._connect()
            self._server.send_message(mail)
        except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as said:
            self._drop()
            code, words = _reply(said)
            raise (Refused if 500 <= code < 600 else Unavailable)(f"{code} {words}") from said
        except (smtplib.SMTPException, OSError) as broken:
            self._drop()
            raise Unavailable(f"{type(broken).__name__}: {broken}") from broken

    def __enter__(self) -> "SmtpChannel":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drop()

    def _connect(self) -> smtplib.SMTP:
        at = self.settings
        if at.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                at.host, at.port, timeout=TIMEOUT, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(at.host, at.port, timeout=TIMEOUT)
        if at.tls == "starttls":
            server.starttls(context=ssl.create_default_context())
        if at.user:
            server.login(at.user, at.password)
        return server

    def _drop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (smtplib.SMTPException, OSError):
                server.close()


def _reply(said: smtplib.SMTPException) -> tuple[int, str]:
    """The server's code and words; of several recipients (we have one), the first."""
    if isinstance(said, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(said.recipients.values()))
    else:
        code, words = said.smtp_code, said.smtp_error  # type: ignore[attr-defined]
    return int(code), bytes(words).decode(errors="replace")
