"""Guess from headings and a sample of values which column is the text, which the score, and so on."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC

from cxloop.customers import address
from cxloop.errors import Invalid
from cxloop.intake.dates import read_date
from cxloop.intake.scores import NO_ANSWER, plain_number, read_score

FIELDS = ("text", "score", "when", "customer", "name", "email", "id", "question")
NONE = "-"
"""Given instead of a column: there is no such column, do not guess one."""

Sample = Sequence[Mapping[str, str]]


def _set(words_of_it: str) -> frozenset[str]:
    return frozenset(words_of_it.split())


def _worth(points: dict[int, str]) -> dict[str, int]:
    return {word: worth for worth, words_of_it in points.items() for word in words_of_it.split()}


_PEOPLE = _set(
    "customer client user author reviewer respondent participant person patient member guest passenger contact"
    " kunde kundin kunden kundennummer kundennr nutzer nutzerin benutzer teilnehmer gast mitglied"
)
_STAFF = _set(
    "agent staff assignee owner company store support manager employee our to cc"
    " mitarbeiter bearbeiter filiale firma an"
)
_PIECES = _set(
    "feedback review comment tweet post message mail email complaint response answer submission ticket case entry"
    " record row item status external source unique interview kommentar bewertung beschwerde antwort vorgang"
)
_ID_WORDS = _set("id uuid guid key ref reference number no nr nummer kundennummer kundennr")
_TIME_WORDS = _worth(
    {
        3: "when timestamp datetime created posted submitted received published recorded"
        " zeitpunkt zeitstempel erstellt eingegangen eingang",
        2: "date time day reviewed completed answered written datum tag zeit",
        -4: "sent updated modified edited closed resolved due replied reply responded expiry"
        " gesendet aktualisiert geschlossen beantwortet",
        -9: "birth dob born age geburt geburtsdatum geboren alter",
    }
)
_SCORE_WORDS = _worth(
    {
        4: "rating score stars star nps csat ces rated bewertung note sterne punkte schulnote",
        3: "grade satisfaction satisfied recommend likelihood categorical effort zufriedenheit weiterempfehlung",
        2: "likely easy overall",
        -6: "count id age votes helpful confidence number total date max min anzahl nummer alter datum",
    }
)
_TEXT_WORDS = _worth(
    {
        5: "narrative verbatim",
        4: "text review comment comments feedback message body kommentar kommentare nachricht",
        3: "answer content description tweet opinion remark remarks suggestion suggestions"
        " bewertung antwort beschreibung bemerkung anmerkung meinung beschwerde vorschlag",
        2: "response complaint what why how",
        -3: "title subject company public type name question summary reply our titel betreff firma frage",
        -6: "id date count categorical url link language version score rating datum anzahl sprache note",
    }
)


def choose(columns: Sequence[str], sample: Sample, given: Mapping[str, str]) -> dict[str, str]:
    """Field to column: what is given, and guesses for the other fields; no column is guessed for two fields.

    Raises Invalid for a column that the file does not have, and where neither a text nor a score is found.
    """
    chosen = {field: _column(columns, name, field) for field, name in given.items() if name != NONE}
    wanted = [field for field in FIELDS if field not in given]
    sample = list({tuple(row.items()): row for row in sample}.values())  # a row that comes twice proves nothing
    customer = chosen.get("customer")
    if customer and "name" in wanted and _holds_names(customer, _values(sample, customer)):
        chosen["name"] = chosen.pop("customer")  # two people of one name are two customers
        wanted.remove("name")
    for field in sorted(wanted, key=list(_GUESSES).index):
        rated = [
            (_GUESSES[field](column, _values(sample, column)), column)
            for column in columns
            if column not in chosen.values()
        ]
        best = max(rated, key=lambda pair: pair[0], default=(0.0, ""))
        if best[0] >= 2:
            chosen[field] = best[1]
    if "text" not in chosen and "score" not in chosen:
        raise Invalid(f"No column looks like the text or the score; say --text COLUMN. {_listed(columns)}")
    return chosen


def doubtful(columns: Sequence[str], sample: Sample, chosen: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """Of fields that no column was found for: columns that are called like it and do not hold it, in words."""
    return [
        f"{column}: called like the {meant}, but only {share:.0%} of it can be read as one (--{field} takes it anyway)"
        for field, (meant, worth, holds) in _KNOWN_BY_NAME.items()
        if field not in chosen and field not in given
        for column in columns
        if column not in chosen.values() and _is_called(column, worth)
        if (values := _values(sample, column)) and (share := _share(values, holds)) < 0.8
    ]


def words(heading: str) -> list[str]:
    """ "ResponseId" and "response_id" are both response, id."""
    spaced = re.sub(r"([a-z])([A-Z])", r"\1 \2", heading)
    return re.findall(r"[a-zäöüß]+", spaced.lower())


def _column(columns: Sequence[str], name: str, field: str) -> str:
    alike = [column for column in columns if column.lower() == name.strip().lower()]
    if name in columns:
        return name
    if len(alike) == 1:
        return alike[0]
    raise Invalid(f'There is no column "{name}" for --{field}. {_listed(columns)}')


def _listed(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - 40} more" if len(columns) > 40 else ""
    return "The file has: " + ", ".join(columns[:40]) + more + "."


def _values(sample: Sample, column: str) -> list[str]:
    """What the column holds, blanks left out."""
    cells = (row.get(column, "").strip() for row in sample)
    return [cell for cell in cells if cell and cell.lower() not in NO_ANSWER]


def _points(heading: str, worth: Mapping[str, int]) -> float:
    return sum(worth.get(word, 0) for word in set(words(heading)))


def _share(values: list[str], holds: Callable[[str], bool]) -> float:
    return sum(map(holds, values)) / len(values) if values else 0.0


def _email(heading: str, values: list[str]) -> float:
    return 5 if _share(values, _is_address) > 0.5 and not _STAFF & set(words(heading)) else 0


def _id(heading: str, values: list[str]) -> float:
    """It must be called the number of the piece of feedback, not of a product or an order, and hardly repeat."""
    said = words(heading)
    if not said or said[-1] not in _ID_WORDS or len(set(values)) < 0.9 * len(values):
        return 0
    if len(said) == 1:
        return 3 if said[0] in ("id", "uuid", "guid") else 0
    return 4 if said[-2] in _PIECES else 0


def _when(heading: str, values: list[str]) -> float:
    points = _points(heading, _TIME_WORDS)
    if _share(values, _is_date) < 0.8 or (points <= 0 and _share(values, str.isdigit) > 0.5):
        return 0
    return points + 2


def _score(heading: str, values: list[str]) -> float:
    return _points(heading, _SCORE_WORDS) if _share(values, _is_score) >= 0.8 else 0


def _question(heading: str, values: list[str]) -> float:
    asked = {"question", "frage"} & set(words(heading)) and len(set(values)) <= max(1, len(values) / 2)
    return 3 if asked and not _share(values, _is_number) > 0.5 else 0


def _customer(heading: str, values: list[str]) -> float:
    said = words(heading)
    is_person = any(word in _PEOPLE for word in said) or said in (["username"], ["handle"], ["nickname"])
    if not is_person or _holds_names(heading, values):
        return 0
    return 4 if len(said) == 1 or said[-1] in (*_ID_WORDS, "name", "handle") else 0


def _name(heading: str, values: list[str]) -> float:
    said = words(heading)
    names_a_person = said in (["name"], ["full", "name"], ["first", "name"]) or any(word in _PEOPLE for word in said)
    return 3 if values and names_a_person and _holds_names(heading, values) else 0


def _text(heading: str, values: list[str]) -> float:
    if not values or _share(values, _is_number) > 0.5 or _share(values, _is_date) > 0.5:
        return 0
    length = sum(map(len, values)) / len(values)
    repeated = len(values) >= 20 and len(set(values)) < 0.3 * len(values)
    asked = 2 if heading.rstrip().endswith("?") else 0
    return _points(heading, _TEXT_WORDS) + min(length / 25, 4) + asked - (4 if repeated else 0)


_GUESSES = {  # the surest first
    "email": _email, "when": _when, "id": _id, "score": _score, "question": _question, "customer": _customer,
    "name": _name, "text": _text,
}  # fmt: skip


def _is_called(heading: str, worth: Mapping[str, int]) -> bool:
    """So strongly that somebody would miss it."""
    points = _points(heading, worth)
    return points >= 3 or (points >= 2 and len(words(heading)) == 1)


def _holds_names(heading: str, values: list[str]) -> bool:
    """Names of people rather than handles or numbers: the heading says so, or most are two words without digits."""
    said = words(heading)
    if said and said[-1] == "name" and not {"user", "screen", "login", "nick", "account"} & set(said):
        return True
    return _share(values, _is_two_words) > 0.5


def _is_two_words(value: str) -> bool:
    return " " in value and not any(char.isdigit() for char in value)


def _is_address(value: str) -> bool:
    return address(value) is not None


def _is_number(value: str) -> bool:
    return plain_number(value) is not None


def _is_score(value: str) -> bool:
    number = plain_number(value)
    if number is not None:
        return -1 <= number <= 100
    try:
        return read_score(value, None) is not None
    except ValueError:
        return False


def _is_date(value: str) -> bool:
    for day_first in (False, True):
        try:
            read_date(value, day_first=day_first, zone=UTC)
        except ValueError:
            continue
        return True
    return False


_KNOWN_BY_NAME: dict[str, tuple[str, dict[str, int], Callable[[str], bool]]] = {
    "when": ("date", _TIME_WORDS, _is_date), "score": ("score", _SCORE_WORDS, _is_score),
}  # fmt: skip
