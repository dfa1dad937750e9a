"""Confidences that mean something, and thresholds that a few held-out rows justify."""

import numpy as np
import pytest

from cxloop.tagging.calibration import (
    abstain_below,
    cause_temperature,
    cause_threshold,
    sentiment_temperature,
    sigmoid,
    softmax,
    thresholds,
)


@pytest.fixture
def chance() -> np.random.Generator:
    return np.random.default_rng(7)


def test_scores_become_chances() -> None:
    assert softmax(np.array([[0.0, 0.0, 1000.0]])).tolist() == [[0.0, 0.0, 1.0]]
    assert sigmoid(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]


def test_a_boastful_model_is_cooled_until_its_confidence_is_its_accuracy(chance: np.random.Generator) -> None:
    truth = chance.integers(0, 3, 3000)
    said = np.where(chance.random(3000) < 0.7, truth, (truth + 1) % 3)
    logits = 8.0 * np.eye(3)[said]
    temperature = sentiment_temperature(logits, truth)
    assert temperature > 2
    assert softmax(logits / temperature).max(axis=1).mean() == pytest.approx(0.7, abs=0.05)


def test_the_chances_of_causes_are_cooled_too(chance: np.random.Generator) -> None:
    truth = (chance.random((2000, 4)) < 0.5).astype(float)
    logits = 6.0 * (np.where(chance.random(truth.shape) < 0.8, truth, 1 - truth) - 0.5)
    chances = sigmoid(logits / cause_temperature(logits, truth))
    assert chances[logits > 0].mean() == pytest.approx(truth[logits > 0].mean(), abs=0.15)


def test_a_cause_is_asserted_from_where_right_and_wrong_part(chance: np.random.Generator) -> None:
    chances = np.concatenate([chance.uniform(0.5, 1.0, (100, 1)), chance.uniform(0.0, 0.44, (300, 1))])
    truth = np.concatenate([np.ones((100, 1)), np.zeros((300, 1))])
    assert 0.42 <= cause_threshold(chances, truth) <= 0.5


def test_a_few_rows_cannot_move_the_threshold_out_of_its_bounds() -> None:
    assert 0.25 <= cause_threshold(np.array([[0.01]]), np.array([[1.0]])) <= 0.6
    assert 0.25 <= cause_threshold(np.array([[0.99]]), np.array([[0.0]])) <= 0.6


def test_abstaining_leaves_answers_that_are_right_as_often_as_asked_for(chance: np.random.Generator) -> None:
    confidence = np.linspace(0.3, 1.0, 1000)
    right = chance.random(1000) < confidence
    limit = abstain_below(confidence, right, aim=0.8, at_most=0.6)
    kept = confidence >= limit
    assert right[kept].mean() >= 0.795
    assert right.mean() < 0.7


def test_abstaining_never_leaves_more_than_its_share() -> None:
    confidence = np.linspace(0.3, 1.0, 100)
    hopeless = np.zeros(100, dtype=bool)
    assert (confidence >= abstain_below(confidence, hopeless, aim=0.9, at_most=0.25)).sum() >= 75


def test_a_model_that_is_always_right_is_always_sure() -> None:
    sure = thresholds(
        np.array([[0.9, 0.05, 0.05], [0.1, 0.2, 0.7]]),
        np.array([0, 2]),
        np.array([[0.9, 0.1], [0.1, 0.1]]),
        np.array([[1.0, 0.0], [0.0, 0.0]]),
    )
    assert 0.25 <= sure.cause <= 0.6
    assert sure.sure_sentiment <= 0.7
    assert sure.sure_causes <= 0.9
