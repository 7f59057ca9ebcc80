"""French as people read it: figures, times, dates, amounts, abbreviations, kings, and what espeak makes of them."""

import time

import pytest

from ditar.text import Phonemiser, normalise
from ditar.text.controls import passages
from ditar.text.vocabulary import is_letter

READINGS = [
    ("M. Dupont et Mme Martin, M. le maire.", "monsieur Dupont et madame Martin, monsieur le maire."),
    ("Le Dr Martin, Mlle Rose, etc.", "Le docteur Martin, mademoiselle Rose, et cetera."),
    ("Des pommes, etc. Il rentre.", "Des pommes, et cetera. Il rentre."),
    ("p. ex. l'art. 3, c.-à-d. beaucoup", "par exemple l'article trois, c'est-à-dire beaucoup"),
    ("le n° 5, no 7 et n°8", "le numéro cinq, numéro sept et numéro huit"),
    ("Non. 8 oui.", "Non. huit oui."),
    ("120 av. J.-C., 3 av. Foch", "cent vingt avant Jésus-Christ, trois avenue Foch"),
    ("Le 1er mai 2024 à 14 h 30", "Le premier mai deux mille vingt-quatre à quatorze heures trente"),
    ("14h30, 8h, 21 h, 1 h 01, 14:30",
     "quatorze heures trente, huit heures, vingt et une heures, une heure une, quatorze heures trente"),
    ("12/05/2023, 2023-05-01, 3 févr. 2020",
     "douze mai deux mille vingt-trois, premier mai deux mille vingt-trois, trois février deux mille vingt"),
    ("12,50 €, 0,50 €, 1 €, $3, 1,05 £",
     "douze euros cinquante, cinquante centimes, un euro, trois dollars, une livre cinq"),
    ("3 M€ et 2,5 Md€", "trois millions d'euros et deux virgule cinq milliards d'euros"),
    ("15 000 francs, 1.500 €, 1\u202f234,56",
     "quinze mille francs, mille cinq cents euros, mille deux cent trente-quatre virgule cinquante-six"),
    ("91,5 %, 0,05", "quatre-vingts onze virgule cinq pour cent, zéro virgule zéro cinq"),
    ("-3 °C, 90 km/h, 5 m², 2 l",
     "moins trois degrés, quatre-vingt-dix kilomètres à l'heure, cinq mètres carrés, deux litres"),
    ("30 hab./km²", "trente habitants au kilomètre carré"),
    ("la 1re fois, 2nde, 3èmes, 80e, 200e", "la première fois, seconde, troisièmes, quatre-vingtième, deux centième"),
    ("le XIXe siècle, la IIIᵉ République", "le dix-neuvième siècle, la troisième République"),
    ("Louis XIV, François Ier, Charles V, tome II", "Louis quatorze, François premier, Charles cinq, tome deux"),
    ("un CV, un CD, Le vin, Ces amis", "un CV, un CD, Le vin, Ces amis"),
    ("21 pages, 31 hommes, 1 fois", "vingt et une pages, trente et un hommes, une fois"),
    ("1/2, 3/4, 2/5, 18/20", "un demi, trois quarts, deux cinquièmes, dix-huit sur vingt"),
    ("en 2de, le 11/9, du 01/05", "en seconde, le onze septembre, du premier mai"),
    ("M. et Mme Roy, № 5, les n°s 3 et 4", "monsieur et madame Roy, numéro cinq, les numéro trois et quatre"),
    ("10h-12h, 2 ½, 10.2", "dix heures à douze heures, deux et demi, dix point deux"),
    ("6,5 l/100 km", "six virgule cinq litres aux cent kilomètres"),
    ("3-4 jours, 1914-1918", "trois à quatre jours, mille neuf cent quatorze à mille neuf cent dix-huit"),
    ("06 12 34 56 78", "zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
    ("+33 6 12 34 56 78", "plus trente-trois, six, douze, trente-quatre, cinquante-six, soixante-dix-huit"),
    ("jean.d@free.fr", "jean point d arobase free point fr"),
    ("A4, 5G, 007", "A quatre, cinq G, zéro zéro sept"),
    ("5 + 3 = 8 & co", "cinq plus trois égale huit et co"),
    ("1 000 000 000, 80 et 1998", "un milliard, quatre-vingts et mille neuf cent quatre-vingt-dix-huit"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), READINGS, ids=lambda text: text[:24])
def test_it_is_written_as_it_is_said(written, said):
    assert normalise(written, "fr-fr") == said
    assert normalise(said, "fr-fr") == said  # what is said already is not changed


def test_belgium_and_switzerland_count_otherwise():
    assert normalise("91 et 75", "fr-be") == normalise("91 et 75", "fr-ch") == "nonante et un et septante-cinq"


def test_espeak_says_what_people_say():
    for text, sounds in {"91 ans": "katʁvɛɔzɑ", "88": "katʁvɛyit", "M. le Dr Martin": "məsjølədɔktœʁmaʁtɛ"}.items():
        assert "".join(filter(is_letter, Phonemiser("fr-fr")(text))) == sounds
    symbols = Phonemiser("fr-fr")("Il a 91,5 %.")
    assert "," not in symbols and symbols[-1] == "."  # the comma of a number is no pause


def test_a_pronounced_word_is_left_alone():
    (passage,) = passages("Le [n°](/ny/) 5.", "fr-fr")
    assert "ny" in "".join(Phonemiser("fr-fr")(passage.text))


@pytest.mark.parametrize("unit", ["1 000 ", "1,", "M. ", "12 h 30 ", "1-", "XIV ", "1/2 ", "www.a.", "€1", "06 12 "])
def test_long_texts_take_linear_time(unit):
    started = time.perf_counter()
    normalise("mot " + unit * (20_000 // len(unit)), "fr-fr", dropped=[])
    assert time.perf_counter() - started < 5
