"""The trail: it holds, and whoever changes, removes or cuts off something is named (AUTH-17)."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from flask import Flask

from cxloop import events
from cxloop.db import db, transaction
from cxloop.events import Event, Verdict
from tests.factories import DAY, HOUR, MINUTE, MONDAY
from tests.together import together

LATER = events.IN_FLIGHT_AT_MOST


def tell(subject: str = "case:1", kind: str = "case_opened", **data: object) -> int:
    with transaction():
        return events.record(subject, kind, by="user:1", at=MONDAY, **data).id  # type: ignore[arg-type]


def a_story(subjects: int = 3, each: int = 4) -> None:
    with transaction():
        for number in range(each):
            for subject in range(1, subjects + 1):
                events.record(f"case:{subject}", f"step_{number}", by="user:1", at=MONDAY, first=number == 0, n=number)


def seal(at: object = None) -> int:
    with transaction():
        return events.seal(at=at or MONDAY)  # type: ignore[arg-type]


def tamper(statement: sa.Executable) -> None:
    """Somebody with the keys of the database."""
    with transaction() as session:
        session.execute(statement, execution_options={"synchronize_session": False})


def test_events_of_a_subject_follow_each_other(in_app: Flask) -> None:
    a_story()
    story = events.of("case:2")
    assert [(event.seq, event.kind) for event in story] == [(n + 1, f"step_{n}") for n in range(4)]
    assert story[0].prev == ""
    assert [event.prev for event in story[1:]] == [event.hash for event in story[:-1]]
    assert events.verify() == Verdict(12, None)


def test_an_empty_trail_holds(in_app: Flask) -> None:
    assert events.verify() == Verdict(0, None)


def test_a_chain_keeps_any_particulars(in_app: Flask) -> None:
    tell(
        text='ünïcödé \u2028 "quotes" \'', number=2**53, share=0.1, nothing=None, deep={"b": [1, {"a": True}], "a": []}
    )
    tell(empty={})
    assert events.verify() == Verdict(2, None)


def test_first_begins_a_chain_and_cannot_fork_one(in_app: Flask) -> None:
    with transaction():
        events.record("case:1", "case_opened", by="user:1", at=MONDAY, first=True)
    tell(kind="reply_added")
    assert [event.seq for event in events.of("case:1")] == [1, 2]
    with pytest.raises(sa.exc.IntegrityError), transaction():
        events.record("case:1", "case_opened", by="user:1", at=MONDAY, first=True)
    assert events.verify() == Verdict(2, None)


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "case_closed"), ("by", "user:2"), ("at", MONDAY + MINUTE), ("data", {"n": 99}), ("hash", "0" * 64)],
)
def test_a_changed_event_is_named(in_app: Flask, column: str, value: object) -> None:
    a_story()
    tamper(sa.update(Event).where(Event.subject == "case:2", Event.seq == 2).values({column: value}))
    broken = events.verify().broken
    assert broken is not None
    assert broken.startswith("case:2 event 2 (")
    assert "changed" in broken


def test_an_event_whose_hash_was_made_to_fit_betrays_the_next(in_app: Flask) -> None:
    a_story()
    with transaction():
        changed = events.of("case:2")[1]
        changed.data = {"n": 99}
        changed.hash = changed.digest()
    assert events.verify().broken == "case:2 event 3 (step_2): it does not follow the event before it"


@pytest.mark.parametrize("seq", [1, 2, 3])
def test_a_removed_event_is_named(in_app: Flask, seq: int) -> None:
    a_story()
    tamper(sa.delete(Event).where(Event.subject == "case:2", Event.seq == seq))
    assert events.verify().broken == f"case:2 event {seq + 1} (step_{seq}): event {seq} is missing before it"


def test_a_chain_that_was_closed_up_over_a_gap_is_named(in_app: Flask) -> None:
    a_story()
    tamper(sa.delete(Event).where(Event.subject == "case:2", Event.seq == 2))
    tamper(sa.update(Event).where(Event.subject == "case:2", Event.seq > 2).values(seq=Event.seq - 1))
    assert events.verify().broken == "case:2 event 2 (step_2): it does not follow the event before it"


# --------------------------------------------------------------------------------------------------------- seals


def test_a_tail_that_is_cut_off_after_a_seal_is_named(in_app: Flask) -> None:
    a_story()
    assert seal() == 12
    tamper(sa.delete(Event).where(Event.subject == "case:2", Event.seq >= 3))
    assert events.verify().broken == "seal 1: 2 of 12 events are missing or changed"


def test_a_whole_chain_that_is_removed_after_a_seal_is_named(in_app: Flask) -> None:
    a_story()
    seal()
    tamper(sa.delete(Event).where(Event.subject == "case:3"))
    assert events.verify().broken == "seal 1: 4 of 12 events are missing or changed"


def test_a_chain_that_was_forged_from_its_beginning_after_a_seal_is_named(in_app: Flask) -> None:
    a_story()
    seal()
    with transaction():
        prev = ""
        for event in events.of("case:2"):
            event.by, event.prev = "user:2", prev
            prev = event.hash = event.digest()
            db.session.flush()
    assert events.verify().broken == "seal 1: 0 of 12 events are missing or changed"


def test_a_trail_with_seals_holds_and_goes_on(in_app: Flask) -> None:
    for day in range(4):
        tell(kind=f"step_{day}")
        seal(MONDAY + day * DAY)
    assert [event.data["count"] for event in events.of(events.LEDGER)] == [1, 2, 2, 2]  # a seal seals the one before it
    assert events.verify() == Verdict(8, None)


def test_where_nothing_happened_nothing_is_sealed(in_app: Flask) -> None:
    assert seal() == 0
    assert events.of(events.LEDGER) == []
    tell()
    for hours in range(6):
        seal(MONDAY + hours * HOUR)
    assert [event.data["count"] for event in events.of(events.LEDGER)] == [1]


def test_a_long_trail_is_sealed_piece_by_piece(in_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "SEAL_AT_MOST", 5)
    a_story()
    assert [seal() for _ in range(4)] == [5, 5, 4, 0]  # two of the last are seals
    assert events.verify().broken is None


def test_several_workers_that_seal_at_once_make_one_seal(app: Flask) -> None:
    with app.app_context():
        a_story()
    together(app, seal, seal, seal)
    with app.app_context():
        assert len(events.of(events.LEDGER)) == 1
        assert events.verify().broken is None


@contextmanager
def somebody_else_writes(subject: str = "case:9") -> Iterator[None]:
    """An event of another transaction, which has its id and is committed in the end."""
    late = Event(subject=subject, seq=1, at=MONDAY, by="x", kind="x", data={}, prev="", hash="")
    values = {name: getattr(late, name) for name in ("subject", "seq", "at", "by", "kind", "data", "prev")}
    with db.engine.begin() as other:
        other.execute(sa.insert(Event).values(hash=late.digest(), **values))
        yield


@pytest.mark.postgresql
def test_an_event_that_was_in_flight_when_a_seal_was_made_is_no_forgery(in_app: Flask) -> None:
    """Its id is lower than that of an event which was committed, seen and sealed before it."""
    with somebody_else_writes():
        tell()
        assert seal() == 0
    assert seal(MONDAY + MINUTE) == 3
    assert events.verify() == Verdict(4, None)


@pytest.mark.postgresql
def test_where_somebody_always_writes_a_seal_covers_what_the_one_before_it_saw(in_app: Flask) -> None:
    a_story()
    with somebody_else_writes():
        assert seal() == 0
        assert seal(MONDAY + LATER / 2) == 0  # whoever began before the first may not be done
        assert len(events.of(events.LEDGER)) == 1
    with somebody_else_writes("case:10"):
        assert seal(MONDAY + LATER) == 12
    assert events.verify().broken is None


def test_sealing_goes_on_while_others_write(app: Flask) -> None:
    def write(subject: str) -> int:
        return sum(1 for _ in range(10) if tell(subject))

    def seal_now_and_then() -> int:
        return sum(seal(MONDAY + hours * HOUR) for hours in range(5))

    together(app, lambda: write("case:1"), lambda: write("case:2"), lambda: write("case:3"), seal_now_and_then)
    with app.app_context():
        for days in (1, 2):
            seal(MONDAY + days * DAY)
        sealed = [event.data for event in events.of(events.LEDGER)]
        assert sealed[-1]["through"] >= 30
        assert events.verify().broken is None
