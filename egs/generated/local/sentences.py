"""Training text: sentences of the fortunes package, and everyday sentences from a seeded grammar."""

from __future__ import annotations

import random
import re
from pathlib import Path

FORTUNES = Path("/usr/share/games/fortunes")
# Collections that are prose rather than code, pictures or foreign words.
COLLECTIONS = (
    "art", "computers", "cookie", "disclaimer", "education", "food", "fortunes", "goedel", "humorists", "kids",
    "law",
    "linuxcookie", "literature", "love", "magic", "medicine", "miscellaneous", "news", "people", "pets",
    "platitudes", "politics", "riddles", "science", "songs-poems", "sports", "startrek", "translate-me", "wisdom",
    "work",
)  # fmt: skip
_ALLOWED = re.compile(r"[A-Z][A-Za-z',;:-]*(?: [A-Za-z',;:-]+)+[.!?]")
_ABBREVIATION = re.compile(r"\b(?:Mr|Mrs|Ms|Dr|St|Jr|Sr|vs|etc|No|Prof|Gen|Sen|Rep|Lt|Col|Inc|Co|Corp|[A-Z])\.$")


def fortune_sentences(folder: Path = FORTUNES, low: int = 3, high: int = 14) -> list[str]:
    """Every clean sentence of `low` to `high` words in the fortunes package, sorted and distinct.

    Raises FileNotFoundError with the apt command if the package is missing.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no fortunes in {folder}; install them with: apt-get install -y fortunes")
    found: set[str] = set()
    for name in COLLECTIONS:
        path = folder / name
        if not path.exists():
            continue
        for entry in path.read_text(encoding="utf-8", errors="ignore").split("\n%\n"):
            found.update(_split(entry, low, high))
    return sorted(found)


def _split(entry: str, low: int, high: int) -> list[str]:
    entry = re.sub(r"\n\s*(?:--|-- ).*", "", entry, flags=re.S)  # the attribution
    entry = entry.replace("--", ", ").replace("\u2019", "'")
    entry = re.sub(r'["()\[\]*_`]', " ", entry)
    entry = re.sub(r"\b[A-Z][A-Za-z]*:\s", " ", entry)  # speakers of dialogues
    kept = []
    for piece in re.split(r"(?<=[.!?])\s+", re.sub(r"\s+", " ", entry)):
        piece = re.sub(r"\s+([,;:.!?])", r"\1", piece.strip(" ,;:-'"))
        piece = re.sub(r"([,;:])[,;:]+", r"\1", piece)
        if not _ALLOWED.fullmatch(piece) or _ABBREVIATION.search(piece):
            continue
        words = piece.rstrip(".!?").split()
        if not low <= len(words) <= high or any(_odd(word) for word in words):
            continue
        kept.append(piece)
    return kept


def _odd(word: str) -> bool:
    bare = word.strip(",;:'-").replace("'", "")
    if not bare:
        return True
    if len(bare) > 1 and bare.isupper():
        return True
    if len(bare) > 14 or "-" in word.strip("-") or "--" in word:
        return True
    if len(bare) == 1 and bare not in {"a", "A", "I", "O"}:
        return True
    if re.search(r"[a-z][A-Z]", bare) or not re.search(r"[aeiouyAEIOUY]", bare):
        return True
    return re.search(r"(.)\1\1", bare) is not None


def _phrases(text: str) -> list[str]:
    """A list written with bars between its entries; line ends don't count."""
    return text.replace("\n", "").split("|")


