"""Safety words: found in English and German, not where they are denied, and quickly in whatever is sent."""

import time

import pytest

from cxloop.tagging.safety import KINDS, asks_for_contact, safety_words

SAID = {
    "injury": [
        "I was injured when the shelf came down.",
        "My wife slipped on the wet floor and we ended up in the emergency room",
        "The chicken gave both of us food poisoning",
        "the charger caught fire next to my bed",
        "Meine Frau wurde auf der Rolltreppe verletzt.",
        "Wir mussten einen Krankenwagen rufen",
        "Beim Aussteigen hat er sich den Arm gebrochen",
    ],
    "self_harm": [
        "I can't cope with these bills, I want to kill myself",
        "honestly I don't want to live any more",
        "I don't want to be here anymore",
        "Ich will nicht mehr leben.",
        "wegen euch denke ich an Selbstmord",
    ],
    "legal_threat": [
        "I will not hesitate to contact my lawyer.",
        "See you in court!",
        "If I am not refunded by Friday I'm going to sue",
        "You leave me no choice but legal action",
        "Dann schalte ich meinen Anwalt ein",
        "Ich werde nicht zögern, rechtliche Schritte einzuleiten",
    ],
    "press": [
        "I am going to the press with this",
        "I've already contacted the BBC about your fees",
        "Ich gehe damit an die Presse",
    ],
    "regulator": [
        "I have reported you to the ombudsman",
        "My complaint to Trading Standards is written",
        "Die Verbraucherzentrale weiß schon Bescheid",
        "Das melde ich der BaFin",
    ],
    "discrimination": [
        "Your guard made a racist remark to my friend",
        "We were refused entry because of her wheelchair",
        "turned away at the door with my guide dog",
        "Das war rassistisch und demütigend",
        "Ich fühle mich diskriminiert",
    ],
    "data_breach": [
        "You sent my medical records to a stranger",
        "I can see another customer's statement in my account!",
        "my password was leaked",
        "Durch Ihr Datenleck habe ich jetzt Spam",
    ],
    "child": [
        "My 3 year old was left alone on the platform",
        "our baby was choking on a loose button of this toy",
        "Meine Tochter wurde im Bus eingesperrt",
    ],
    "vulnerable": [
        "My elderly mother was left stranded at the station",
        "she has dementia and your salesman pressured her into a contract",
        "I can't afford food this week because of your double charge",
        "Mein Vater sitzt im Rollstuhl und wurde abgewiesen",
    ],
}

DENIED = {
    "injury": [
        "Thankfully I was not injured.",
        "Nobody was hurt or injured, luckily",
        "the bike fell over without injuries",
        "Zum Glück wurde ich nicht verletzt",
        "Verletzt wurde niemand.",
        "It didn't need an ambulance",
    ],
    "legal_threat": ["I don't want to call a lawyer over this", "Ich will keinen Anwalt einschalten"],
    "press": ["I'm not going to the press", "Ich gehe damit nicht an die Presse"],
    "regulator": ["no need to involve the ombudsman"],
    "discrimination": ["nobody was racist to us", "Die Türsteher waren nicht rassistisch"],
    "data_breach": ["This was not a data breach"],
}

HARMLESS = [
    "",
    "Great flight, thanks!",
    "My daughter loves this toy and my son wants one too.",
    "wheelchair accessible, spotless, lovely staff",
    "I am sick of waiting",
    "Press the green button to start",
    "the cut of this dress hurts nobody",
    "The parcel came late. Again.",
    "Sehr guter Service, gerne wieder",
    "He brought the kids to the pool",
]


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in SAID.items() for text in texts])
def test_safety_words_are_found(kind: str, text: str) -> None:
    assert kind in safety_words(text)


def test_every_kind_is_tried() -> None:
    assert set(SAID) == set(KINDS)


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind, texts in DENIED.items() for text in texts])
def test_what_is_denied_is_not_found(kind: str, text: str) -> None:
    assert kind not in safety_words(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_everyday_feedback_holds_no_safety_words(text: str) -> None:
    assert safety_words(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Not only was I injured, you laughed",
        "Nobody told me anything. I was injured!",
        "I did not complain until I was injured",
        "Ich wurde nicht nur verletzt, sondern auch ausgelacht",
        "No, I was injured",
    ],
)
def test_a_denial_of_something_else_denies_nothing(text: str) -> None:
    assert "injury" in safety_words(text)


def test_talk_of_ending_ones_life_counts_even_when_denied() -> None:
    assert safety_words("I am not suicidal, but I understand people who are") == ("self_harm",)


def test_kinds_come_in_their_order_and_case_and_apostrophes_do_not_matter() -> None:
    text = "I DON\u2019T WANT TO LIVE ANY MORE. I AM CALLING THE BBC AND MY LAWYER. I WAS INJURED."
    assert safety_words(text) == ("injury", "self_harm", "legal_threat", "press")


@pytest.mark.parametrize(
    "unit",
    [
        "a",
        "a ",
        "not ",
        "no injured ",
        "my child is alone ",
        "took it to the ",
        "\n",
        "😡",
        "don't want to ",
        "please ",
    ],
)
def test_time_grows_with_the_length_and_no_faster(unit: str) -> None:
    def seconds(length: int) -> float:
        text = (unit * (length // len(unit) + 1))[:length]
        started = time.perf_counter()
        safety_words(text)
        asks_for_contact(text)
        return time.perf_counter() - started

    short = min(seconds(20_000) for _ in range(3))
    # Ten times the text; quadratic would be a hundred times the time.
    assert seconds(200_000) < 40 * short + 0.05


@pytest.mark.parametrize(
    "text",
    [
        "Please call me back on 555 0134",
        "I want to speak to a manager",
        "Could someone please get in touch with me about this?",
        "I asked you to call me and nobody did",
        "still waiting for your reply",
        "Bitte rufen Sie mich zurück",
        "Ich bitte um Rückruf, meine Telefonnummer haben Sie",
    ],
)
def test_a_request_for_contact_is_heard(text: str) -> None:
    assert asks_for_contact(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No need to call me",
        "Please do not contact me again about this",
        "The staff called me a taxi",
        "Your call centre answered at once",
        "Bitte nicht zurückrufen",
        "Lovely place",
    ],
)
def test_no_request_for_contact_is_made_up(text: str) -> None:
    assert not asks_for_contact(text)
