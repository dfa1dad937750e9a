"""Knowing a customer again, and never taking two strangers for one."""

from datetime import datetime

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import customers
from cxloop.customers.models import Customer, Identity
from cxloop.db import db, transaction
from tests.factories import MONDAY
from tests.together import together


def meet(
    name: str | None = None,
    email: str | None = None,
    ref: str | None = None,
    source_id: int = 1,
    at: datetime = MONDAY,
) -> Customer:
    with transaction():
        return customers.meet(name=name, email=email, ref=ref, source_id=source_id, at=at)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Cleo@Example.TEST ", "cleo@example.test"),
        ("a.b+c@sub.example.test", "a.b+c@sub.example.test"),
        ("jürgen@exämple.test", "jürgen@exämple.test"),
        ("", None),
        (None, None),
        ("no address", None),
        ("a@b@c", None),
        ("a b@example.test", None),
        ("a@example.test,b@example.test", None),
        ("<a@example.test>", None),
        ('"a"@example.test', None),
        ("a@example.test\nBcc: b@example.test", None),
        ("a@exam\u2028ple.test", None),
        ("a@exam\x00ple.test", None),
        ("a@exam\u202eple.test", None),
        ("x" * 65 + "@example.test", None),
        ("x@" + "y" * 190, None),
    ],
)
def test_an_address_in_its_normal_form_or_none(text: str | None, found: str | None) -> None:
    assert customers.address(text) == found


def test_the_same_address_is_the_same_customer_wherever_it_comes_from(in_app: Flask) -> None:
    first = meet("Cleo", "cleo@example.test", source_id=1)
    again = meet("C. Jones", "CLEO@example.test", source_id=2)
    assert again.id == first.id
    assert again.name == "Cleo"


def test_a_reference_is_known_again_in_its_own_source_only(in_app: Flask) -> None:
    first = meet(ref="@cleo", source_id=1)
    assert meet(ref=" @cleo ", source_id=1).id == first.id
    assert meet(ref="@cleo", source_id=2).id != first.id


def test_a_name_alone_proves_nothing(in_app: Flask) -> None:
    assert meet("Cleo Jones").id != meet("Cleo Jones").id
    assert meet(email="not an address").id != meet(email="not an address").id
    assert meet(ref="  ").id != meet(ref="").id


def test_what_is_learned_later_is_added_and_nothing_is_overwritten(in_app: Flask) -> None:
    first = meet(ref="@cleo")
    again = meet("Cleo", "cleo@example.test", "@cleo")
    assert (again.id, again.name, again.email) == (first.id, "Cleo", "cleo@example.test")
    other = meet("Somebody", "new@example.test", "@cleo")
    assert (other.id, other.name, other.email) == (first.id, "Cleo", "cleo@example.test")
    assert meet(email="new@example.test").id == first.id


def test_an_address_and_a_reference_of_two_people_do_not_make_them_one(in_app: Flask) -> None:
    cleo, dan = meet(email="cleo@example.test"), meet(ref="@dan")
    assert meet(email="cleo@example.test", ref="@dan").id == cleo.id
    assert meet(ref="@dan").id == dan.id


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("Cleo\r\nBcc: evil@example.test", "Cleo Bcc: evil@example.test"),
        ("Cleo\u2028\u202eJones\x00", "Cleo Jones"),
        ("  ", None),
        ("", None),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_name_is_one_line(in_app: Flask, name: str, kept: str | None) -> None:
    assert meet(name).name == kept


def test_two_who_meet_the_same_stranger_at_once_meet_one_customer(app: Flask) -> None:
    def met() -> int:
        return meet("Cleo", "cleo@example.test", "@cleo").id

    assert len(set(together(app, met, met, met, met))) == 1
    with app.app_context():
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Customer)) == 1
        assert db.session.scalar(sa.select(sa.func.count()).select_from(Identity)) == 2
