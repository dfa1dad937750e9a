"""How often something may be tried from outside, counted in the database for all processes together."""

import ipaddress
from datetime import datetime
from hashlib import sha256

from flask import request

from cxloop.accounts import throttle
from cxloop.db import transaction

MINUTES = 60


def limit(what: str, who: str, *, times: int, per: int, at: datetime) -> None:
    """Count one try in a transaction of its own. Raises TooMany beyond `times` in `per` seconds."""
    with transaction():
        throttle.allow(f"{what}:{sha256(who.encode()).hexdigest()[:32]}", limit=times, per=per, at=at)


def limit_client(what: str, *, times: int, per: int, at: datetime) -> None:
    """The same by where the request comes from: the peer's address, for IPv6 its network of 64 bits.

    What a header says about the address is not believed; behind a proxy, werkzeug's ProxyFix sets the peer's address.
    """
    limit(f"{what}:from", _network(request.remote_addr or "unknown"), times=times, per=per, at=at)


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{found}/64", strict=False)) if found.version == 6 else str(found)
