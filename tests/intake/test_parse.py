"""From a file to items: what is decided, what is taken, what is rejected, and who is who when it comes again."""

import csv
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxloop.errors import Invalid
from cxloop.intake.parse import Item, Plan, Reading, Wishes, clean, survey
from cxloop.intake.records import Reject, Table
from cxloop.intake.scores import Scale

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "import"

real_files = pytest.mark.skipif(not REAL.is_dir(), reason="the real exports (../shared/data/import) are not here")


def planned(folder: Path, content: str, wishes: Wishes = Wishes()) -> tuple[Table, Plan]:  # noqa: B008
    path = folder / "export.csv"
    path.write_text(content, encoding="utf-8", newline="")
    table = Table(path)
    return table, survey(table, wishes, at=NOW)


def taken(folder: Path, content: str, wishes: Wishes = Wishes()) -> list[Item]:  # noqa: B008
    return [each for each in Reading(*planned(folder, content, wishes), at=NOW) if isinstance(each, Item)]


def rejected(folder: Path, content: str, wishes: Wishes = Wishes()) -> list[tuple[int, str]]:  # noqa: B008
    reading = Reading(*planned(folder, content, wishes), at=NOW)
    return [(each.line, each.reason) for each in reading if isinstance(each, Reject)]


def test_a_row_becomes_an_item(tmp_path: Path) -> None:
    content = (
        "id,name,user,email,date,rating,question,comment\n"
        '7,Ann,ann_7,Ann@Example.org,13/04/2021 10:00,4,How was it?,"Good &amp; quick\x00,\r\nthank\x1b you "\n'
    )
    assert taken(tmp_path, content, Wishes(zone=ZoneInfo("Europe/Berlin"))) == [
        Item(
            external_id="7",
            text="Good & quick,\nthank you",
            score=4,
            scale="1-5",
            question="How was it?",
            occurred_at=datetime(2021, 4, 13, 8, tzinfo=UTC),
            customer_name="Ann",
            customer_ref="ann_7",
            email="ann@example.org",
        )
    ]


def test_everything_that_was_decided_is_told_before_anything_is_taken(tmp_path: Path) -> None:
    _, plan = planned(tmp_path, "Date;Score;Text;Shop\n13/04/2021;5;Fine, thanks;North\n01/04/2021;2;Late;South\n")
    assert plan.said == (
        "export.csv: CSV, 4 columns with semicolons between",
        "  text      Text",
        "  score     Score, on a scale of 1-5",
        "  when      Date, day first (1 can be read no other way); UTC where no zone is given",
        "  not taken Shop",
    )


def test_a_row_with_a_score_and_no_text_is_taken_and_one_with_neither_is_not(tmp_path: Path) -> None:
    content = "score,text\n5,\n,fine\n,  \nN/A,\n"
    assert [(item.score, item.text) for item in taken(tmp_path, content)] == [(5, None), (None, "fine")]
    assert rejected(tmp_path, content) == [(4, "empty: neither text nor score"), (5, "empty: neither text nor score")]


def test_a_code_beyond_the_scale_leaves_the_text_and_is_counted(tmp_path: Path) -> None:
    content = "score,text\n" + "".join(f"{n},fine\n" for n in (1, 2, 3, 4, 5, 99)) + "99,\n"
    reading = Reading(*planned(tmp_path, content), at=NOW)
    found = list(reading)
    assert isinstance(found[5], Item)
    assert (found[5].score, found[5].scale) == (None, None)
    assert reading.left_out == {"a score (99 is not on 1-5)": 1}
    assert found[6] == Reject(8, "empty: no text, and 99 is not on 1-5", "99,\n")


def test_nonsense_is_rejected_with_line_and_reason(tmp_path: Path) -> None:
    content = (
        "id,date,score,text\n1,2021-04-13,5,fine\n2,2021-04-13,4,fine\n3,2021-04-13,3,fine\n4,2021-04-13,2,fine\n"
        "5,2021-04-13,so so,fine\n6,2021-02-30,5,fine\n7,2027-01-01,5,fine\n8,soon,5,fine\n"
        f"9,2021-04-13,5,{'x' * 20_001}\n{'9' * 201},2021-04-13,5,fine\n"
    )
    assert rejected(tmp_path, content) == [
        (6, "a score that cannot be read"),
        (7, "a date that does not exist"),
        (8, "a date in the future"),
        (9, "a date that cannot be read"),
        (10, "a text longer than 20,000 characters"),
        (11, "the id is longer than 200 characters"),
    ]


def test_dates_against_the_order_of_the_file_are_rejected(tmp_path: Path) -> None:
    content = "date,text\n13/04/2021,a fine day\n14/04/2021,a bad day\n04/15/2021,an odd day\n"
    assert rejected(tmp_path, content) == [(4, "a date that does not exist with the day first")]
    month_first = Wishes(day_first=False)
    assert [line for line, _ in rejected(tmp_path, content, month_first)] == [2, 3]


def test_an_address_that_is_none_leaves_the_item_and_is_counted(tmp_path: Path) -> None:
    content = "email,text\nann@example.org,fine\nbo@example.org,fine\nann at home,fine\n"
    reading = Reading(*planned(tmp_path, content), at=NOW)
    assert [each.email for each in reading if isinstance(each, Item)] == ["ann@example.org", "bo@example.org", None]
    assert reading.left_out.total() == 1


