"""Word lists of the French rules: data only."""

MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
          "décembre")  # fmt: skip
SHORT_MONTHS = {"janv": "janvier", "févr": "février", "fév": "février", "avr": "avril", "juil": "juillet",
                "sept": "septembre", "oct": "octobre", "nov": "novembre", "déc": "décembre"}  # fmt: skip

# Before a name: with their stop, and without.
TITLES = {
    "M.": "monsieur", "MM.": "messieurs", "Mr": "monsieur", "Mr.": "monsieur", "Mme": "madame", "Mme.": "madame",
    "Mmes": "mesdames", "Mlle": "mademoiselle", "Mlle.": "mademoiselle", "Mlles": "mesdemoiselles", "Dr": "docteur",
    "Dr.": "docteur", "Drs": "docteurs", "Pr": "professeur", "Pr.": "professeur", "Me": "maître", "Mgr": "monseigneur",
    "Mgr.": "monseigneur", "Vve": "veuve", "Cdt": "commandant", "Gal": "général", "Cl": "colonel", "St": "saint",
    "Ste": "sainte", "St.": "saint", "Ste.": "sainte",
}  # fmt: skip
# Anywhere; longer ones first where one begins another. A final stop may be the sentence's as well.
ANYWHERE = {
    "p. ex.": "par exemple", "p.ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "c.à.d.": "c'est-à-dire",
    "c-à-d": "c'est-à-dire", "av. J.-C.": "avant Jésus-Christ", "ap. J.-C.": "après Jésus-Christ",
    "apr. J.-C.": "après Jésus-Christ", "J.-C.": "Jésus-Christ", "s.v.p.": "s'il vous plaît",
    "SVP": "s'il vous plaît", "svp": "s'il vous plaît", "R.-V.": "rendez-vous", "RDV": "rendez-vous",
    "rdv": "rendez-vous", "etc.": "et cetera", "cf.": "confer", "env.": "environ", "approx.": "approximativement",
    "chap.": "chapitre", "vol.": "volume", "éd.": "édition", "tél.": "téléphone", "Tél.": "téléphone",
   
    "hab./km²": "habitants au kilomètre carré", "hab/km²": "habitants au kilomètre carré", "hab.": "habitants",
    "ex.": "exemple", "max.": "maximum", "fig.": "figure", "art.": "article",
    "boul.": "boulevard", "bd": "boulevard", "Bd": "boulevard", "bld": "boulevard", "dép.": "département",
    "qqch.": "quelque chose", "qqn": "quelqu'un", "qq.": "quelques", "Cie": "compagnie", "Sté": "société",
    "ibid.": "ibidem", "resp.": "respectivement", "cad": "c'est-à-dire", "tlj": "tous les jours",
    "TTC": "toutes taxes comprises",
}  # fmt: skip
BEFORE_FIGURES = {"p.": "page", "pp.": "pages", "t.": "tome", "n.": "note"}
BEFORE_CAPITALS = {"av.": "avenue", "pl.": "place", "bd.": "boulevard", "fg": "faubourg"}

# What a roman numeral of one letter counts, and rulers, whose numerals may be one letter too.
COUNTED = "acte|appendice|article|chant|chapitre|classe|groupe|leçon|livre|paragraphe|partie|phase|scène|section|" \
    "série|titre|tome|type|volume"  # fmt: skip
RULERS = "Alexandre|Alphonse|Benoît|Catherine|Charles|Clément|Élisabeth|Elizabeth|Ferdinand|François|Frédéric|" \
    "Georges|Grégoire|Guillaume|Henri|Innocent|Jacques|Jean|Jean-Paul|Léon|Léopold|Louis|" \
    "Napoléon|Nicolas|Paul|Philippe|" \
    "Pie|Pierre|Ramsès|Urbain"  # fmt: skip

# (one, many, its hundredth, hundredths, feminine)
CURRENCIES = {
    "€": ("euro", "euros", "centime", "centimes", False), "$": ("dollar", "dollars", "cent", "cents", False),
    "£": ("livre", "livres", "penny", "pence", True), "¥": ("yen", "yens", "", "", False),
    "EUR": ("euro", "euros", "centime", "centimes", False), "USD": ("dollar", "dollars", "cent", "cents", False),
    "GBP": ("livre", "livres", "penny", "pence", True), "FF": ("franc", "francs", "centime", "centimes", False),
    "CHF": ("franc suisse", "francs suisses", "centime", "centimes", False),
    "CAD": ("dollar canadien", "dollars canadiens", "cent", "cents", False),
}  # fmt: skip
SCALES = {"k": ("mille", "mille"), "M": ("million", "millions"), "Md": ("milliard", "milliards"),
          "Mds": ("milliard", "milliards"), "million": ("million", "millions"), "millions": ("million", "millions"),
          "milliard": ("milliard", "milliards"), "milliards": ("milliard", "milliards")}  # fmt: skip

