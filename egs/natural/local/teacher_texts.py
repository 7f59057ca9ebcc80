"""What the teacher says: an endless, seeded sequence of different sentences of 3 to 25 words.

Sentences that people wrote (the examples of WordNet, the fortunes package), everyday ones from egs/generated's grammar,
and the stuff of conversation: questions, exclamations, short answers, numbers, clauses joined with commas. None of the
sentences that egs/generated keeps for tests is among them.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

GENERATED = Path(__file__).resolve().parents[2] / "generated/local"
sys.path[:0] = [str(GENERATED)]
import sentences  # noqa: E402  (the grammar, the fortunes and what makes two sentences the same)

WORDNET = Path("/usr/share/wordnet")
HELD_OUT, DECOYS = GENERATED / "heldout.txt", GENERATED / "decoys.txt"
FEWEST_WORDS, MOST_WORDS = 3, 25
# Of the sentences; when the first two kinds are used up, the others go on in their proportions.
SHARES = {"wordnet": 0.36, "fortunes": 0.24, "grammar": 0.16, "joined": 0.12, "spoken": 0.12}

_CLEAN = re.compile(r"[A-Za-z][A-Za-z' ,;:-]*[A-Za-z][.!?]?")
_SUBJECTS = set("he she they we i it you there this that these those everyone nobody somebody someone".split())
_CONTRACTED = re.compile(r"(?:he|she|it|they|we|i|you|there|that|let|what|don|who)'\w+")
_FINITE = set(
    """is are was were am had has have will would can could should must may might did does do said says went came gave
    got made took felt seems seemed looks looked wanted wants needs kept stood fell became lost left found came ran saw
    isn't wasn't didn't doesn't don't won't can't couldn't wouldn't""".split()
)
_QUESTIONS = re.compile(
    r"(?:what|who|where|when|why|how|did|does|do|is|are|was|were|can|could|would|will|shall|have|has)\b(?! a )", re.I
)
_UNKIND = re.compile(
    r"\b(?:rap(?:e|ed|ist)|sex\w*|nigg\w*|fuck\w*|shit\w*|whore\w*|slut\w*|bitch\w*|faggot\w*)\b", re.I
)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def wordnet_sentences(folder: Path = WORDNET) -> list[str]:
    """Every example of WordNet that is a sentence, sorted and distinct.

    Raises FileNotFoundError with the apt command if the package is missing.
    """
    files = [folder / f"data.{part}" for part in ("noun", "verb", "adj", "adv")]
    if not files[0].is_file():
        raise FileNotFoundError(f"no WordNet in {folder}; install it with: apt-get install -y wordnet-base fortunes")
    found: set[str] = set()
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            for example in re.findall(r'"([^"]+)"', line):
                if sentence := as_sentence(example):
                    found.add(sentence)
    return sorted(found)


def as_sentence(example: str) -> str | None:
    """An example of a dictionary with a capital and a final mark, or None if it is a phrase or has odd signs."""
    example = " ".join(example.split()).strip(" ,;:-")
    if not _CLEAN.fullmatch(example) or _UNKIND.search(example):
        return None
    words = example.rstrip(".!?").split()
    lower = [word.strip(",;:").lower() for word in words]
    if not FEWEST_WORDS <= len(words) <= MOST_WORDS or any(len(word) > 1 and word.isupper() for word in words):
        return None
    whole = lower[0] in _SUBJECTS or _CONTRACTED.fullmatch(lower[0]) or not _FINITE.isdisjoint(lower[1:])
    asked = example.endswith("?")
    if not (whole or asked or example[-1] in ".!"):
        return None
    mark = "" if example[-1] in ".!?" else "?" if _QUESTIONS.match(example) and len(words) > 3 else "."
    return re.sub(r"\bi\b(?!')", "I", re.sub(r"\bi(?=')", "I", example[0].upper() + example[1:])) + mark


