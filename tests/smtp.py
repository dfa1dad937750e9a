"""A real SMTP server on loopback that keeps what it was sent, and refuses or hangs up when it is told to."""

import asyncio
import email
import email.policy
import threading
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Delivery:
    """One message as it arrived: whom the envelope names, and the message itself."""

    sender: str
    to: list[str]
    message: EmailMessage

    @property
    def message_id(self) -> str:
        return str(self.message["Message-ID"])

    @property
    def subject(self) -> str:
        return str(self.message["Subject"])

    @property
    def text(self) -> str:
        body = self.message.get_body(("plain",))
        return body.get_content() if body else ""

    @property
    def html(self) -> str:
        body = self.message.get_body(("html",))
        return body.get_content() if body else ""


class MailServer:
    """`received` holds the messages in the order of arrival. The server has an event loop and a thread of its own."""

    HANG_UP = "hang up"

    def __init__(self) -> None:
        self.received: list[Delivery] = []
        self._answers: deque[str] = deque()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="mail-server", daemon=True)
        self._thread.start()
        self._server = self._there(self._loop.create_server(self._connected, "127.0.0.1", 0))
        self.host, self.port = self._server.sockets[0].getsockname()[:2]

    @property
    def url(self) -> str:
        """What CXLOOP_SMTP_URL has to say."""
        return f"smtp://{self.host}:{self.port}?from=care@example.test"

    def answer_next(self, *answers: str) -> None:
        """Say this to the next messages instead of taking them: "451 Later", "550 No such mailbox", …"""
        self._answers.extend(answers)

    def hang_up_next(self) -> None:
        """Take the next message, and close the connection without a word: the sender cannot know."""
        self._answers.append(self.HANG_UP)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        answer = self._answers.popleft() if self._answers else "250 OK"
        if answer.startswith("250") or answer == self.HANG_UP:
            message: Any = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.default)
            self.received.append(Delivery(envelope.mail_from or "", envelope.rcpt_tos, message))
        if answer == self.HANG_UP:
            server.transport.abort()
            return "421 Gone"
        return answer

    def close(self) -> None:
        self._there(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _connected(self) -> SMTP:
        return SMTP(self, hostname="mail.test", loop=self._loop)

    def _there(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Runs it in the server's thread: in ours Playwright may have a loop of its own at work."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _stop(self) -> None:
        """Hangs up on whoever is still connected."""
        self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