# After a figure: (one, many, feminine).
UNITS = {
    "km": ("kilomètre", "kilomètres", False), "m": ("mètre", "mètres", False),
    "cm": ("centimètre", "centimètres", False),
    "mm": ("millimètre", "millimètres", False), "µm": ("micromètre", "micromètres", False),
    "km²": ("kilomètre carré", "kilomètres carrés", False), "m²": ("mètre carré", "mètres carrés", False),
    "cm²": ("centimètre carré", "centimètres carrés", False), "m³": ("mètre cube", "mètres cubes", False),
    "cm³": ("centimètre cube", "centimètres cubes", False), "ha": ("hectare", "hectares", False),
    "kg": ("kilo", "kilos", False), "g": ("gramme", "grammes", False), "mg": ("milligramme", "milligrammes", False),
    "t": ("tonne", "tonnes", True), "l": ("litre", "litres", False), "L": ("litre", "litres", False),
    "dl": ("décilitre", "décilitres", False), "cl": ("centilitre", "centilitres", False),
    "ml": ("millilitre", "millilitres", False), "mL": ("millilitre", "millilitres", False),
    "h": ("heure", "heures", True), "min": ("minute", "minutes", True), "mn": ("minute", "minutes", True),
    "s": ("seconde", "secondes", True), "ms": ("milliseconde", "millisecondes", True),
    "°C": ("degré", "degrés", False), "°F": ("degré Fahrenheit", "degrés Fahrenheit", False),
    "°": ("degré", "degrés", False), "%": ("pour cent", "pour cent", False), "‰": ("pour mille", "pour mille", False),
    "Hz": ("hertz", "hertz", False), "kHz": ("kilohertz", "kilohertz", False), "MHz": ("mégahertz", "mégahertz", False),
    "GHz": ("gigahertz", "gigahertz", False), "W": ("watt", "watts", False), "kW": ("kilowatt", "kilowatts", False),
    "MW": ("mégawatt", "mégawatts", False), "kWh": ("kilowattheure", "kilowattheures", False),
    "V": ("volt", "volts", False), "ko": ("kilooctet", "kilooctets", False), "Ko": ("kilooctet", "kilooctets", False),
    "Mo": ("mégaoctet", "mégaoctets", False), "Go": ("gigaoctet", "gigaoctets", False),
    "To": ("téraoctet", "téraoctets", False), "dB": ("décibel", "décibels", False),
}  # fmt: skip
PER = {"100 km": "aux cent kilomètres", "h": "par heure", "s": "par seconde", "min": "par minute", "j": "par jour",
       "jour": "par jour", "mois": "par mois", "an": "par an", "m²": "par mètre carré", "km²": "par kilomètre carré",
       "m³": "par mètre cube", "kg": "par kilo", "l": "par litre", "km": "par kilomètre", "hab": "par habitant",
       "pers": "par personne"}  # fmt: skip

# Common nouns before which `un` is `une`: the gender of others is not known here.
FEMININE = set(
    """année années armée bouteille bouteilles boîte boîtes chaise chaises chambre chambres chance chanson chansons
    chose choses classe classes commune communes demande demandes dent dents entreprise entreprises étape étapes
    étoile étoiles famille familles femme femmes fenêtre fenêtres feuille feuilles fille filles fleur fleurs
    fois goutte gouttes heure heures histoire histoires île îles journée journées langue langues leçon leçons
    lettre lettres ligne lignes livres maison maisons minute minutes nuit nuits œuvre œuvres page pages part
    parts personne personnes photo photos pièce pièces place places pomme pommes porte portes question questions
    raison raisons route routes rue rues salle salles seconde secondes semaine semaines table tables tonne
    tonnes vache vaches victime victimes ville villes voiture voitures voix""".split()
)

SYMBOLS = {"&": "et", "+": "plus", "=": "égale", "×": "fois", "÷": "divisé par", "±": "plus ou moins",
           "<": "inférieur à", ">": "supérieur à", "≤": "inférieur ou égal à", "≥": "supérieur ou égal à",
           "≈": "environ", "@": "arobase",
           "#": "dièse", "€": "euros", "$": "dollars", "£": "livres", "¥": "yens", "%": "pour cent", "‰": "pour mille",
           "°": "degrés", "½": "un demi", "¼": "un quart", "¾": "trois quarts", "§": "paragraphe", "→": ",",
           "²": "au carré", "³": "au cube", "©": "", "®": "", "™": ""}  # fmt: skip
IN_ADDRESSES = {"@": "arobase", ".": "point", "/": "barre oblique", "-": "tiret", "_": "tiret bas", ":": "deux-points",
                "?": "point d'interrogation", "&": "et", "=": "égale", "#": "dièse"}  # fmt: skip
