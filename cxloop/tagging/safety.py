"""Words that a person must see whatever a model thinks of them: found by rule, in English and German.

A hit says "look at this now", not "this is so". Each kind is a list of phrases; a phrase does not count where it
is denied ("I was not injured", "verletzt wurde niemand"), unless the denial is itself denied ("will not hesitate
to call my lawyer", "nicht nur verletzt"). Talk of ending one's life counts even when it is denied: a needless
look costs a minute.

Denials are looked for in a window of fixed size, so the time is linear in the length of the text. The phrases
themselves are in safety_phrases.py.
"""

import re

from cxloop.tagging.safety_phrases import CONTACT, PERIL, PHRASES, WHO

KINDS = (
    "injury",
    "self_harm",
    "legal_threat",
    "press",
    "regulator",
    "discrimination",
    "data_breach",
    "child",
    "vulnerable",
)


_GAP = r"(?:\W{1,3}\w{1,20}){0,3}\W{1,3}"  # up to three words between the parts of a phrase


def _any_of(block: str) -> re.Pattern[str]:
    """One pattern for a block of phrases, which start and end at the edge of a word."""
    joined = re.sub(r"\\\n *", "", block)
    phrases = [phrase.strip().replace(" … ", _GAP) for phrase in re.split(r"\n| \| ", joined)]
    return re.compile(r"(?<!\w)(?:" + "|".join(filter(None, phrases)) + r")(?!\w)")


_PATTERNS = {kind: _any_of(block) for kind, block in PHRASES.items()}
_WHO_PATTERNS = {kind: _any_of(block) for kind, block in WHO.items()}
_PERIL_PATTERNS = {kind: _any_of(block) for kind, block in PERIL.items()}

# Kinds for which a denial takes the hit away: talk of ending one's life is always looked at.
_DENIABLE = frozenset(KINDS) - {"self_harm"}

_WINDOW = 48  # characters before and after a hit in which a denial counts
_DENIED_BEFORE = re.compile(
    r"(?<!\w)(?:not|no|never|nobody|no one|none|neither|nor|without|hardly|\w{1,8}n't"
    r"|(?:did|do|does|was|were|is|are|ca|wo|would|could|should|have|has|had)nt|nicht"
    r"|kein(?:e[nmr]?)?|keinerlei|nie|niemals|niemand|ohne|weder)"
    r"(?:[ -]{1,2}\w{1,20}){0,4}[ -]{1,2}$"
)
_DENIED_AFTER = re.compile(r"^ (?:\w{1,12} ){0,2}(?:nicht|niemand|keiner|nie)(?!\w)(?! (?:nur|bloß|allein))")
_DENIAL_DENIED = re.compile(
    r"(?<!\w)(?:(?:not|n't|never|no) (?:\w{1,12} )?(?:hesitate|only|just|afraid|rule out|doubt|wonder"
    r"|think twice|wait)"
    r"|no (?:choice|option|alternative|doubt|question)|not (?:\w{1,12} )?(?:surprised|acceptable)|why not"
    r"|(?:if|unless|should|wenn|falls|sollte) (?:\w{1,20} ){0,4}"  # a condition: "if I am not refunded I will sue"
    r"|nicht (?:zögern|nur|bloß|scheuen|ausschließen)|keine (?:andere wahl|wahl)|nicht länger|no longer"
    r"|n't (?:you|they|he|she|it) )"
)
_CLAUSE_END = re.compile(r"[.,!?;:]|(?<!\w)(?:but|aber|sondern|however|because|weil|until|unless|otherwise)(?!\w)")
_FULL_STOP = re.compile(r"[.!?;]")
_REACH = 100  # characters between somebody and what is wrong
_LINES = re.compile(r"[\r\n]+")
_SPACE = re.compile(r"\s+")


def safety_words(text: str) -> tuple[str, ...]:
    """The kinds of safety words that the text holds, in the order of KINDS."""
    plain = _plain(text)
    return tuple(kind for kind in KINDS if _found(kind, plain) or _in_peril(kind, plain))


_CONTACT = _any_of(CONTACT)
_TAKES_BACK = re.compile(r"(?<!\w)(?:not|\w{1,8}n't|never|nobody|no one|stop|nicht|kein(?:e|en)?|niemand|nie)(?!\w)")
_CONTACT_DENIED = re.compile(rf"{_TAKES_BACK.pattern}(?: \w{{1,20}}){{0,3}} ?$|(?<!\w)no (?:need (?:to )?)?$")


def asks_for_contact(text: str) -> bool:
    """Whether the customer asks to be called, written to or put through to a person."""
    plain = _plain(text)
    return any(
        not _CONTACT_DENIED.search(_before(plain, hit.start())) and not _TAKES_BACK.search(hit.group())
        for hit in _CONTACT.finditer(plain)
    )


def _plain(text: str) -> str:
    """Lower case, one kind of apostrophe, single spaces; line ends stay as sentence ends would."""
    return _SPACE.sub(" ", _LINES.sub(". ", text.replace("\u2019", "'").lower()))


def _found(kind: str, plain: str) -> bool:
    pattern = _PATTERNS.get(kind)
    for hit in pattern.finditer(plain) if pattern else ():
        if kind not in _DENIABLE or not _denied(plain, hit.start(), hit.end()):
            return True
    return False


def _in_peril(kind: str, plain: str) -> bool:
    """Somebody of that kind, and something wrong close by in the same sentence."""
    who, peril = _WHO_PATTERNS.get(kind), _PERIL_PATTERNS.get(kind)
    if not who or not peril or not who.search(plain):
        return False
    for sentence in _FULL_STOP.split(plain):
        somebody = who.search(sentence)
        while somebody:
            near = sentence[max(0, somebody.start() - _REACH) : somebody.end() + _REACH]
            if any(not _denied(near, *hit.span()) for hit in peril.finditer(near)):
                return True
            somebody = who.search(sentence, somebody.end())
    return False


def _before(plain: str, start: int) -> str:
    """What stands before a hit in the same clause, as far as the window reaches."""
    return _CLAUSE_END.split(plain[max(0, start - _WINDOW) : start])[-1]


def _denied(plain: str, start: int, end: int) -> bool:
    before = _before(plain, start)
    after = _CLAUSE_END.split(plain[end : end + _WINDOW])[0]
    if _DENIED_BEFORE.search(before):
        return not _DENIAL_DENIED.search(before)
    return bool(_DENIED_AFTER.search(after))
