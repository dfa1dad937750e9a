"""How much a correction teaches. Pure.

* Each text is one row, however often it was corrected; of each person the newest word on it counts.
* A person's voice weighs `min(1, sqrt(50 / n))`, where n is how many texts that person read otherwise than the tagger:
  up to fifty all count in full, beyond that the sum of them grows only with the square root.
* Where people disagree about a text, a label counts `(for - against) / (for + against)`, nothing at a tie.
* To have agreed with the tagger counts half: it may have been the easy way.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from cxloop.tagging.models import CorrectionKind, Field
from cxloop.tagging.tagger import Text
from cxloop.tagging.taxonomy import OTHER

FULL_VOICE = 50
AGREED = 0.5


@dataclass(frozen=True, slots=True)
class Said:
    """One correction, or one example of a cause (`field` causes, CONFIRMED: others may hold as well)."""

    text: Text
    field: Field
    kind: CorrectionKind
    value: tuple[str, ...]
    agrees: bool
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class KnownCause:
    """A cause as the lesson needs it: `today` is the key that it counts as."""

    key: str
    definition: str
    today: str
    active: bool
    split_from: str | None
    shipped: bool
    since: datetime


@dataclass(frozen=True, slots=True)
class Taught:
    """What people say of one text: labels with weights. `votes` says of a cause's key whether it holds."""

    text: Text
    sentiment: tuple[str, float] | None
    votes: Mapping[str, tuple[bool, float]]
    newest: datetime


def voices(said: Iterable[Said]) -> dict[str, float]:
    """What each person's word weighs."""
    read = Counter(by for by, _ in {(each.by, key_of(each.text)) for each in said if not each.agrees})
    return {by: min(1.0, (FULL_VOICE / count) ** 0.5) for by, count in read.items()}


def taught(said: Sequence[Said], causes: Sequence[KnownCause]) -> list[Taught]:
    """One row for each text, in a fixed order."""
    weight = voices(said)
    by_text: dict[str, dict[tuple[str, Field, CorrectionKind], Said]] = defaultdict(dict)
    for each in sorted(said, key=lambda each: each.at):
        by_text[key_of(each.text)][each.by, each.field, each.kind] = each
    rows = []
    for key in sorted(by_text):
        last = list(by_text[key].values())
        heard = [(each, weight.get(each.by, 1.0) * (AGREED if each.agrees else 1.0)) for each in last]
        row = Taught(
            text=last[0].text,
            sentiment=_sentiment([(one.value[0], w) for one, w in heard if one.field is Field.SENTIMENT]),
            votes=_votes([(one, w) for one, w in heard if one.field is Field.CAUSES], causes),
            newest=max(each.at for each in last),
        )
        if row.sentiment or row.votes:
            rows.append(row)
    return rows


def key_of(text: Text) -> str:
    """The same for texts that differ in case and spaces only."""
    return " ".join(f"{text.question or ''}\n{text.text}".casefold().split())


def _sentiment(voted: Sequence[tuple[str, float]]) -> tuple[str, float] | None:
    sums: dict[str, float] = defaultdict(float)
    for name, weight in voted:
        sums[name] += weight
    if not sums:
        return None
    best = max(sorted(sums), key=lambda name: sums[name])
    worth = _worth(sums[best], sum(sums.values()) - sums[best])
    return (best, worth) if worth > 0 else None


def _votes(heard: Sequence[tuple[Said, float]], causes: Sequence[KnownCause]) -> dict[str, tuple[bool, float]]:
    today = {cause.key: cause.today for cause in causes}
    yes: dict[str, float] = defaultdict(float)
    no: dict[str, float] = defaultdict(float)
    for one, weight in heard:
        named = {today.get(key, key) for key in one.value} - {OTHER}
        for key in named:
            yes[key] += weight
        if one.kind is CorrectionKind.CORRECTED:
            for cause in causes:  # what could have been named then, and was not
                if cause.active and cause.key not in named and cause.key != OTHER and cause.since <= one.at:
                    no[cause.key] += weight
    votes = {}
    for key in sorted(yes.keys() | no.keys()):
        holds = yes[key] > no[key]
        worth = _worth(max(yes[key], no[key]), min(yes[key], no[key]))
        if worth > 0:
            votes[key] = (holds, worth)
    return votes


def _worth(winners: float, losers: float) -> float:
    return max(0.0, (winners - losers) / (winners + losers) * min(1.0, winners)) if winners else 0.0
