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
    ("Art. L. 121-1, l'article R. 12, réf. 12, Chap. 2",
     "article L cent vingt et un tiret un, l'article R douze, référence douze, chapitre deux"),
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
    ("un CV, un CD, Le vin, Ces amis", "un C V, un C D, Le vin, Ces amis"),
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
    ("Le FMI, un CDI, le RSA et l'UE", "Le F M I, un C D I, le R S A et l'U E"),
    ("une IRM, l'OMS, la PMA, le CHU de Lyon, la DGSE et l'IA",
     "une I R M, l'O M S, la P M A, le C H U de Lyon, la D G S E et l'I A"),
    ("L'OMS, l'UE et le FMI. D'ONG, L'ONU, L'ÉTÉ", "l'O M S, l'U E et le F M I. d'O N G, L'ONU, L'ÉTÉ"),  # no shouting
    ("l'ANPE, la RATP, l'OCDE, LGBTQIA, les DVDs", "l'A N P E, la R A T P, l'O C D E, L G B T Q I A, les D V D"),
    ("un SMS, CE2, TF1, MP3, CO2", "un S M S, C E deux, T F un, M P trois, C O deux"),
    ("l'ONU, l'OTAN, le SMIC, le SAMU, la FIFA, l'UNESCO, le SIDA, la CAF, OK",
     "l'ONU, l'OTAN, le SMIC, le SAMU, la FIFA, l'UNESCO, le SIDA, la CAF, OK"),
    ("l'INSEE ou l'Insee, les Ehpads, le CROUS, l'ENA", "l'insé ou l'insé, les épade, le crousse, l'éna"),
    ("C'est LE vin, il ne faut PAS. NON ! L'ÉTÉ", "C'est LE vin, il ne faut PAS. NON! L'ÉTÉ"),
    ("AUJOURD'HUI seulement, parce QU'UN art, celui-CI", "AUJOURD'HUI seulement, parce QU'UN art, celui-CI"),
    ("JE VEUX UN THÉ ET DU RIZ, MAIS LE TGV EST LÀ", "JE VEUX UN THÉ ET DU RIZ, MAIS LE T G V EST LÀ"),
    ("Jean DUPONT, Anne ROUX, Paul KLEE, MME ROY, MARC, M. LY, M. LE PEN",
     "Jean DUPONT, Anne ROUX, Paul KLEE, madame ROY, MARC, monsieur LY, monsieur LE PEN"),
    ("EDF, ENGIE, AXA, UNE IRM AU CHU", "E D F, ENGIE, AXA, UNE I R M AU C H U"),
    ("la S.N.C.F. et les U.S.A.", "la S N C F et les U S A."),
    ("J.-J. Rousseau, A.-M. Roy", "J J Rousseau, A M Roy"),
    ("L'an 2 de la République, j'en ai 10 de plus, 2 des 3", "L'an deux de la République, j'en ai dix de plus, deux "
     "des trois"),
    ("note de 8/10, 8,5/10, 95/100, noté 4/5, 4/5 étoiles", "note de huit sur dix, huit virgule cinq sur dix, "
     "quatre-vingt-quinze sur cent, noté quatre sur cinq, quatre sur cinq étoiles"),
    ("3/10 de la population, 1/10, 4/5 des gens, notez 1/2", "trois dixièmes de la population, un dixième, quatre "
     "cinquièmes des gens, notez un demi"),
    ("claude.ai, www.lemonde.fr, lemonde.fr/une.", "claude point A I, W W W point lemonde point fr, lemonde point fr "
     "barre oblique une."),
    ("notes.pdf, Il part.Il rit, 10.2", "notes point P D F, Il part.Il rit, dix point deux"),
    ("9h30-12h, 9:30-12:00, 2-3 h, 14 h 30 - 16 h", "neuf heures trente à douze heures, neuf heures trente à douze "
     "heures, deux à trois heures, quatorze heures trente à seize heures"),
    ("10 %-20 %, 10€-15€, 5-10km, -5 %, 10 % - 3", "dix pour cent à vingt pour cent, dix euros à quinze euros, cinq à "
     "dix kilomètres, moins cinq pour cent, dix pour cent moins trois"),
    ("lundi–vendredi, mars-avril, dit-il", "lundi à vendredi, mars à avril, dit-il"),
    ("+33 (0)6 12 34 56 78, 06 12 34 56 78, 12", "plus trente-trois, six, douze, trente-quatre, cinquante-six, "
     "soixante-dix-huit, zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit, douze"),
    ("0 800 123 456, 0800 12 34 56", "zéro huit cents, cent vingt-trois, quatre cent cinquante-six, zéro huit cents, "
     "douze, trente-quatre, cinquante-six"),
    ("+32 2 123 45 67, +10 000 000", "plus trente-deux, deux, cent vingt-trois, quarante-cinq, soixante-sept, plus dix "
     "millions"),
    ("03/12/24 et 14/07/89", "trois décembre deux mille vingt-quatre et quatorze juillet mille neuf cent "
     "quatre-vingt-neuf"),
    ("1m80, 1 m 80 de haut, 3 m 20 personnes, 12€50", "un mètre quatre-vingts, un mètre quatre-vingts de haut, trois "
     "mètres vingt personnes, douze euros cinquante"),
    ("7j/7, 24h/24, 7 jours/7, 90 km/h", "sept jours sur sept, vingt-quatre heures sur vingt-quatre, sept jours sur "
     "sept, quatre-vingt-dix kilomètres à l'heure"),
    ("20H30, 8H, LA 3ÈME, LE 1ER, 5G", "vingt heures trente, huit heures, LA troisième, LE premier, cinq G"),
    ("1 000 000 €, 3 000 000 km, 1 500 000 €", "un million d'euros, trois millions de kilomètres, un million cinq cent "
     "mille euros"),
    ("1'000 CHF, l'1 000", "mille francs suisses, l'mille"),
    ("3 x 4, 10 x 15 cm, un 4x4, 4x100 m, x", "trois fois quatre, dix sur quinze centimètres, un quatre quatre, quatre "
     "fois cent mètres, x"),
    ("étudiant·e·s, amis(es), Français(e)s, vu(e), Marie-e", "étudiants et étudiantes, amis(es), Français et "
     "Françaises, vu ou vue, Marie-e"),
    ("1 000 000 000, 80 et 1998", "un milliard, quatre-vingts et mille neuf cent quatre-vingt-dix-huit"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "said"), READINGS, ids=lambda text: text[:24])
