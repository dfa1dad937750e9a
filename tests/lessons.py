"""What tests of learning stand on: the shipped model with a corpus beside it, and texts to teach it with."""

from functools import cache
from pathlib import Path

from cxloop.paths import model_folder, top
from cxloop.tagging.corpus import FILE, Corpus, make
from cxloop.tagging.model import OnnxTagger
from cxloop.tagging.rows import Row, hold_out, read_rows

ROWS = 1_600

WHERE = [
    "Locker 14",
    "The locker at the station",
    "Parcel locker by the bakery",
    "Your locker",
    "The yellow locker",
    "Locker box 3",
    "The machine at Elm Road",
    "The pickup box",
    "Box wall at the market",
    "The locker in our street",
]
WHAT = [
    "shows code 7 again.",
    "said code 7 when I typed my number",
    "only tells me code 7",
    "beeped and wrote code 7 on the screen.",
    "has code 7, third time this week",
    "gives code 7 and stays shut",
]
CODE_7 = [f"{where} {what}" for where in WHERE for what in WHAT]
"""Sixty texts of one kind, which means nothing to anybody who does not work there."""
CODE_7_UNSEEN = [
    "Code 7 at the locker tonight, I stood there and got nothing out.",
    "I entered the digits and the locker replied with code 7",
    "code 7!!! on the locker at the petrol station",
    "Went to fetch my shoes, the locker says code 7.",
    "Locker: code 7. Tried twice.",
    "The locker next to the school shows code 7 every day",
]

POINTS = [
    "My loyalty points from the last three orders were never added to my card.",
    "Where did my bonus points go? I had 4,200 and now it says zero.",
    "The points I collected expired without a word and I wanted to redeem them.",
    "Could not redeem my reward points at the till although the card says I have enough.",
    "I collect stamps on the loyalty card and the last five were not credited.",
]
POINTS_UNSEEN = [
    "You deleted all my loyalty points when I got the new card.",
    "No bonus points for my purchase last week, the card shows nothing.",
    "My reward points cannot be redeemed in the shop.",
    "I have been collecting points for two years and they expired yesterday.",
    "The points for the referral were not credited to my loyalty card.",
]


@cache
def tagger() -> OnnxTagger:
    return OnnxTagger(model_folder())


@cache
def corpus() -> Corpus:
    """The corpus that the model carries; where it carries none yet, one of some of the repository's rows."""
    if (model_folder() / FILE).is_file():
        return Corpus.read(model_folder(), version=tagger().version)
    folder = top() / "models" / "corpus"
    rows = [row for path in sorted(folder.rglob("*.jsonl")) for row in read_rows(path, own=True)]
    learn, gold = hold_out(rows)
    return make(_some(learn), gold, tagger())


def learning_folder(under: Path) -> Path:
    """A model folder that can learn, as `CXLOOP_MODEL` names it."""
    folder = under / tagger().version
    folder.mkdir()
    for path in model_folder().iterdir():
        (folder / path.name).symlink_to(path)
    if not (folder / FILE).exists():
        corpus().write(folder, version=tagger().version)
    return folder


def _some(rows: list[Row]) -> list[Row]:
    return rows[:: max(1, len(rows) // ROWS)]
