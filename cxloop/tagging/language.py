"""Is this text in the language that the shipped weights have learnt? Counted on function words; no model."""

import re

_READ = 4000  # characters; the first page tells
_WORD = re.compile(r"[^\W\d_]+")

_ENGLISH = frozenset(
    """a about after again all am an and are as at be because been but by can could did do does for from get got
    had has have he her his how i if is it its just me my no not of on one or our out she should so than that the
    their them then there they this to too up us very was we were what when which who why will with would you
    your great good bad nice""".split()
)

# Words that are frequent in one of our neighbours' languages and are no words of English.
_FOREIGN = (
    frozenset(
        """aber alles auch auf aus bei bin bis bitte dann das dass dem den der des doch ein eine einem einen einer
    es für gut habe haben hat ich ihr immer ist ja kann kein keine leider mehr mein meine mich mir mit nach nicht
    noch nur oder schlecht sehr sein sich sie sind und uns unser viel vom von wann warum weil wenn wie wieder wir
    wird wurde wurden zu zum zur über
    au aux avec avons bien ce cette chez c dans de des du elle est et être fait il ils je jamais j l la le les leur
    mais merci moi mon n ne nous ont ou où par pas plus pour qu que qui sans ses sont suis sur tout très un une
    vous à été
    al como con cuando del desde donde el ella en eran ese esta este está fue gracias ha han hay la las lo los más
    mi muy nada nos para pero por porque que se sin su sus también tengo todo una y ya
    anche che chi ci come cosa da dei della delle di dopo gli ho il loro ma mai molto nel nella non o per perché
    più quando questo sono stato una
    aan ben bij dan dat deze dit een geen goed heb heeft het hij hun ik je maar met mijn naar niet nog ook op te uit
    van veel voor waar wat werd wij wordt ze zeer zijn
    ao até com da dos ela ele em foi isso mais mas meu muito na nas no não nos nós o os ou pelo por quando sem seu
    só também tem um uma você
    ale bardzo bez był była było czy dla do ich jak jest już mnie nie od po przez się są tak to tylko w za że""".split()
    )
    - _ENGLISH
)


def is_english(text: str) -> bool:
    """False only on evidence: another script, or more function words of other languages than of English."""
    words = [word.lower() for word in _WORD.findall(text[:_READ])]
    letters = sum(map(len, words))
    latin = sum(1 for word in words for letter in word if letter < "\u0250" or "\u1e00" <= letter < "\u1f00")
    if letters and latin * 2 < letters:
        return False
    english = sum(word in _ENGLISH for word in words)
    foreign = sum(word in _FOREIGN for word in words)
    return foreign <= english or foreign < 2