NAMES = """
Alice Thomas Julia Martin Sarah David Laura Steven Emma Michael Nancy Oliver Rachel Simon Teresa Victor Wendy
Arthur Brenda Charles Diana Edward Fiona Gordon Hannah Isaac Joyce Kevin Linda Marcus Nora Oscar Paula Quentin
Rosa Samuel Tina Walter Yvonne Albert Carla Dennis Elaine Felix Grace Harold Irene Jacob Karen Leonard Monica
Nathan Olga Patrick Ruth Stella Timothy Ursula Vincent Zoe Benjamin Charlotte Jonathan Margaret Theodore Vanessa
""".split()
PLACES = """
London Chicago Paris Dublin Toronto Berlin Madrid Sydney Oslo Vienna Lisbon Seattle Houston Florida Texas Norway
Portugal Kenya Egypt Brazil Scotland Wales India Japan Geneva Athens Prague Venice Moscow Glasgow Bristol Oxford
Cambridge Philadelphia Montreal Jamaica Iceland Sweden Holland Virginia
""".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
SMALL = """
two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty
""".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
UNITS = "one two three four five six seven eight nine".split()
ORDINALS = """
first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fifteenth twentieth
""".split()
PEOPLE = _phrases("""
my mother|my father|our teacher|the doctor|the manager|his cousin|her aunt|the driver|my best friend|
the waiter|the gardener|your daughter|the old man|a young woman|the police officer|the engineer|my brother|
the new student|their lawyer|the plumber|the singer|our landlord|the dentist|my wife|his boss|the coach|
a stranger|the soldier|the chef|the librarian|her husband|the mayor|the electrician|a tall boy|the twins|
the author
""")
THINGS = _phrases("""
book|lamp|chair|letter|basket|hammer|bottle|camera|carpet|candle|mirror|jacket|ladder|guitar|bucket|pillow|
suitcase|computer|pencil|blanket|envelope|picture|radio|spoon|shovel|wallet|drawer|curtain|sandwich|
magazine|scarf|helmet|kite|necklace|package|piano|ring|rope|saddle|stamp|sweater|tent|toothbrush|toy|vase|
wheel|whistle|zipper|key|cup|plate|shirt|bag|box|hat|knife|phone|map|clock|towel
""")
FOODS = _phrases("""
rice|chicken|chocolate|coffee|honey|lemonade|lettuce|mustard|onions|oranges|pancakes|pasta|pepper|potatoes|
salad|sausages|spinach|strawberries|sugar|tea|toast|yoghurt|bananas|beans|beef|biscuits|carrots|cherries|
cream|eggs|fish|garlic|grapes|ham|ice cream|jam|milk|nuts|peas|plums
""")
SPOTS = _phrases("""
the kitchen|the garage|the office|the station|the market|the beach|the bathroom|the cellar|the church|
the corner|the farm|the forest|the harbour|the hospital|the hotel|the lake|the library|the park|
the playground|the restaurant|the roof|the school|the stadium|the theatre|the village|the valley|
the workshop|the zoo|the garden|the bedroom|the airport|the courtyard|the living room|the parking lot|
the university|the swimming pool
""")
COLOURS = "red blue green yellow purple orange brown black white grey pink golden silver".split()
QUALITIES = """
old new heavy broken cheap expensive small large strange beautiful dirty clean useful round square wooden
plastic leather tiny huge ancient modern soft rough smooth warm dusty shiny famous ordinary
""".split()
FEELINGS = """
happy tired angry hungry nervous proud sick bored curious worried excited jealous lonely thirsty surprised busy
ready afraid confused sleepy cheerful grateful ashamed quiet calm
""".split()
PAST = _phrases("""
found|lost|sold|bought|repaired|dropped|carried|borrowed|painted|hid|measured|described|broke|washed|moved|
opened|stole|returned|wrapped|chose|noticed|photographed|designed|pulled|pushed|kept|wanted|forgot|lifted|
examined
""")
BASE = _phrases("""
find|lose|sell|buy|repair|carry|borrow|paint|hide|measure|describe|clean|wash|move|open|return|wrap|choose|
use|bring|draw|fix|hold|leave|need|order|pack|share|take|throw
""")
DOINGS = _phrases("""
went swimming|fell asleep|started laughing|told a long story|played football|watched the game|cooked dinner|
drove too fast|missed the bus|waited for an hour|read the whole book|sang an old song|worked all night|
learned to dance|caught a cold|asked a difficult question|changed the subject|took a deep breath|
made a mistake|ran up the stairs|looked out of the window|wrote a long letter|cut the grass|fed the horses|
paid the bill|won the first prize|shouted across the street|climbed over the wall|jumped into the water|
broke the record|went back to sleep|stayed at home|arrived too early|built a small house|raised both hands|
turned off the lights|lost the argument|planted a cherry tree|signed the contract|studied chemistry|
moved to the city|joined the army
""")
TO_DO = _phrases("""
go swimming|learn French|play chess|sing in public|drive a truck|ride a horse|travel by train|write a novel|
wash the dishes|visit the museum|watch the sunrise|stay for dinner|catch the last bus|buy a house|
cook something special|change the plan|leave early|speak to the manager|take a photograph|
sleep under the stars|study medicine|work together|read the instructions|walk the dog|wait outside|
call the office|feed the birds|join the club|try again|move the furniture|pay in cash|borrow some money|
build a bridge|save energy|check the answers|sit down|keep a secret|cross the desert
""")
WHENS = _phrases("""
yesterday|last week|this morning|on the way home|after lunch|before breakfast|in the afternoon|two days ago|
every evening|during the storm|at midnight|all day long|for the first time|last summer|once again|
right away|in the middle of the night|a moment ago|at the weekend|after the meeting|in the end|
without a word
""")
FUTURE = _phrases("""
tomorrow|next week|this evening|after the holidays|in a few minutes|before dark|next year|
as soon as possible|at the end of the month|later today|one of these days|when the rain stops
""")
BECAUSE = _phrases("""
because it was raining|because nobody helped|although it was late|while the others slept|but nobody noticed|
and then it was gone|so we went home|before the guests arrived|after the film ended|
because the shop was closed|although the price was high|when the bell rang|until the sun came up|
as if nothing had happened
""")
ANIMALS = _phrases("""
horse|rabbit|tiger|eagle|turtle|monkey|pigeon|donkey|goat|lizard|owl|fox|bear|whale|sparrow|mouse|lion|
parrot|frog|squirrel|camel|zebra|goose|puppy|kitten|snake|wolf|bee|shark|cow
""")
BEASTLY = _phrases("""
ran across the road|slept in the sun|drank from the river|hid under the porch|chased a butterfly|
escaped from its cage|ate all the apples|stared at the moon|climbed the tallest tree|jumped over the ditch|
made a terrible noise|followed us home|waited by the gate|shook its head|vanished in the fog
""")

