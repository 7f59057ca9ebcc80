"""What the teacher says in French: an endless, seeded sequence of different sentences as people write them, with
figures, times, amounts, titles and abbreviations in about half of them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

_PEOPLE = """
M. Dupont|Mme Leroy|Mlle Moreau|le Dr Girard|le Pr Lambert|ma sœur|mon frère|le facteur|la boulangère|notre voisin|
la petite fille|le vieux pêcheur|un inconnu|la directrice|l'infirmière|le jardinier|Jeanne|Hugo|Antoine|Élodie|
Mathilde|l'ouvrier|la chanteuse|le juge|un étudiant|la grand-mère de Paul|Me Fournier|Mgr Bernard|le roi Louis XIV|
la reine|le chauffeur du bus|une voyageuse|l'institutrice|le cuisinier|son oncle|la vendeuse de journaux
"""
_DOES = """
a perdu ses lunettes dans le jardin|attend le train depuis une heure|n'a pas répondu à la lettre|
cherche un appartement au centre de la ville|a oublié son parapluie|vient de fermer la boutique|
raconte toujours la même histoire|voudrait apprendre à nager|regarde les nuages qui passent|
a préparé une soupe aux oignons|ne boit jamais de café le soir|
travaille jusqu'à la tombée de la nuit|a cueilli des champignons sous les grands chênes|
croit que l'hiver sera rude|a vendu la maison au bord du lac|joue du violon près de la fenêtre|
s'est trompé de chemin dans la brume|a gagné la course de justesse|lit le journal sans dire un mot|
chuchote quelques mots à l'oreille du chien|a peint la porte en bleu|rêve d'un long voyage à l'étranger|
a trouvé un œuf dans la paille|monte lentement l'escalier de pierre|a huit jours pour quitter la ville|
souffle sur le feu pour le ranimer|connaît chaque recoin de la montagne|a déchiré la feuille en petits morceaux|
range les outils dans la remise|a promis de revenir au printemps|guette l'arrivée du bateau|a brûlé les vieux papiers|
compte les moutons pour s'endormir|a refusé poliment l'invitation|pêche la truite dans le ruisseau|
déteste le bruit des avions|a cousu un bouton sur sa veste|enseigne la physique au lycée
"""
_CLAUSES = """
il pleut depuis ce matin|je ne sais pas quoi faire|la route est coupée par la neige|nous avons raté le dernier métro|
le pain est encore chaud|elle a éclaté de rire|tu as raison, bien sûr|les enfants dorment déjà|
il fait un temps magnifique|personne n'a rien entendu|le musée est fermé aujourd'hui|
on se retrouve devant la gare|cela ne vaut pas la peine|
vous pouvez garder la monnaie|la lune brille au-dessus des toits|j'ai mal à la tête|le vent souffle très fort|
rien ne presse|c'est une question de confiance|la rivière a débordé cette nuit|les feuilles tombent une à une|
il n'y a plus de lait|le chat s'est caché sous le lit|je préfère rester à la maison|tout le monde est parti|
la clé est sous le pot de fleurs|ses yeux brillaient dans l'ombre|le téléphone n'arrête pas de sonner|
on entend la mer au loin|ce gâteau est un peu trop sucré|il faut changer l'ampoule|la voiture ne démarre plus|
les œufs sont dans le panier|un oiseau chante dans le tilleul|la lumière s'est éteinte tout à coup|
nous aurons bientôt des nouvelles|ce genre de chose arrive souvent|l'orage approche à grands pas|
le jury n'a pas encore voté|vous êtes les bienvenus chez nous|la neige fond sur les vignes|le linge sèche au soleil
"""
_OPENINGS = """
Bon, |Eh bien, |Écoutez, |Hélas, |En fait, |À mon avis, |D'ailleurs, |Autrefois, |Par hasard, |Tout compte fait, |
De toute façon, |Au bout du compte, |Je crois que |On dit que |Il paraît que |C'est dommage que ce soit ainsi : |
Ce matin, |Hier soir, |Vers la fin, |Sans aucun doute, |Franchement, |Si tu veux, |
"""
_LINKS = (", et ", ", mais ", ", car ", ", donc ", "; ", " pendant que ", " parce que ", ", alors que ", ", puis ")
_EXCLAMATIONS = """
Quelle bonne surprise !|Attention à la marche !|Vive la mariée !|Quel dommage !|Bien joué, les amis !|Au secours !|
Ne touche pas à ça !|Comment allez-vous ?|Où est la sortie, s'il vous plaît ?|Pourquoi pleures-tu ?|Qui a sonné ?|
Est-ce que tu m'entends ?|Que voulez-vous dire ?|Depuis quand habites-tu ici ?|N'est-ce pas étrange ?|Merci beaucoup.|
À demain, peut-être.|Pas du tout.|Je vous en prie.|Avec plaisir.|Bonne nuit, dormez bien.|Quand reviendras-tu ?
"""
_MONTHS = "janvier février mars avril mai juin juillet août septembre octobre novembre décembre".split()
_DAYS = "lundi mardi mercredi jeudi vendredi samedi dimanche".split()
_THINGS = """
arbres|lettres|chevaux|billets|jours|euros|étudiants|oiseaux|maisons|personnes|bouteilles|pages|kilomètres|années|
invités|bateaux|pommes|chaises|soldats|villages|minutes
"""
_PLACES = """
Paris|Lyon|Marseille|Bruxelles|Genève|Québec|Strasbourg|Bordeaux|la place du marché|l'hôtel de ville|la gare du Nord|
la bibliothèque|l'école|le pont|l'aéroport|la plage
"""
_GOODS = "un kilo de cerises|ce manteau|la chambre|un billet aller-retour|le menu du jour|cette vieille horloge|" \
    "ce livre"
_KINGS = "Louis XIV|François Ier|Henri IV|Napoléon III|Charles X|Louis XVI"


def _entries(text: str) -> list[str]:
    return [entry for entry in text.replace("\n", "").split("|") if entry]


PEOPLE, DOES, CLAUSES, OPENINGS, EXCLAMATIONS, THINGS, PLACES, GOODS, KINGS = map(
    _entries, (_PEOPLE, _DOES, _CLAUSES, _OPENINGS, _EXCLAMATIONS, _THINGS, _PLACES, _GOODS, _KINGS)
)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _number(rng: random.Random) -> str:
    """Figures, mostly small, with a narrow space before thousands."""
    number = rng.choice([rng.randint(2, 20), rng.randint(21, 99), rng.randint(100, 999), rng.randint(1000, 90000)])
    return f"{number // 1000}\u202f{number % 1000:03d}" if number >= 1000 else str(number)


def _time(rng: random.Random) -> str:
    hour, minute = rng.randint(5, 23), rng.choice([None, 5, 10, 15, 20, 30, 40, 45])
    return f"{hour} h" if minute is None else f"{hour} h {minute:02d}"


def _date(rng: random.Random) -> str:
    day, month, year = rng.randint(1, 28), rng.choice(_MONTHS), rng.randint(1789, 2024)
    shown = "1er" if day == 1 else day
    weekday = f"{rng.choice(_DAYS)} {shown} {month}"
    return rng.choice([f"le {shown} {month}", f"le {shown} {month} {year}", f"en {year}", weekday])


def plain_sentence(rng: random.Random) -> str:
    """Somebody does something, clauses, questions and calls, without figures."""
    clause, other = rng.sample(CLAUSES, 2)
    does = f"{rng.choice(PEOPLE)} {rng.choice(DOES)}"
    return rng.choice(
        [
            f"{_capital(does)}.", f"{_capital(does)}.", f"{_capital(does)}{rng.choice(_LINKS)}{clause}.",
            f"{_capital(clause)}{rng.choice(_LINKS)}{other}.", f"{rng.choice(OPENINGS)}{clause}.",
            f"{rng.choice(OPENINGS)}{does}.", f"{rng.choice(EXCLAMATIONS)} {_capital(clause)}.",
            f"{_capital(clause)}, n'est-ce pas ?", f"Est-ce vrai que {clause} ?",
            f"« {_capital(clause)} », dit {rng.choice(PEOPLE)}.",
        ]
    )  # fmt: skip


def written_sentence(rng: random.Random) -> str:
    """A sentence with something that is not written as it is said."""
    clause, does = rng.choice(CLAUSES), f"{rng.choice(PEOPLE)} {rng.choice(DOES)}"
    return rng.choice(
        [
            f"Il y avait {_number(rng)} {rng.choice(THINGS)} près de {rng.choice(PLACES)}.",
            f"Le train de {_time(rng)} part de la voie {rng.randint(2, 24)}.",
            f"Rendez-vous {rng.choice(_DAYS)} à {_time(rng)} : {clause}.",
            f"{_capital(rng.choice(GOODS))} coûte {rng.randint(2, 90)},{rng.choice([50, 90, 20])} €, et {clause}.",
            f"{_capital(_date(rng))}, {does}.",
            f"Environ {rng.randint(2, 99)},{rng.randint(1, 9)} % des {rng.choice(THINGS)} ont disparu.",
            f"{_capital(does)} pour la {rng.randint(2, 12)}e fois.",
            f"La température est de {rng.randint(2, 38)} °C à {rng.choice(PLACES[:8])}.",
            f"Au XIXe siècle, {clause.replace('il y a', 'il y avait')}.",
            f"{rng.choice(KINGS)} vivait bien avant nous, et {clause}.",
            f"Le colis pèse {rng.randint(2, 30)} kg, p. ex. avec {_number(rng)} {rng.choice(THINGS)}.",
            f"J'habite au n° {rng.randint(2, 180)}, bd Voltaire, à {rng.choice(PLACES[:8])}.",
            f"On roule à {rng.randint(30, 130)} km/h, et {clause}.",
            f"Des {rng.choice(THINGS)}, des {rng.choice(THINGS)}, etc. : {clause}.",
        ]
    )  # fmt: skip


def sentences(seed: str) -> Iterator[str]:
    """Different sentences without end; the same seed gives the same sequence."""
    rng, seen = random.Random(f"{seed}-french"), set()
    while True:
        sentence = re.sub(r"\b([Qq]u)e (?=[aeiouéèêœ])", r"\1'", rng.choice((plain_sentence, written_sentence))(rng))
        if sentence not in seen:
            seen.add(sentence)
            yield sentence
