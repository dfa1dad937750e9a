"""Signed links for people without a login: each for one purpose and one thing, never following the Host header.

The purpose is the salt: a survey's link opens no case page. Opening one never records anything.
"""

from typing import Any

from itsdangerous import BadSignature, SignatureExpired, URLSafeTimedSerializer

from cxloop.errors import Gone, NotFound

DAY = 86_400
MAX_AGE = {"case": 180 * DAY, "survey": 3650 * DAY, "ticket": 7 * DAY}
"""Seconds for which a link of each purpose opens."""


class Links:
    """Makes and opens links with the installation's secret and its configured public address."""

    def __init__(self, secret: str, base_url: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._secret = secret

    def sign(self, purpose: str, what: Any) -> str:
        return str(self._serializer(purpose).dumps(what))

    def open(self, purpose: str, token: str) -> Any:
        """What was signed. Raises Gone for an expired link and NotFound for any other that is not ours."""
        try:
            return self._serializer(purpose).loads(token, max_age=MAX_AGE[purpose])
        except SignatureExpired as expired:
            raise Gone("This link has expired.") from expired
        except BadSignature as bad:
            raise NotFound("This link is not complete or not ours.") from bad

    def case_page(self, case_id: int, customer_id: int) -> str:
        return f"{self.base_url}/your-case/{self.sign('case', [case_id, customer_id])}"

    def survey(self, key: str) -> str:
        return f"{self.base_url}/survey/{self.sign('survey', key)}"

    def sign_in(self, secret: str) -> str:
        """A one-time sign-in link; `secret` is checked against its hash in the database, not signed."""
        return f"{self.base_url}/sign-in/{secret}"

    def staff_case(self, case_id: int) -> str:
        return f"{self.base_url}/cases/{case_id}"

    def _serializer(self, purpose: str) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=f"cxloop.{purpose}")
