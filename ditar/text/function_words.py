"""In which language a sentence is, by its function words: enough to notice that a folder holds two languages."""

import re
from collections.abc import Mapping

# The most frequent words without a meaning of their own, shared ones in every language that has them.
_WORDS: Mapping[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to a in is it that he she was for on are with as i his her they be at one have this from "
        "or had by not but what all were we when your can said there an which their if do will how up out "
        "them then so some would into has him could my than been who its now did no me our you over after "
        "only about very these",
        "de": "der die das und ist nicht ich ein eine einen einem einer den dem des von zu zum zur mit sich auf für "
        "im in es war wir sie er ihr haben hat hatte über wie auch aber als an bei nach noch nur oder so um "
        "was weil wenn wird werden sind du mich mir dir uns kein keine man aus dass vor durch schon sehr am "
        "will",
        "fr": "le la les de des du un une et est que qui ne pas je tu il elle nous vous ils elles ce cet cette ces "
        "dans en au aux pour sur par avec se sa son ses mon ma mes plus mais ou où on y à été était fait sont "
        "si leur même sans sous comme tout bien me te lui",
        "es": "el la los las de del que y a en un una unos unas es no se lo le por con para su sus al como más pero "
        "o si me mi te tu ya está son fue era muy sin sobre también hay cuando él ella esto esta este yo",
        "it": "il lo la i gli le di del della dei che e è un una in a al alla per con non si da dal su come ma o se "
        "mi ti ci sono era ho ha anche più questo questa quello lui lei io ne nel nella molto",
        "nl": "de het een en van in is dat niet ik je hij zij we op te zijn met voor er aan die maar ook om was als "
        "naar bij of door over nog dan wat wordt worden heeft had hebben kan mijn geen uit",
        "pt": "o a os as de do da dos das que e é em um uma para com não se por no na nos nas como mais mas ao ou "
        "seu sua eu ele ela foi era são muito já também está isso este esta me",
    }.items()
}
_FEWEST, _MORE = 3, 2  # function words of a language, and how many more than of any other, or nothing is said


def can_tell(language: str) -> bool:
    """Whether sentences of a language, by espeak-ng's name, are known from others."""
    return language.split("-")[0] in _WORDS


def likely_language(text: str) -> str | None:
    """The language, as in `de`, of which a text has most function words; None if they are few, or hardly more than
    those of another."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    counts = {language: sum(word in own for word in words) for language, own in _WORDS.items()}
    first, second = sorted(counts, key=counts.__getitem__, reverse=True)[:2]
    return first if counts[first] >= max(_FEWEST, counts[second] + _MORE) else None
