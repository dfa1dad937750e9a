"""Sixty corrections of one kind are learnt and nothing else gets worse; poison is refused; five examples make a cause.

On the shipped model, whichever it is: the texts are of kinds that mean nothing to it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from cxloop.tagging.heads import Heads, LearnedTagger
from cxloop.tagging.learning import Lesson, Outcome, study
from cxloop.tagging.models import CorrectionKind, Field
from cxloop.tagging.tagger import Tagger, Text
from cxloop.tagging.taxonomy import DEFAULT_CAUSES, OTHER
from cxloop.tagging.trust import KnownCause, Said
from tests import lessons

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
EVER = datetime(1, 1, 1, tzinfo=UTC)
CAUSES = [KnownCause(c.key, c.definition, c.key, True, None, c.key != OTHER, EVER) for c in DEFAULT_CAUSES]
POINTS = KnownCause(
    "loyalty_points",
    "Loyalty or bonus points are missing, expired or unusable.",
    "loyalty_points",
    True,
    None,
    False,
    AT,
)
COMPLAINTS = [
    f"{what} {when}"
    for what in (
        "The train was an hour late",
        "I was charged twice for the same order",
        "Nobody answers my emails",
        "The room was dirty and smelled",
        "The waiter was rude to my mother",
        "The app crashes whenever I log in",
        "My parcel arrived smashed",
        "They cancelled the appointment without a word",
        "We waited ninety minutes at the desk",
        "The phone broke after three days",
    )
    for when in (
        "and nobody said sorry.",
        "last Tuesday. I am really angry.",
        "again!! This is a disgrace.",
        "and I want my money back",
        "- never again with this company.",
        "and it was not the first time.",
    )
]


def corrected(texts: Sequence[str], field: Field, *value: str, people: int = 1) -> list[Said]:
    return [
        Said(Text(text), field, CorrectionKind.CORRECTED, value, False, f"user:{number % people}", AT)
        for number, text in enumerate(texts)
    ]


def shown(key: str, texts: Sequence[str]) -> list[Said]:
    return [Said(Text(text), Field.CAUSES, CorrectionKind.CONFIRMED, (key,), True, "example", AT) for text in texts]


def learnt(said: Sequence[Said], causes: Sequence[KnownCause] = CAUSES) -> Outcome:
    return study(Lesson(said, causes, None), lessons.tagger(), lessons.corpus())


def share_with(tagger: Tagger, cause: str, texts: Sequence[str]) -> float:
    answers = tagger.suggest([Text(text) for text in texts])
    return sum(cause in [guess.cause for guess in answer.causes] for answer in answers) / len(texts)


@pytest.fixture(scope="module")
def code_7() -> Outcome:
    return learnt(corrected(lessons.CODE_7, Field.CAUSES, "account_fraud"))


@pytest.mark.model
@pytest.mark.slow
def test_sixty_corrections_of_a_kind_change_the_answer_on_unseen_texts_of_that_kind(code_7: Outcome) -> None:
    assert share_with(lessons.tagger(), "account_fraud", lessons.CODE_7_UNSEEN) == 0
    assert code_7.verdict.serves, code_7.verdict.words
    after = LearnedTagger(lessons.tagger(), code_7.heads, number=1)
    assert share_with(after, "account_fraud", lessons.CODE_7_UNSEEN) >= 0.6
    assert code_7.scores["held_back"]["causes"]["after"] > code_7.scores["held_back"]["causes"]["before"]


@pytest.mark.model
@pytest.mark.slow
def test_and_nothing_else_gets_worse(code_7: Outcome) -> None:
    for name, measured in code_7.scores["gold"].items():
        better = -1 if name.endswith("_loss") else 1
        assert better * measured["after"] >= better * measured["before"] - 0.01, name
    after = LearnedTagger(lessons.tagger(), code_7.heads, number=1)
    assert share_with(after, "account_fraud", COMPLAINTS) <= 0.05
    assert code_7.confusion["after"] == code_7.confusion["before"], "nobody corrected a sentiment"


@pytest.mark.model
@pytest.mark.slow
def test_the_same_lesson_makes_the_same_heads_byte_by_byte(code_7: Outcome) -> None:
    again = learnt(corrected(lessons.CODE_7, Field.CAUSES, "account_fraud"))
    assert again.heads.to_bytes() == code_7.heads.to_bytes()


@pytest.mark.model
@pytest.mark.slow
def test_neighbours_never_change_what_learnt_heads_say(code_7: Outcome) -> None:
    after = LearnedTagger(lessons.tagger(), code_7.heads, number=1)
    texts = [Text(text) for text in [*lessons.CODE_7_UNSEEN, *COMPLAINTS[:10], "", "👍"]]
    assert after.suggest(texts) == [after.suggest([text])[0] for text in texts]


@pytest.mark.model
def test_heads_that_have_learnt_nothing_say_what_the_shipped_model_says() -> None:
    tagger = lessons.tagger()
    untaught = LearnedTagger(tagger, Heads(), number=1)
    for text in map(Text, [*COMPLAINTS[:10], *lessons.CODE_7_UNSEEN, ""]):
        (ours,), (shipped,) = untaught.suggest([text]), tagger.suggest([text])
        assert [guess.cause for guess in ours.causes] == [guess.cause for guess in shipped.causes]
        assert (ours.sentiment, ours.unsure, ours.urgency) == (shipped.sentiment, shipped.unsure, shipped.urgency)
        assert ours.sentiment_confidence == pytest.approx(shipped.sentiment_confidence)


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.parametrize("people", [1, 5])
def test_complaints_that_are_called_praise_are_refused_by_the_gate(people: int) -> None:
    outcome = learnt(corrected(COMPLAINTS, Field.SENTIMENT, "positive", people=people))
    assert not outcome.verdict.serves
    assert outcome.verdict.words.startswith("Refused: on the gold set")


@pytest.mark.model
@pytest.mark.slow
def test_wrong_causes_are_refused_by_the_gate_too() -> None:
    outcome = learnt(corrected(COMPLAINTS, Field.CAUSES, "price_value", people=3))
    assert not outcome.verdict.serves, outcome.scores


@pytest.mark.model
@pytest.mark.slow
def test_corrections_that_say_what_is_true_are_welcome() -> None:
    outcome = learnt(corrected(COMPLAINTS, Field.SENTIMENT, "negative"))
    assert outcome.verdict.serves, outcome.verdict.words


@pytest.mark.model
def test_five_examples_make_a_cause_of_ones_own() -> None:
    outcome = learnt(shown("loyalty_points", lessons.POINTS), [*CAUSES, POINTS])
    assert outcome.verdict.serves
    assert outcome.heads.own == ("loyalty_points",)
    after = LearnedTagger(lessons.tagger(), outcome.heads, number=1)
    assert share_with(after, "loyalty_points", lessons.POINTS_UNSEEN) >= 0.6
    assert share_with(after, "loyalty_points", COMPLAINTS) <= 0.05
    assert outcome.scores["new_causes"]["loyalty_points"]["false_alarms"] <= 0.01
    assert outcome.scores["gold"]["causes"]["after"] == outcome.scores["gold"]["causes"]["before"]


@pytest.mark.model
def test_four_examples_are_too_few() -> None:
    outcome = learnt(shown("loyalty_points", lessons.POINTS[:4]), [*CAUSES, POINTS])
    assert outcome.heads.own == ()
    assert outcome.scores["new_causes"]["loyalty_points"]["examples"] == 4


@pytest.mark.model
def test_the_parts_of_a_split_cause_share_what_was_said_of_it() -> None:
    parts = [
        KnownCause(
            "charged_twice", "The same thing was charged twice.", "charged_twice", True, "billing_refund", False, AT
        ),
        KnownCause(
            "refund_missing", "A promised refund has not come.", "refund_missing", True, "billing_refund", False, AT
        ),
    ]
    whole = [KnownCause(c.key, c.definition, c.today, c.key != "billing_refund", None, c.shipped, EVER) for c in CAUSES]
    said = shown("charged_twice", ["You charged my card twice.", "Double charge on my statement."])
    said += shown("refund_missing", ["My refund has not arrived.", "Still waiting for the money you owe me back."])
    after = LearnedTagger(lessons.tagger(), learnt(said, [*whole, *parts]).heads, number=1)
    (answer,) = after.suggest([Text("I was charged twice for one order, two payments left my account.")])
    assert "charged_twice" in [guess.cause for guess in answer.causes]
    assert "billing_refund" not in [guess.cause for guess in answer.causes]