def test_a_scale_that_is_said_wins_and_must_fit(tmp_path: Path) -> None:
    content = "score,text\n1,fine\n5,bad\n"
    assert {item.scale for item in taken(tmp_path, content, Wishes(scale=Scale(5, 1)))} == {"5-1"}
    with pytest.raises(Invalid, match="--scale 6-10 does not fit: 2 of 2 scores"):
        planned(tmp_path, content, Wishes(scale=Scale(6, 10)))


def test_numbers_on_no_scale_ask_for_one(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="fit no usual scale; say --scale"):
        planned(tmp_path, "points,text\n3,fine\n1200,fine\n", Wishes(columns={"score": "points"}))


def test_rows_without_an_id_are_known_by_what_they_hold_and_which_of_the_equal_ones_they_are(tmp_path: Path) -> None:
    content = "text,shop\nfine,north\nfine,south\nfine,north\n"
    first = [item.external_id for item in taken(tmp_path, content)]
    assert len(set(first)) == 3
    assert first[2] == first[0].removesuffix(":1") + ":2"
    reordered = "shop,text\nsouth,fine\nnorth,fine\nnorth,fine\nwest,new\n"
    assert {item.external_id for item in taken(tmp_path, reordered)} > set(first)


def test_a_row_whose_id_is_blank_is_known_by_its_hash(tmp_path: Path) -> None:
    ids = [item.external_id for item in taken(tmp_path, "id,text\n7,fine\n,fine\n8,fine\n9,good\n")]
    assert ids[0] == "7"
    assert ids[1].startswith("hash:")


cell = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=3)


@given(rows=st.lists(st.tuples(cell, cell), min_size=1, max_size=20), more=st.lists(st.tuples(cell, cell), max_size=5))
def test_identity_is_distinct_within_a_file_and_stable_when_it_grows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], more: list[tuple[str, str]]
) -> None:
    folder, wishes = tmp_path_factory.mktemp("identity"), Wishes(columns={"text": "text"})

    def identities(rows: list[tuple[str, str]]) -> list[str]:
        content = "text,shop\n" + "".join(f"{text},{shop}\n" for text, shop in rows)
        return [item.external_id for item in taken(folder, content, wishes)]

    once = identities(rows)
    assert len(set(once)) == len(rows)
    assert identities(rows + more)[: len(rows)] == once
    assert set(identities(rows[::-1])) == set(once)


@given(st.text(max_size=60))
def test_a_cleaned_text_can_be_stored_anywhere(written: str) -> None:
    text = clean(written)
    text.encode()
    assert "\0" not in text
    assert text == text.strip()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(rows: int) -> int:
        path = tmp_path / f"{rows}.csv"
        with path.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            writer.writerow(["Date", "Rating", "Text"])
            writer.writerows((f"{n % 28 + 1:02}/03/2021", n % 5 + 1, f"It came {n} hours late.") for n in range(rows))
        tracemalloc.start()
        try:
            table = Table(path)
            assert (
                sum(isinstance(each, Item) for each in Reading(table, survey(table, Wishes(), at=NOW), at=NOW)) == rows
            )
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(6_000) < 1.5 * peak(600)


@real_files
@pytest.mark.parametrize(
    ("name", "items", "rejects", "columns"),
    [
        ("reviews_clothing.csv", 2883, [3435], {"text": "Review Text", "score": "Rating"}),
        (
            "complaints_finance.csv",
            1157,
            [],
            {"text": "Consumer complaint narrative", "when": "Date received", "id": "Complaint ID"},
        ),
        ("social_airline.csv", 6735, [], {"text": "text", "when": "tweet_created", "id": "tweet_id"}),
        (
            "survey_health.csv",
            2699,
            None,
            {
                "text": "FFT answer",
                "score": "FFT categorical answer",
                "when": "Date",
                "customer": "Respondent ID",
                "id": "Comment ID",
                "question": "FFT question",
            },
        ),
    ],
)
def test_the_real_exports_are_read_whole(
    name: str, items: int, rejects: list[int] | None, columns: dict[str, str]
) -> None:
    table = Table(REAL / name)
    plan = survey(table, Wishes(), at=NOW)
    found = list(Reading(table, plan, at=NOW))
    assert plan.columns == columns
    assert len({each.external_id for each in found if isinstance(each, Item)}) == items
    lines = [each.line for each in found if isinstance(each, Reject)]
    assert lines == (rejects if rejects is not None else _lines_that_say_nothing())


def _lines_that_say_nothing() -> list[int]:
    """Counted with the csv module alone: no answer, and 7 ("don't know") for a score."""
    with (REAL / "survey_health.csv").open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        lines, start = [], 1
        for row in reader:
            if not row[6].strip() and row[4] == "7":
                lines.append(start)
            start = reader.line_num + 1
    return lines


@real_files
def test_the_health_survey_is_read_day_first_with_one_as_the_best() -> None:
    table = Table(REAL / "survey_health.csv")
    plan = survey(table, Wishes(), at=NOW)
    assert plan.day_first
    assert plan.scale == Scale(5, 1)
    reading = Reading(table, plan, at=NOW)
    assert sum(isinstance(each, Item) and each.score is None for each in reading) == 361 - 89