# Answers and calls, and what may follow them.
_ANSWERS = """
Yes, of course.|No, not at all.|I don't know.|Maybe later.|That's right.|That's not true.|I think so.|I hope so, too.|
Thank you very much.|You're welcome.|I'm sorry.|Not yet, I'm afraid.|Sure, why not?|Of course not!|Never mind.|
Well, it depends.|Oh, I see.|All right, then.|Wait a minute!|What a surprise!|How strange!|How are you today?|
Who told you that?|Are you serious?|Is that so?|What do you mean?|Why not?|Really, is it true?|Good luck!|Well done!|
Be careful!|Hurry up, please!|Excuse me, please.|Let me see.|Just a moment.|As you wish.|It doesn't matter.|
Don't worry about it.|I told you so.|You must be joking!|
"""
_OPENINGS = """
Yes, |No, |Well, |Oh, |Listen, |Sure, |Look, |Honestly, |Of course, |You know, |To be honest, |I'm afraid |I think |
I'm sure that |In the end, |As usual, |Believe me, |After all, |At first, |By the way, |For example, |
On the other hand, |Sooner or later, |All of a sudden, |Strangely enough, |
"""
_CLAUSES = """
I don't want to go out tonight|we can try it again|you are right about the weather|nobody has asked us yet|
it was much too late|the answer is quite simple|there is nothing left in the fridge|she will be here any minute|
he has already paid for it|they have changed their minds|I would rather stay at home|we need a little more time|
you can leave your coat over there|the shop on the corner is closed|it takes an hour by train|
my phone has no signal here|the children are asleep upstairs|I have never heard of her|
that was the best part of the film|the road is blocked by snow|it sounds like a good idea|
we should ask somebody who knows|the house looks smaller than I remember|he never listens to advice|
the soup needs a pinch of salt|she laughed until she cried|the old clock stopped at noon|
I forgot where I put my glasses|somebody left the lights on|the view from the bridge is wonderful|
our flight has been delayed again|the music was far too loud|there were hardly any people on the beach|
the dog wants to go for a walk|you promised to be quiet|everything will be fine|the doctor will see you now|
it rained for the whole week|the river rises every spring|they are building a new school|I usually wake up before six|
we ran out of milk this morning|nothing ever happens in this village|her voice was calm and clear|
the judge did not believe a word|his hands were shaking with cold|the engine made a strange noise|
it is easier than it looks|the bread is still warm|I can hear someone at the door|
"""
_LINKS = [", and ", ", but ", ", so ", ", because ", "; ", " while ", ", although ", " when ", ", which means that "]
_DIGITS = "zero one two three four five six seven eight nine".split()
_THINGS_COUNTED = (
    "people tickets pages miles minutes euros dollars students houses trees bottles letters years days".split()
)


def _number(rng: random.Random) -> str:
    """A number in words, up to the thousands."""
    small = rng.choice(sentences.SMALL)
    tens = f"{rng.choice(sentences.TENS)} {rng.choice(sentences.UNITS)}"
    return rng.choice(
        [
            small, tens, tens, f"{rng.choice(sentences.UNITS)} hundred and {rng.choice([small, tens])}",
            f"{small} thousand {rng.choice(sentences.UNITS)} hundred",
            f"{rng.choice(sentences.UNITS)} point {rng.choice(_DIGITS)}",
        ]
    )  # fmt: skip


def _digits(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(_DIGITS) for _ in range(count))


def spoken_sentence(rng: random.Random) -> str:
    """A short answer, alone or continued, a sentence with a number, or a tag question."""
    clause = rng.choice(CLAUSES)
    number, name = _number(rng), rng.choice(sentences.NAMES)
    frame = rng.choice(
        [
            rng.choice(ANSWERS), f"{rng.choice(ANSWERS)} {_capital(clause)}.", f"{rng.choice(OPENINGS)}{clause}.",
            f"{rng.choice(OPENINGS)}{clause}!", f"{_capital(clause)}, {name}.", f"{name}, {clause}, {name}!",
            f"Did you say that {clause}?", f"Is it true that {clause}?", f"Why do you think {clause}?",
            f"{_capital(clause)}, don't you think?", f"{_capital(clause)}, isn't that so, {name}?", f"But {clause}!",
            f"There were {number} {rng.choice(_THINGS_COUNTED)} in {rng.choice(sentences.PLACES)}.",
            f"My number is {_digits(rng, 4)}, {_digits(rng, 3)}.",
            f"It costs {number} dollars, or about {_number(rng)} euros.",
            f"How many {rng.choice(_THINGS_COUNTED)} are there, {name}?",
            f"On {rng.choice(sentences.DAYS)}, the {rng.choice(sentences.ORDINALS)} of "
            f"{rng.choice(sentences.MONTHS)}, {clause}.",
            f"{_capital(number)} {rng.choice(_THINGS_COUNTED)}, said {name}, {clause}.",
        ]
    )  # fmt: skip
    return frame


