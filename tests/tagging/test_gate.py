"""The gate: not worse has to be shown on the gold set; on held-back corrections only worse must not be."""

import numpy as np

from cxloop.tagging.gate import MARGINS, Reading, judge, surely_worse, worst_case


def right(share: float, count: int = 600) -> np.ndarray:
    return (np.arange(count) < share * count).astype(float)


def reading(share: float) -> Reading:
    return Reading({name: right(share) for name in MARGINS})


def test_the_same_answers_may_serve() -> None:
    assert judge(reading(0.8), {"serving": reading(0.8)}, []).serves


def test_better_answers_may_serve_and_worse_ones_not_whoever_the_rival_is() -> None:
    assert judge(reading(0.85), {"serving": reading(0.8)}, []).serves
    for rival in ("serving", "shipped", "untaught"):
        verdict = judge(reading(0.75), {"serving": reading(0.7), rival: reading(0.8)}, [])
        assert not verdict.serves
        assert verdict.words.startswith("Refused: on the gold set")


def test_a_small_gold_set_proves_little() -> None:
    before, after = right(0.8, 20), np.roll(right(0.8, 20), 1)
    assert worst_case(before, after) > 0.02


def test_no_rows_prove_nothing_and_forbid_nothing() -> None:
    assert worst_case(np.zeros(0), np.zeros(0)) == 0


def test_few_corrections_may_pass_and_many_losses_not() -> None:
    one = np.ones(1)
    assert not surely_worse(one, np.zeros(1), one)
    assert surely_worse(np.ones(10), np.zeros(10), np.ones(10))
    assert not surely_worse(np.zeros(10), np.ones(10), np.ones(10))
    held_back = [("causes", np.ones(10), np.zeros(10), np.ones(10))]
    verdict = judge(reading(0.8), {"serving": reading(0.8)}, held_back)
    assert not verdict.serves
    assert "of 10 held-back corrections of the causes" in verdict.words