def test_it_is_written_as_it_is_said(written, said):
    assert normalise(written, "fr-fr") == said
    assert normalise(said, "fr-fr") == said  # what is said already is not changed


def test_belgium_and_switzerland_count_otherwise():
    assert normalise("91 et 75", "fr-be") == normalise("91 et 75", "fr-ch") == "nonante et un et septante-cinq"


def test_espeak_says_what_people_say():
    spoken = {
        "91 ans": "katʁvɛɔzɑ",
        "88": "katʁvɛyit",
        "M. le Dr Martin": "məsjølədɔktœʁmaʁtɛ",
        "L'UE, D'IA": "lyədia",
        "L'U.E. a dit": "lyəadi",
        "L'A4 et L'INSEE": "lakatʁelɛse",
        "l'UE, le FMI": "lyələɛfɛmi",
        "l'INSEE": "lɛse",
        "le RGPD": "ləɛʁʒepede",
    }
    for text, sounds in spoken.items():
        assert "".join(filter(is_letter, Phonemiser("fr-fr")(text))) == sounds
    symbols = Phonemiser("fr-fr")("Il a 91,5 %.")
    assert "," not in symbols and symbols[-1] == "."  # the comma of a number is no pause


def test_a_pronounced_word_is_left_alone():
    (passage,) = passages("Le [n°](/ny/) 5.", "fr-fr")
    assert "ny" in "".join(Phonemiser("fr-fr")(passage.text))


@pytest.mark.parametrize(
    "unit",
    ["1 000 ", "1,", "M. ", "12 h 30 ", "1-", "XIV ", "1/2 ", "www.a.", "€1", "06 12 ", "1", "+1", "+", "AB", "A.",
     "etc. ", "1 x 1", "1x ", "a.b", "ab e s", "1m", "+1 1 "],
)  # fmt: skip
def test_long_texts_take_linear_time(unit):
    started = time.perf_counter()
    normalise("mot " + unit * (100_000 // len(unit)), "fr-fr", dropped=[])
    assert time.perf_counter() - started < 5