def joined_sentence(rng: random.Random, others: Sequence[str]) -> str:
    """Two clauses with a comma or a conjunction between them, or two short sentences that follow each other."""
    first = rng.choice([rng.choice(CLAUSES), _clause(sentences.grammar_sentence(rng))])
    second = rng.choice(CLAUSES)
    if others and rng.random() < 0.4:
        return f"{rng.choice(others)} {_capital(rng.choice([first, second]))}."
    return f"{_capital(first)}{rng.choice(_LINKS)}{second}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _clause(sentence: str) -> str:
    """A statement without its final mark; a question or call gives way to a plain clause."""
    return sentence[:-1] if sentence.endswith(".") else "nobody answered"


def _entries(text: str) -> list[str]:
    return [entry for entry in text.replace("\n", "").split("|") if entry]


ANSWERS, OPENINGS, CLAUSES = _entries(_ANSWERS), _entries(_OPENINGS), _entries(_CLAUSES)


def held_out_keys() -> set[str]:
    """Of the sentences that tests keep for themselves."""
    return {sentences.key(line) for line in read_lines(HELD_OUT) + read_lines(DECOYS)}


def sentences_of_file(path: Path, seed: str, excluded: set[str]) -> Iterator[str]:
    """The lines of a user's file without end: shuffled, and shuffled again when all were said. ValueError if tests keep
    all of its lines."""
    lines = [line for line in dict.fromkeys(read_lines(path)) if sentences.key(line) not in excluded]
    if not lines:
        raise ValueError(f"{path} has no line to speak (without those of {HELD_OUT.name} and {DECOYS.name})")
    rng = random.Random(f"{seed}-texts")
    while True:
        rng.shuffle(lines)
        yield from lines


def natural_sentences(seed: str, excluded: set[str], written: dict[str, list[str]] | None = None) -> Iterator[str]:
    """Different sentences without end, none whose key is in `excluded`; the same seed gives the same sequence.

    `written`: the sentences that people wrote, by kind; by default those of WordNet and of the fortunes package.
    """
    rng = random.Random(f"{seed}-texts")
    if written is None:
        # low to high: a sentence of a fortune may be as long as ours
        written = {
            "wordnet": wordnet_sentences(),
            "fortunes": [s for s in sentences.fortune_sentences(high=MOST_WORDS) if not _UNKIND.search(s)],
        }
    stacks = {kind: rng.sample(pool, len(pool)) for kind, pool in written.items()}
    short = [s for pool in written.values() for s in pool if len(s.split()) <= 7]
    seen = set(excluded)
    while True:
        kinds = [kind for kind in SHARES if stacks.get(kind, kind not in ("wordnet", "fortunes"))]
        kind = rng.choices(kinds, weights=[SHARES[k] for k in kinds])[0]
        if kind in stacks:
            sentence = stacks[kind].pop()
        elif kind == "joined":
            sentence = joined_sentence(rng, short)
        else:
            sentence = spoken_sentence(rng) if kind == "spoken" else sentences.grammar_sentence(rng)
        # A short answer may come again, as in life, but only in different company.
        if not FEWEST_WORDS - 1 <= len(sentence.split()) <= MOST_WORDS or sentences.key(sentence) in seen:
            continue
        seen.add(sentences.key(sentence))
        yield sentence
