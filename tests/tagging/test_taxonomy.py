"""The default causes are the ones that the shipped weights were trained to name."""

import json
from pathlib import Path

import pytest

from cxloop.tagging.taxonomy import CAUSE_KEYS, DEFAULT_CAUSES, OTHER, SENTIMENTS

AGREED = Path(__file__).resolve().parents[3] / "shared" / "eval" / "taxonomy.json"


def test_sixteen_causes_and_other() -> None:
    assert len(set(CAUSE_KEYS)) == 16
    assert [cause.key for cause in DEFAULT_CAUSES] == [*CAUSE_KEYS, OTHER]


@pytest.mark.skipif(not AGREED.is_file(), reason="the agreed taxonomy (../shared/eval/taxonomy.json) is not here")
def test_it_is_the_agreed_taxonomy_word_for_word() -> None:
    agreed = json.loads(AGREED.read_text(encoding="utf-8"))
    assert [cause._asdict() for cause in DEFAULT_CAUSES] == agreed["causes"]
    assert list(SENTIMENTS) == agreed["sentiments"]
