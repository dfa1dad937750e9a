"""Versions of the heads as rows: who makes one, which serves, and the way back. The fits are made up."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from flask import Flask

from cxloop import drains, events, intake, loop, tagging, teaching
from cxloop.cases import queries
from cxloop.db import db, transaction
from cxloop.drains import Kit
from cxloop.errors import Conflict, CxloopError
from cxloop.tagging import catalogue, versions
from cxloop.tagging.corpus import Corpus, make
from cxloop.tagging.gate import Verdict
from cxloop.tagging.heads import Heads
from cxloop.tagging.learning import Outcome
from cxloop.tagging.models import HeadStatus, HeadVersion
from cxloop.tagging.queries import correction_counts, learning_curve, weekly
from cxloop.tagging.rows import Row
from tests import lessons
from tests.factories import DAY, HOUR, MONDAY, a_case, a_feedback, a_suggestion

AT = MONDAY + HOUR


def outcome(*, serves: bool = True, sentiment: float = 0.8) -> Outcome:
    """Heads under which everything is neutral."""
    columns = np.zeros((385, 3))
    columns[-1] = [0.0, 50.0, 0.0]
    scores = {"gold": {"sentiment": {"before": 0.8, "after": sentiment, "n": 100}}}
    return Outcome(Heads(sentiment=columns), Verdict(serves, "Decided."), scores, {}, {"corrections": 1})


def a_correction(by: str = "user:1", at: datetime = AT) -> None:
    case = a_case()
    with transaction():
        loop.correct(case, queries.feedback(case)[0], field="sentiment", value="neutral", by=by, at=at)


def a_version(*, serves: bool = True, base: str = "2026.11", at: datetime = AT) -> HeadVersion:
    if not db.session.query(tagging.models.Correction).count():
        a_correction(at=AT)
    with transaction():
        begun = versions.begin(base=base, by="test", at=at)
    with transaction():
        return versions.finish(begun, outcome(serves=serves), by="test", at=at)


def test_without_a_version_the_shipped_heads_serve(in_app: Flask) -> None:
    assert versions.serving() is None


def test_a_version_that_may_serve_replaces_the_one_before(in_app: Flask) -> None:
    first, second = a_version(), a_version()
    assert versions.serving() == second.id
    assert first.status is HeadStatus.RETIRED
    assert [event.kind for event in events.of("heads")] == ["heads_served", "heads_served"]


def test_a_refused_one_is_kept_and_serves_nobody(in_app: Flask) -> None:
    kept = a_version(serves=False)
    assert versions.serving() is None
    assert (kept.status, kept.decision) == (HeadStatus.REFUSED, "Decided.")
    with pytest.raises(Conflict), transaction():
        versions.rollback(kept.id, by="test", at=AT)


def test_the_way_back_and_further_back_to_the_shipped_heads(in_app: Flask) -> None:
    first, second = a_version(), a_version(at=AT + HOUR)
    assert versions.before() == first.id
    with transaction():
        versions.rollback(first.id, by="user:1", at=AT + 2 * HOUR)
    assert versions.serving() == first.id
    assert second.status is HeadStatus.RETIRED
    with transaction():
        versions.rollback(None, by="user:1", at=AT + 2 * HOUR)
    assert versions.serving() is None
    with pytest.raises(Conflict), transaction():
        versions.rollback(None, by="user:1", at=AT + 2 * HOUR)
    assert events.of("heads")[-1].kind == "heads_rolled_back"


def test_of_two_who_would_learn_at_once_one_does(in_app: Flask) -> None:
    a_correction()
    with transaction():
        begun = versions.begin(base="2026.11", by="one", at=AT)
    with pytest.raises(Conflict), transaction():
        versions.begin(base="2026.11", by="two", at=AT)
    with transaction():  # the first one died
        again = versions.begin(base="2026.11", by="two", at=AT + versions.LEASE)
    assert again.id == begun.id


def test_a_fit_that_was_overtaken_by_a_rollback_does_not_serve(in_app: Flask) -> None:
    a_version()
    with transaction():
        begun = versions.begin(base="2026.11", by="test", at=AT + HOUR)
    with transaction():
        versions.rollback(None, by="user:1", at=AT + HOUR)
    with transaction():
        late = versions.finish(begun, outcome(), by="test", at=AT + HOUR)
    assert late.status is HeadStatus.REFUSED
    assert versions.serving() is None


def test_there_is_nothing_to_learn_before_anybody_said_anything(in_app: Flask) -> None:
    assert not versions.due(at=AT)
    with pytest.raises(Conflict, match="nothing to learn"), transaction():
        versions.begin(base="2026.11", by="test", at=AT)


def test_it_learns_at_night_if_there_is_something_new_and_soon_if_asked(in_app: Flask) -> None:
    a_version()
    night = (AT + DAY).replace(hour=2)
    assert not versions.due(at=night), "nothing new"
    a_correction(at=AT + HOUR)
    assert not versions.due(at=AT + 2 * HOUR), "not at noon"
    assert not versions.due(at=night), "not twenty hours later"
    assert versions.due(at=night + DAY)
    with transaction():
        versions.ask(by="user:1", at=AT + 2 * HOUR)
    assert versions.due(at=AT + 2 * HOUR)
    with pytest.raises(Conflict), transaction():
        versions.ask(by="user:1", at=AT + 2 * HOUR)


def test_examples_of_a_new_cause_are_learnt_at_once(in_app: Flask) -> None:
    with transaction():
        catalogue.add("points", name="Points", definition="Points are missing.", by="user:1", at=AT)
        catalogue.add_examples("points", lessons.POINTS, by="user:1", at=AT)
    assert versions.due(at=AT)


def test_heads_for_another_model_do_not_serve_and_damaged_ones_neither(in_app: Flask) -> None:
    other = a_version(base="2020.01")
    assert versions.heads(other.id, base="2026.11") is None
    with transaction():
        other.weights = b"damaged"
    with pytest.raises(CxloopError):
        versions.heads(other.id, base="2020.01")


@pytest.mark.model
def test_damaged_heads_leave_the_shipped_model_at_work(in_app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    version = a_version(base=lessons.tagger().version)
    with transaction():
        version.weights = b"damaged"
    assert teaching.with_heads(lessons.tagger(), version.id) is lessons.tagger()
    assert "cannot serve" in caplog.text


@pytest.mark.model
def test_a_worker_serves_a_new_version_and_the_way_back_at_its_next_batch(app: Flask) -> None:
    kit = Kit(links=app.extensions["cxloop.links"], load_tagger=lessons.tagger)

    def read(text: str) -> tuple[str, str]:
        with app.app_context():
            feedback = a_feedback(text)
            drains.drain_tagging(kit)
            tag = tagging.of(db.session.merge(feedback))
            assert tag is not None
            return tag.model, tag.sentiment

    base = lessons.tagger().version
    assert read("My parcel is nine days late, I am furious.") == (base, "negative")
    with app.app_context():
        number = a_version(base=base).id
    assert read("My parcel is eight days late, I am furious.") == (f"{base}+{number}", "neutral")
    with app.app_context(), transaction():
        versions.rollback(None, by="user:1", at=AT)
    assert read("My parcel is seven days late, I am furious.") == (base, "negative")


@pytest.mark.model
def test_the_tag_keeps_the_vector_of_the_text(in_app: Flask) -> None:
    with transaction():
        feedback = a_feedback("My parcel is late.")
        suggestion = lessons.tagger().suggest([tagging.text_of(feedback)])[0]
        loop.understand(feedback, suggestion, by="worker", at=AT)
    tag = tagging.of(feedback)
    assert tag is not None
    assert tag.embedding is not None
    assert np.linalg.norm(np.frombuffer(tag.embedding, dtype="<f4")) == pytest.approx(1, abs=1e-3)


@pytest.mark.model
def test_a_corpus_is_read_back_and_another_models_is_refused(tmp_path: object) -> None:
    rows = [
        Row("1", "It came late.", sentiment="negative", causes=frozenset({"delivery_delay"}), industry="parcel"),
        Row("2", "Lovely!", sentiment="positive", industry="hotel"),
        Row("3", "   ", sentiment="neutral"),
    ]
    made = make(rows[:1] + rows[2:], rows[1:2], lessons.tagger())
    made.write(tmp_path, version="2026.11")  # type: ignore[arg-type]
    again = Corpus.read(tmp_path, version="2026.11")  # type: ignore[arg-type]
    assert len(again.training.vectors) == len(again.measured.vectors) == 1
    assert again.vectors == pytest.approx(made.vectors, abs=1e-3)
    assert again.causes.sum(axis=1).tolist() == [1, -16]
    with pytest.raises(CxloopError, match="was made by"):
        Corpus.read(tmp_path, version="2027.01")  # type: ignore[arg-type]


def test_the_learning_curve_has_a_point_for_each_version(in_app: Flask) -> None:
    first, second = a_version(), a_version(serves=False, at=AT + HOUR)
    assert [(point.version, point.status, point.sentiment) for point in learning_curve()] == [
        (first.id, "serving", 0.8),
        (second.id, "refused", 0.8),
    ]


def test_weeks_say_how_often_it_was_unsure_and_how_often_overruled(in_app: Flask) -> None:
    with transaction():
        for number in range(4):
            unsure = ("causes",) if number == 0 else ()
            loop.understand(a_feedback(at=MONDAY), a_suggestion(unsure=unsure), by="worker", at=MONDAY)
    feedback = db.session.query(intake.models.Feedback).first()
    with transaction():
        case = tagging.of(feedback) and loop.cases.of_feedback(feedback)
        loop.correct(case, feedback, field="causes", value=["wait_time"], by="user:1", at=MONDAY + DAY)
        loop.correct(case, feedback, field="sentiment", value="neutral", by="user:1", at=MONDAY + DAY)
    before, this = weekly(at=MONDAY + timedelta(days=3), weeks=2)
    assert (before.read, before.abstain_rate) == (0, None)
    assert (this.read, this.abstain_rate, this.override_rate) == (4, 0.25, 0.25)
    counts = correction_counts(at=MONDAY + 2 * DAY)
    assert counts["causes"] == {"changed": 1, "confirmed": 0}
