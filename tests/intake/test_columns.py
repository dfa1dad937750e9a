"""Which column is the text, which the score, and so on."""

from collections.abc import Sequence

import pytest

from cxloop.errors import Invalid
from cxloop.intake.columns import choose, doubtful

SENTENCES = [f"The parcel number {n} came late and nobody could tell me where it was" for n in range(30)]


def guessed(columns: dict[str, Sequence[object]], **given: str) -> dict[str, str]:
    height = max(map(len, columns.values()))
    sample = [{name: str(values[n % len(values)]) for name, values in columns.items()} for n in range(height)]
    return choose(list(columns), sample, given)


def test_an_export_of_reviews_is_understood() -> None:
    found = guessed(
        {
            "column 1": range(30),
            "Clothing ID": [767, 1080, 1077],
            "Age": [33, 34, 60],
            "Title": ["", "Nice", "Too small"],
            "Review Text": SENTENCES,
            "Rating": [4, 5, 3],
            "Positive Feedback Count": [0, 4, 2],
            "Division Name": ["General", "Petite"],
        }
    )
    assert found == {"text": "Review Text", "score": "Rating"}


def test_an_export_of_letters_is_understood() -> None:
    found = guessed(
        {
            "Date received": ["2019-04-17"],
            "Consumer complaint narrative": SENTENCES,
            "Company public response": ["Company has responded to the consumer and chooses not to say anything more"],
            "Date sent to company": ["2019-04-18"],
            "Company response to consumer": ["Closed with explanation"],
            "Complaint ID": range(3214857, 3214887),
        }
    )
    assert found == {"text": "Consumer complaint narrative", "when": "Date received", "id": "Complaint ID"}


def test_an_export_of_a_survey_is_understood() -> None:
    found = guessed(
        {
            "ResponseId": [f"R_{n}" for n in range(30)],
            "Customer Name": ["Ann Lee", "Bo Ek"],
            "Customer No": [f"C{n}" for n in range(10)],
            "Email address": ["ann@example.org", "", "bo@example.org"],
            "Agent email": ["desk@example.com"],
            "submittedAt": ["13/04/2021"],
            "Question": ["What was good?", "What was not?"],
            "How likely are you to recommend us?": [9, 10, 0],
            "Comments": SENTENCES,
        }
    )
    assert found == {
        "id": "ResponseId",
        "name": "Customer Name",
        "customer": "Customer No",
        "email": "Email address",
        "when": "submittedAt",
        "question": "Question",
        "score": "How likely are you to recommend us?",
        "text": "Comments",
    }


def test_a_number_that_repeats_is_not_the_id_of_the_feedback() -> None:
    assert "id" not in guessed({"review_id": [1, 2, 3], "text": SENTENCES})


def test_the_id_of_a_row_that_comes_twice_is_still_its_id() -> None:
    assert guessed({"review_id": [1, 2, 3], "text": SENTENCES[:3], "page": [1] * 12})["id"] == "review_id"


def test_what_is_said_wins_and_is_not_guessed_again() -> None:
    columns = {"Text": SENTENCES, "Comments": SENTENCES, "Rating": [1, 5]}
    assert guessed(columns, text="comments", score="-") == {"text": "Comments"}


def test_a_wrong_column_is_refused_with_those_there_are() -> None:
    with pytest.raises(Invalid, match=r'no column "Txt" for --text\. The file has: Text, Rating\.'):
        guessed({"Text": SENTENCES, "Rating": [1, 5]}, text="Txt")


def test_a_file_without_text_and_score_is_refused_with_its_columns() -> None:
    with pytest.raises(Invalid, match=r"say --text COLUMN\. The file has: Age, Weight\."):
        guessed({"Age": [33, 34], "Weight": [250, 300]})


def test_people_of_one_name_are_not_taken_for_one_customer() -> None:
    columns = {"Client": ["Ann Lee", "Bo Ek"], "Text": SENTENCES}
    assert guessed(columns) == {"name": "Client", "text": "Text"}
    assert guessed(columns, customer="Client") == {"name": "Client", "text": "Text"}
    assert guessed({"User name": ["ann_1", "bo2"], "Text": SENTENCES})["customer"] == "User name"


def test_a_german_export_is_understood() -> None:
    found = guessed(
        {
            "Vorgangsnummer": range(30),
            "Datum": ["13.04.2021", "14.04.2021"],
            "Kunde": [f"K{n}" for n in range(10)],
            "E-Mail": ["ann@example.org", "", "bo@example.org"],
            "E-Mail Mitarbeiter": ["desk@example.com"],
            "Frage": ["Was war gut?", "Was fehlte?"],
            "Bewertung": [4, 5, 3],
            "Kommentar": [f"Das Paket {n} kam zu spät" for n in range(30)],
        }
    )
    assert found == {
        "when": "Datum", "customer": "Kunde", "email": "E-Mail", "question": "Frage", "score": "Bewertung",
        "text": "Kommentar",
    }  # fmt: skip


@pytest.mark.parametrize("heading", ["Text", "Nachricht", "Bewertung", "Rückmeldung (Kommentar)"])
def test_german_words_name_the_text(heading: str) -> None:
    assert guessed({"Titel": ["Na ja, es geht so, könnte besser sein"], heading: SENTENCES[:3]})["text"] == heading


@pytest.mark.parametrize("heading", ["Note", "Sterne", "Zufriedenheit"])
def test_german_words_name_the_score(heading: str) -> None:
    assert guessed({heading: [1, 2, 3], "Anzahl": [1, 2], "Text": SENTENCES})["score"] == heading


@pytest.mark.parametrize(
    ("heading", "values", "named"),
    [
        ("when", ["last week", "2021-04-13", "soon"], "when: called like the date, but only 33% of it"),
        ("Datum", ["gestern"], "Datum: called like the date"),
        ("Created at", ["yesterday"], "Created at: called like the date"),
        ("rating", ["so so", "meh"], "rating: called like the score, but only 0% of it"),
    ],
)
def test_a_column_that_is_called_like_what_it_does_not_hold_is_named(
    heading: str, values: list[str], named: str
) -> None:
    columns = {heading: values, "text": SENTENCES}
    sample = [{heading: values[n % len(values)], "text": text} for n, text in enumerate(SENTENCES)]
    chosen = guessed(columns)
    assert chosen == {"text": "text"}
    [said] = doubtful(list(columns), sample, chosen, {})
    assert said.startswith(named)
    field = "score" if "score" in named else "when"
    assert doubtful(list(columns), sample, chosen, {field: "-"}) == [], "whoever wants none misses none"


def test_where_another_column_is_taken_no_doubt_is_told() -> None:
    columns = ["date", "created", "text"]
    sample = [{"date": "2021-04-13", "created": "later", "text": text} for text in SENTENCES]
    assert doubtful(columns, sample, choose(columns, sample, {}), {}) == []