FRAMES = _phrases("""
{P} {past} {a} {thing}.|{P} {past} {a} {q} {thing} {when}.|{P} {past} the {c} {thing} in {spot}.|
{N} {past} {n} {thing}s at {spot}.|{P} {doing} {when}.|{N} {doing} {because}.|{P} {doing} in {place}.|
{P} was too {feel} to {todo}.|{N} is {feel} today.|Are you {feel}, {N}?|Why is {p} so {feel}?|
I would like to {todo} {future}.|We want to {todo} with {N}.|Can you {todo} {future}?|
Did {N} really {todo}?|Never {todo} without {p}.|Please {do} the {q} {thing} {future}.|
Don't forget to {do} the {thing}.|Shall we {do} the {c} {thing}?|Who will {do} this {q} {thing}?|
Where is the {c} {thing}?|The {thing} in {spot} is {q}.|The {c} {thing} belongs to {p}.|
There are {n} {thing}s in {spot}.|There were {big} people at {spot}.|{N} is {big} years old.|
The {thing} costs {big} dollars.|The bus to {place} leaves at {hour}.|The meeting is on {day} at {hour}.|
My birthday is on {month} {ord}.|It happened in {month}, nineteen {big}.|On {day} {p} {doing}.|
In {month} we went to {place}.|{N} lives in {place} with {n} cats.|Have you ever been to {place}?|
The road to {place} is long.|I bought {n} kilos of {food}.|{N} ordered {food} and {food2}.|
We have no more {food}.|Do you like {food} with {food2}?|This {food} tastes strange.|The {animal} {beast}.|
A {q} {animal} {beast} {when}.|Have you seen the {c} {animal}?|{N} has a {c} {animal}.|
{n2} {animal}s were sleeping near {spot}.|{P} and {N} {doing} together.|I think that {p} {doing}.|
{N} said that {p} {doing}.|Nobody knew why {p} {doing}.|How did {p} {do} the {thing}?|
What did {N} {do} in {place}?|When will {p} {todo}?|If you {todo}, bring the {thing}.|
It was the {ord} {thing} that {p} {past}.|Chapter {big} is about {a} {q} {animal}.|
Call {N} at {big}, {big2}.|Take the {ord} street on the right.|Turn off the {thing}, please.|
Good morning, {N}.|Goodbye, {N}, see you {future}.|{P} smiled {when}.|Look at that {q} {thing}!|
What {a} {q} {animal}!|Yes, {p} {doing}.|No, {N} can't {todo}.|I met {p} in {place} {when}.|
She gave {N} the {c} {thing}.|He never learned to {todo}.|They {past} everything {when}.|
You should {todo} more often.|Let's {todo} {future}.|The {q} {thing} fell behind the {thing2}.|
{P} put the {thing} on the {thing2}.|Between {hour} and noon, {p} {doing}.|Is the {thing} really {q}?
""")


