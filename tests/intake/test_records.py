"""Reading CSV and JSON Lines record by record."""

import json
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxloop.intake.records import Reject, Row, Table, Unreadable


def table(folder: Path, content: str | bytes, name: str = "export.csv") -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return Table(path)


def cells(found: Table) -> list[dict[str, str]]:
    return [record.cells for record in found.records() if isinstance(record, Row)]


def rejects(found: Table) -> list[tuple[int, str]]:
    return [(record.line, record.reason) for record in found.records() if isinstance(record, Reject)]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path: Path, mark: str) -> None:
    found = table(tmp_path, f"text{mark}score\nfine, really; yes{mark}5\n".replace(mark + " ", " "))
    assert found.columns == ("text", "score")
    assert cells(found)[0]["score"] == "5"


def test_in_a_file_of_one_column_commas_are_commas(tmp_path: Path) -> None:
    assert cells(table(tmp_path, "text\nWell, I waited, and waited\n")) == [{"text": "Well, I waited, and waited"}]


def test_a_field_that_is_too_long_hides_no_delimiter(tmp_path: Path) -> None:
    found = table(tmp_path, f"text;score\n{'x' * 200_000};5\nfine;4\n")
    assert found.columns == ("text", "score")
    assert cells(found) == [{"text": "fine", "score": "4"}]
    assert rejects(found) == [(2, "broken row: a field that is too long")]


@pytest.mark.parametrize("seed", range(5))
def test_noise_is_no_text(tmp_path: Path, seed: int) -> None:
    with pytest.raises(Unreadable, match="not a text file"):
        table(tmp_path, b"text,score\n" + Random(seed).randbytes(2000))


def test_a_mark_at_the_beginning_of_the_file_is_no_part_of_the_first_heading(tmp_path: Path) -> None:
    assert table(tmp_path, b"\xef\xbb\xbftext,score\nfine,5\n").columns == ("text", "score")


def test_utf_16_with_tabs_as_spreadsheets_write_it_is_read(tmp_path: Path) -> None:
    found = table(tmp_path, "text\tscore\nGrüße\t5\n".encode("utf-16"))
    assert cells(found) == [{"text": "Grüße", "score": "5"}]


def test_bytes_that_are_not_utf_8_are_windows_1252_and_the_rest_stays_utf_8(tmp_path: Path) -> None:
    found = table(tmp_path, b"text,score\n" + "café ☕,5\n".encode() + "café – nice,4\n".encode("cp1252"))
    assert [row["text"] for row in cells(found)] == ["café ☕", "café – nice"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_is_read(tmp_path: Path, end: str) -> None:
    found = table(tmp_path, end.join(["text,score", '"two', 'lines",5', "one,4", ""]))
    assert [record.line for record in found.records()] == [2, 4]
    assert cells(found)[0]["text"] == f"two{end}lines"


def test_a_row_of_another_length_is_rejected_with_its_line_number(tmp_path: Path) -> None:
    found = table(tmp_path, "text,score\nfine,5\nbroken\n\nfine,4,,\nfine,4,more\n")
    assert len(cells(found)) == 2
    assert rejects(found) == [(3, "1 fields where the heading has 2"), (6, "3 fields where the heading has 2")]


def test_an_unclosed_quote_at_the_end_is_one_reject(tmp_path: Path) -> None:
    found = table(tmp_path, 'score,text\n5,fine\n4,"cut\noff here\n\nand here')
    assert cells(found) == [{"score": "5", "text": "fine"}]
    assert rejects(found) == [(3, "broken row: a quote that is not closed")]


def test_an_unclosed_quote_in_the_middle_swallows_no_row(tmp_path: Path) -> None:
    found = table(tmp_path, 'score,text\n5,"open\n4,fine\n3,"good, too"\n2,bad\n')
    assert [row["score"] for row in cells(found)] == ["4", "3", "2"]
    assert rejects(found) == [(2, "broken row: a quote that is not closed")]


def test_the_lines_of_a_broken_row_stay_together(tmp_path: Path) -> None:
    found = table(tmp_path, 'score,text\n5,"He said "no"\nand then\nnothing"\n4,fine\n')
    [reject] = [record for record in found.records() if isinstance(record, Reject)]
    assert reject.raw == '5,"He said "no"\nand then\nnothing"\n'
    assert [row["score"] for row in cells(found)] == ["4"]


def test_many_unclosed_quotes_take_linear_time(tmp_path: Path) -> None:
    """INJ-04. A reader that begins anew after each of these lines would read 20,000 times 20,000 lines."""
    found = table(tmp_path, "score,text\n" + '5,"open\n' * 20_000)
    assert len(rejects(found)) == 20_000


def test_a_line_without_end_is_rejected_and_the_next_one_read(tmp_path: Path) -> None:
    found = table(tmp_path, "score,text\n5," + "a" * 3_000_000 + "\n4,fine\n")
    assert rejects(found) == [(2, "a line longer than 1,000,000 characters")]
    assert [(record.line, record.cells["score"]) for record in found.records() if isinstance(record, Row)] == [(3, "4")]


def test_columns_without_a_name_or_with_the_same_are_told_apart(tmp_path: Path) -> None:
    assert table(tmp_path, ",Name,Name\n1,2,3\n").columns == ("column 1", "Name", "Name (3)")


def test_json_lines_are_read_with_inner_objects_and_exact_numbers(tmp_path: Path) -> None:
    lines = '{"id": 570307876897628160123, "user": {"name": "Ann"}, "tags": ["a"], "ok": true}\n\n{"text": null}\n'
    found = table(tmp_path, lines, "export.jsonl")
    assert found.columns == ("id", "user.name", "tags", "ok", "text")
    assert cells(found)[0] == {"id": "570307876897628160123", "user.name": "Ann", "tags": '["a"]', "ok": "true"}


def test_each_broken_json_line_is_rejected_alone(tmp_path: Path) -> None:
    lines = [
        "{}",
        "{",
        "[1]",
        '{"n": NaN}',
        '{"n": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"n": ' + "9" * 9_000 + "}",
    ]
    found = table(tmp_path, "\n".join(lines), "export.jsonl")
    assert [line for line, _ in rejects(found)] == [2, 3, 4, 5]
    assert len(cells(found)) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\x1f\x8brest", "compressed"),
        (b'[{"text": "a"}]', "one JSON array"),
        (bytes(range(256)) * 4, "not a text file"),
        (b'"text,score\n', "no line of column names"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as refused:
        table(tmp_path, content)
    assert "\n" not in str(refused.value)


field = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], include_characters="\r\n\t", exclude_characters="\ufeff"),
    max_size=12,
)


@given(rows=st.lists(st.tuples(field, field, field), min_size=1, max_size=8))
def test_whatever_a_careful_writer_quotes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, ...]]
) -> None:
    written = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\n" for row in rows)
    found = table(tmp_path_factory.mktemp("csv"), "a,b,c\n" + written)
    assert [tuple(row.values()) for row in cells(found)] == rows


@given(
    rows=st.lists(st.dictionaries(field, st.none() | field | st.integers() | st.lists(field, max_size=2)), max_size=6)
)
def test_every_json_object_is_one_row(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, object]]) -> None:
    lines = "\n".join(json.dumps(row) for row in [{}, *rows])
    found = table(tmp_path_factory.mktemp("json"), lines, "export.jsonl")
    assert len(cells(found)) == len(rows) + 1
    assert rejects(found) == []
