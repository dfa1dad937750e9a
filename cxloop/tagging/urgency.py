"""How soon a person should look at it. These are rules and say so: nobody has data on urgency to learn it from.

| rung     | when                                                                                     |
|----------|------------------------------------------------------------------------------------------|
| critical | talk of self-harm; an injury or a child in danger; any other safety word with a deadline  |
|          | that is hours away                                                                       |
| high     | any other safety word; an unhappy customer with a deadline of today or tomorrow, who is  |
|          | stuck somewhere right now, or whose cause is fraud or safety                             |
| normal   | any other unhappy customer; a request for contact; a neutral text that names a cause     |
| low      | everything else                                                                          |

Praise that mentions a safety word ("my son broke his arm and the nurses were wonderful") stands one rung lower,
except self-harm, which is always critical. A score plays no part: the words are read, not the number.
"""

import re
from collections.abc import Sequence

from cxloop.tagging.safety import asks_for_contact
from cxloop.tagging.tagger import CauseGuess
from cxloop.tagging.taxonomy import OTHER

LEVELS = ("low", "normal", "high", "critical")

_GRAVE = frozenset({"injury", "child"})
_GRAVE_CAUSES = frozenset({"account_fraud", "safety_access"})

_HOURS_AWAY = re.compile(
    r"\b(?:right now|immediately|this (?:minute|instant)|(?:in|within|next) (?:the next )?"
    r"(?:an|one|two|three|four|five|six|a few|a couple of|\d{1,2}) (?:hours?|hrs?|minutes?|mins?)\b"
    r"|(?:flight|train|plane|appointment|boarding|check-?in|bus|ferry|surgery|ceremony|wedding|meeting) "
    r"(?:is |leaves |departs |starts )?(?:in|within) (?:an|one|two|three|four|five|six|half|\d{1,2})\b"
    r"|sofort|umgehend|jetzt gerade|in (?:einer|zwei|drei|vier|\d{1,2}) (?:stunden?|minuten?))",
    re.IGNORECASE,
)
_SOON = re.compile(
    r"\b(?:urgent(?:ly)?|asap|by (?:today|tonight|tomorrow|noon|end of (?:the )?day|close of business|eod|this evening)"
    r"|(?:needs?|needed|leaves?|leaving|fly|flying|travel|travell?ing|departs?|due|must|expires?|starts?|is|have to"
    r"|before|until)"
    r"(?:\W{1,3}\w{1,20}){0,4}?\W{1,3}(?:today|tonight|tomorrow|this (?:morning|afternoon|evening))"
    r"|last day|deadline|time[- ]sensitive|running out of (?:time|medication|medicine|insulin)"
    r"|(?:stranded|stuck|locked out|trapped|still (?:sitting|standing|waiting|at|on hold|here))\b"
    r"|dringend|eilt|so schnell wie möglich|bis (?:heute|morgen)|heute noch|noch heute|gestrandet|ausgesperrt"
    r"|sitze fest|stecken fest|frist)\b",
    re.IGNORECASE,
)
_READ = 20_000  # characters: a deadline stands in the first pages or nowhere


def urgency(sentiment: str, causes: Sequence[CauseGuess], safety: Sequence[str], text: str) -> str:
    """The rung for a text, its sentiment, its asserted causes and the kinds of safety words found in it."""
    text = text[:_READ]
    named = {guess.cause for guess in causes} - {OTHER}
    if "self_harm" in safety:
        return "critical"
    if safety:
        grave = bool(_GRAVE.intersection(safety)) or bool(_HOURS_AWAY.search(text))
        rung = LEVELS.index("critical" if grave else "high")
        return LEVELS[rung - 1 if sentiment == "positive" else rung]
    if sentiment == "negative":
        pressing = _HOURS_AWAY.search(text) or _SOON.search(text) or _GRAVE_CAUSES & named
        return "high" if pressing else "normal"
    if asks_for_contact(text):
        return "normal"
    if sentiment == "neutral" and named:
        return "normal"
    return "low"