def grammar_sentence(rng: random.Random) -> str:
    """One everyday sentence; the same state of `rng` gives the same sentence."""
    quality, person = rng.choice(QUALITIES), rng.choice(PEOPLE)
    frame = rng.choice(FRAMES)
    if "{a} {thing}" in frame:
        following = thing = rng.choice(THINGS)
    else:
        following, thing = quality, rng.choice(THINGS)
    big = f"{rng.choice(TENS)} {rng.choice(UNITS)}" if rng.random() < 0.7 else rng.choice(TENS + SMALL)
    text = frame.format(
        P=person,
        p=person if rng.random() < 0.7 else rng.choice(NAMES),
        N=rng.choice(NAMES),
        past=rng.choice(PAST),
        do=rng.choice(BASE),
        a="an" if following[0] in "aeio" else "a",
        thing=thing,
        thing2=rng.choice(THINGS),
        q=quality,
        c=rng.choice(COLOURS),
        spot=rng.choice(SPOTS),
        place=rng.choice(PLACES),
        n=rng.choice(SMALL),
        n2=rng.choice(SMALL),
        big=big,
        big2=f"{rng.choice(TENS)} {rng.choice(UNITS)}",
        hour=rng.choice(["half past ", "quarter to ", "quarter past ", ""]) + rng.choice(SMALL[:11]),
        day=rng.choice(DAYS),
        month=rng.choice(MONTHS),
        ord=rng.choice(ORDINALS),
        food=rng.choice(FOODS),
        food2=rng.choice(FOODS),
        animal=rng.choice(ANIMALS),
        beast=rng.choice(BEASTLY),
        doing=rng.choice(DOINGS),
        todo=rng.choice(TO_DO),
        feel=rng.choice(FEELINGS),
        when=rng.choice(WHENS),
        future=rng.choice(FUTURE),
        because=rng.choice(BECAUSE),
    )
    text = _plural(text)
    return text[0].upper() + text[1:]


_IRREGULAR = {
    "boxs": "boxes", "knifes": "knives", "toothbrushs": "toothbrushes", "foxs": "foxes", "gooses": "geese",
    "mouses": "mice",
    "monkeys": "monkeys", "puppys": "puppies", "wolfs": "wolves", "donkeys": "donkeys", "sandwichs": "sandwiches",
    "scarfs": "scarves", "batterys": "batteries",
}  # fmt: skip


def _plural(text: str) -> str:
    return re.sub(r"\w+", lambda m: _IRREGULAR.get(m.group(), m.group()), text)


def key(sentence: str) -> str:
    """What makes two sentences the same: letters only, lower case."""
    return " ".join(re.findall(r"[a-z]+", sentence.lower().replace("'", "")))


def build_pool(count: int, seed: int, excluded: set[str], share: float = 0.5) -> list[str]:
    """`count` distinct sentences in random order, `share` of them from fortunes; none whose key is in `excluded`."""
    rng = random.Random(f"{seed}-sentences")
    seen = set(excluded)
    pool: list[str] = []
    fortunes = fortune_sentences()
    rng.shuffle(fortunes)
    # Short sentences are the majority, because alignment is learnt on them first.
    fortunes.sort(key=lambda s: len(s.split()) > 9 and rng.random() < 0.6)
    for sentence in fortunes:
        if len(pool) >= count * share:
            break
        if key(sentence) not in seen:
            seen.add(key(sentence))
            pool.append(sentence)
    while len(pool) < count:
        sentence = grammar_sentence(rng)
        if key(sentence) not in seen:
            seen.add(key(sentence))
            pool.append(sentence)
    rng.shuffle(pool)
    return pool
