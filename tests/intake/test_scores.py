"""Scores as exports write them, and the scale they are on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxloop.intake.scores import OffScale, Scale, ScaleEvidence, read_score

FIVE = Scale(1, 5)


@pytest.mark.parametrize(
    ("written", "value", "scale"),
    [
        ("4", 4, "1-5"),
        (" 4.5 ", 4.5, "1-5"),
        ("4,5", 4.5, "1-5"),
        ("4 stars", 4, "1-5"),
        ("4 - Satisfied", 4, "1-5"),
        ("4 out of 5", 4, "1-5"),
        ("6/7", 6, "1-7"),
        ("8/10", 8, "0-10"),
        ("80%", 80, "0-100"),
        ("★★★★☆", 4, "1-5"),
        ("⭐️⭐️⭐️", 3, "1-5"),
        ("Very poor", 1, "1-5"),
        ("Neither good nor poor", 3, "1-5"),
        ("Extremely likely", 5, "1-5"),
    ],
)
def test_the_usual_ways_of_writing_a_score_are_understood(written: str, value: float, scale: str) -> None:
    score = read_score(written, FIVE)
    assert score is not None
    assert (score.value, str(score.scale)) == (value, scale)


@pytest.mark.parametrize("written", ["", " ", "N/A", "Don't know", "prefer not to say", "-", "null"])
def test_words_for_no_answer_are_no_score(written: str) -> None:
    assert read_score(written, FIVE) is None


@pytest.mark.parametrize("written", ["7", "0", "-1", "6/5", "120%"])
def test_a_number_beyond_its_scale_is_told_from_nonsense(written: str) -> None:
    with pytest.raises(OffScale, match="is not on"):
        read_score(written, FIVE)


@pytest.mark.parametrize("written", ["so-so?", "4-5", "1e3", "9" * 100_000, "4" + " " * 100_000 + "of"])
def test_nonsense_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        read_score(written, FIVE)


def test_a_scale_can_be_said_backwards() -> None:
    scale = Scale.parse("5-1")
    assert (scale.worst, scale.best) == (5, 1)
    assert read_score("1", scale) is not None
    with pytest.raises(OffScale):
        read_score("7", scale)


@pytest.mark.parametrize("written", ["5", "1 to 5", "5-5", "a-b", "-1-5", "1-9999"])
def test_a_scale_that_is_none_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="worst-best"):
        Scale.parse(written)


def inferred(heading: str, *written: object) -> str:
    evidence = ScaleEvidence()
    for each in written:
        evidence.add(str(each))
    return str(evidence.infer(heading))


def test_the_scale_is_inferred_from_the_whole_column() -> None:
    assert inferred("Rating", 1, 5, 3) == "1-5"
    assert inferred("Effort", 2, 6, 7) == "1-7"
    assert inferred("NPS", 0, 10, 7) == "0-10"
    assert inferred("Score", 88, 12) == "0-100"
    assert inferred("Helpful", 0, 1) == "0-1"
    assert inferred("Rating", "Very good", "5/7") == "None"


def test_a_code_for_no_answer_does_not_stretch_the_scale() -> None:
    assert inferred("Rating", 1, 2, 3, 4, 5, 99) == "1-5"
    assert inferred("Rating", 1, 2, 3, 4, 5, 7) == "1-5"
    assert inferred("Rating", 1, 2, 3, 4, 5, 6, 7) == "1-7"
    assert inferred("Rating", -1, 1, 5) == "1-5"


def test_the_friends_and_family_test_counts_one_as_the_best() -> None:
    assert inferred("FFT categorical answer", 1, 2, 5, 7) == "5-1"
    assert inferred("Friends and Family score", 1, 6) == "5-1"


def test_numbers_on_no_usual_scale_are_no_scores() -> None:
    with pytest.raises(ValueError, match="fit no usual scale"):
        inferred("Score", 3, 1200)


@given(st.integers(0, 10), st.integers(1, 10))
def test_a_score_is_on_its_scale_or_off_it(value: int, best: int) -> None:
    scale = Scale(0, best)
    try:
        score = read_score(str(value), scale)
    except OffScale:
        assert value > best
    else:
        assert score is not None
        assert score.value in scale


@given(st.text(max_size=120))
def test_no_text_breaks_the_reading_of_scores(written: str) -> None:
    try:
        score = read_score(written, FIVE)
    except ValueError:
        return
    assert score is None or score.value in score.scale
