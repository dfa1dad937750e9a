"""Whether a text is in the language that the weights know: false only on evidence."""

import pytest

from cxloop.tagging.language import is_english


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ok",
        "👍👍👍",
        "12345",
        "The waiter was rude and the soup was cold.",
        "cold soup, rude waiter",
        "Crème brûlée and café au lait were superb",
        "I waited on hold for ages and they hung up on me",
        "Die hard fans will love it",
        "app crashes",
    ],
)
def test_english_short_or_unclear_texts_pass(text: str) -> None:
    assert is_english(text)


@pytest.mark.parametrize(
    "text",
    [
        "Das Zimmer war nicht sauber und wir haben lange gewartet.",
        "Le colis n'est pas arrivé et personne ne répond",
        "La comida estaba fría pero el camarero muy amable, por eso no vuelvo",
        "La camera non era pulita e nessuno ci ha aiutato",
        "Het pakket is niet aangekomen en ze nemen niet op",
        "O atendimento foi muito ruim e não resolveram",
        "Jedzenie było zimne i bardzo drogie, nie polecam",
        "服务态度很差，等了两个小时",
        "Очень плохое обслуживание",
        "الخدمة سيئة جدا",
    ],
)
def test_other_languages_are_noticed(text: str) -> None:
    assert not is_english(text)
