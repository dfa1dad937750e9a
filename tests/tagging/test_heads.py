"""Heads as bytes in the database: the same back, and nothing but plain arrays is ever read."""

import io
import pickle

import numpy as np
import pytest

from cxloop.errors import CxloopError
from cxloop.tagging.heads import Heads, Split
from cxloop.tagging.regression import binary, multinomial


def some_heads() -> Heads:
    chance = np.random.default_rng(7)
    return Heads(
        sentiment=chance.normal(size=(385, 3)),
        causes=chance.normal(size=(385, 16)),
        own=("points",),
        own_columns=chance.normal(size=(385, 1)),
        splits=(Split("billing_refund", ("twice", "refund"), chance.normal(size=(385, 2))),),
    )


def test_heads_come_back_from_the_database_as_they_were() -> None:
    heads, vector = some_heads(), np.random.default_rng(8).normal(size=384)
    again = Heads.from_bytes(heads.to_bytes())
    assert (again.own, again.splits[0].parts) == (("points",), ("twice", "refund"))
    before, after = heads.chances_by_name(np.zeros(16), vector), again.chances_by_name(np.zeros(16), vector)
    assert after == pytest.approx(before, abs=1e-4)
    assert "billing_refund" not in after
    assert again.to_bytes() == heads.to_bytes()


def with_a_pickle() -> bytes:
    file = io.BytesIO()
    np.savez(file, names=np.array([{"own": ()}], dtype=object))
    return file.getvalue()


@pytest.mark.parametrize(
    "packed", [b"", b"no archive", pickle.dumps([1]), with_a_pickle(), some_heads().to_bytes()[:-200]]
)
def test_anything_else_is_refused_and_nothing_is_unpickled(packed: bytes) -> None:
    with pytest.raises(CxloopError, match="These are no heads"):
        Heads.from_bytes(packed)


def test_weights_that_are_no_numbers_are_refused() -> None:
    heads = some_heads()
    heads.sentiment[0, 0] = np.nan
    with pytest.raises(CxloopError):
        Heads.from_bytes(heads.to_bytes())


def test_the_regression_finds_what_was_planted() -> None:
    chance = np.random.default_rng(7)
    inputs, planted = chance.normal(size=(4000, 5)), chance.normal(size=(5, 2))
    truth = (chance.random((4000, 2)) < 1 / (1 + np.exp(-inputs @ planted))).astype(float)
    found = binary(inputs, np.zeros((4000, 2)), truth, np.ones((4000, 2)), hold=0.01)
    assert found == pytest.approx(planted, abs=0.2)


def test_what_weighs_nothing_teaches_nothing_and_a_high_price_keeps_all_as_it_was() -> None:
    inputs, truth = np.eye(4), np.eye(3)[[0, 1, 2, 0]]
    assert not multinomial(inputs, np.zeros((4, 3)), truth, np.zeros(4), hold=1.0).any()
    assert np.abs(multinomial(inputs, np.zeros((4, 3)), truth, np.ones(4), hold=1e9)).max() < 1e-6
