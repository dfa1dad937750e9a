"""Knowing a customer again, and never taking two strangers for one."""

import re
from datetime import datetime

import sqlalchemy as sa

from cxloop.customers.models import Customer, Identity, Kind
from cxloop.db import db, insert

_ADDRESS = re.compile(r"[^@\s<>,;\"\x00-\x1f]{1,64}@[^@\s<>,;\"\x00-\x1f]{1,189}")


def address(text: str | None) -> str | None:
    """The e-mail address in its normal form, or None where the text is none."""
    found = (text or "").strip().lower()
    return found if _ADDRESS.fullmatch(found) and found.isprintable() else None


def meet(*, name: str | None, email: str | None, ref: str | None, source_id: int, at: datetime) -> Customer:
    """The customer with this address, else with this reference in this source, else a new one.

    Somebody without an address or a reference is always new: a name alone proves nothing.
    """
    email = address(email)
    keys = [(Kind.EMAIL, email)] if email else []
    if ref and ref.strip():
        keys.append((Kind.REF, f"{source_id}:{ref.strip()[:300]}"))
    known = [customer for kind, value in keys if (customer := _by(kind, value))]
    customer = known[0] if known else Customer(name=_clean(name), email=email, created_at=at)
    if not known:
        db.session.add(customer)
        db.session.flush()
    customer.name = customer.name or _clean(name)
    customer.email = customer.email or email
    for kind, value in keys:
        owner = _remember(customer, kind, value)
        if owner.id != customer.id and not known:  # somebody else met this customer a moment ago
            db.session.delete(customer)
            return owner
    return customer


def _by(kind: Kind, value: str) -> Customer | None:
    found = sa.select(Customer).join(Identity, Identity.customer_id == Customer.id)
    return db.session.scalars(found.where(Identity.kind == kind, Identity.value == value)).first()


def _remember(customer: Customer, kind: Kind, value: str) -> Customer:
    """Who the identity belongs to now: this customer, or whoever had it before."""
    new = insert(Identity).values(kind=kind, value=value, customer_id=customer.id)
    db.session.execute(new.on_conflict_do_nothing(index_elements=["kind", "value"]))
    return _by(kind, value) or customer


def _clean(name: str | None) -> str | None:
    """One line without control characters: names end up in headers of messages."""
    return " ".join("".join(c if c.isprintable() else " " for c in name).split())[:200] or None if name else None
