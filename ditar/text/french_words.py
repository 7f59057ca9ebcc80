"""Word lists of the French rules: data only."""

MONTHS = ("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre",
          "décembre")  # fmt: skip
WEEKDAYS = "lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche"
SHORT_MONTHS = {"janv": "janvier", "févr": "février", "fév": "février", "avr": "avril", "juil": "juillet",
                "sept": "septembre", "oct": "octobre", "nov": "novembre", "déc": "décembre"}  # fmt: skip

# Before a name: with their stop, and without.
TITLES = {
    "M.": "monsieur", "MM.": "messieurs", "Mr": "monsieur", "Mr.": "monsieur", "Mme": "madame", "Mme.": "madame",
    "MME": "madame", "Mmes": "mesdames", "Mlle": "mademoiselle", "Mlle.": "mademoiselle", "MLLE": "mademoiselle",
    "Mlles": "mesdemoiselles", "Dr": "docteur", "Dr.": "docteur", "Drs": "docteurs",
    "Pr": "professeur", "Pr.": "professeur", "Me": "maître", "Mgr": "monseigneur",
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
    "réf.": "référence", "Réf.": "référence", "Chap.": "chapitre", "Vol.": "volume", "Fig.": "figure",
    "Art.": "article",
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
    "km": ("kilomètre", "kilomètres", False), "Km": ("kilomètre", "kilomètres", False),
    "KM": ("kilomètre", "kilomètres", False), "m": ("mètre", "mètres", False),
    "cm": ("centimètre", "centimètres", False),
    "mm": ("millimètre", "millimètres", False), "µm": ("micromètre", "micromètres", False),
    "km²": ("kilomètre carré", "kilomètres carrés", False), "m²": ("mètre carré", "mètres carrés", False),
    "cm²": ("centimètre carré", "centimètres carrés", False), "m³": ("mètre cube", "mètres cubes", False),
    "cm³": ("centimètre cube", "centimètres cubes", False), "ha": ("hectare", "hectares", False),
    "kg": ("kilo", "kilos", False), "Kg": ("kilo", "kilos", False), "KG": ("kilo", "kilos", False),
    "g": ("gramme", "grammes", False), "mg": ("milligramme", "milligrammes", False),
    "t": ("tonne", "tonnes", True), "l": ("litre", "litres", False), "L": ("litre", "litres", False),
    "dl": ("décilitre", "décilitres", False), "cl": ("centilitre", "centilitres", False),
    "ml": ("millilitre", "millilitres", False), "mL": ("millilitre", "millilitres", False),
    "h": ("heure", "heures", True), "min": ("minute", "minutes", True), "mn": ("minute", "minutes", True),
    "j": ("jour", "jours", False), "s": ("seconde", "secondes", True), "ms": ("milliseconde", "millisecondes", True),
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
# Names of others where every character is named.
CHARACTERS = {",": "virgule", ";": "point-virgule", "!": "point d'exclamation", "(": "parenthèse ouvrante",
              ")": "parenthèse fermante", "'": "apostrophe", "’": "apostrophe", '"': "guillemet", "—": "tiret",
              "–": "tiret", "y": "i grec", "Y": "i grec"}  # fmt: skip
# Endings of names of sites, after which no sentence begins without a space, and of files.
TOP_DOMAINS = "com|org|net|fr|be|ch|eu|ai|io|tv|info|edu|gov|uk|app|dev"
FILE_ENDINGS = "txt|pdf|docx?|xlsx?|pptx?|csv|json|xml|html?|py|js|css|exe|zip|mp[34]|wav|jpe?g|png|gif|svg"

# Capitals of two or three letters that are words, and no acronyms.
SHORT_WORDS = set(
    """AGE AH AIE AIR AIS AMI AN ANS ARC ART AU AUX AVE BAH BAL BAR BAS BEC BEL BEN BIO BIS BLA BOF BOL BON BOX BUG BUS
    BUT CAR CAS CE CET CI CLE COQ COU CRI CRU CUL DE DES DIT DIX DON DOS DU DUE DUO DUR EAU EGO EH EN EST ET EUH EUX
    EVA FAC FAN FAX FER FEU FIL FIN FIS FIT FOI FOU FUT GAI GAZ GEL GUY HA HEP HO HOP HUI ICI IDA IL ILS JE JEU JOB
    JUS KIM LA LAC LAS LE LEO LES LIE LIS LIT LOI LOT LUC LUE LUI MA MAI MAL MAT MAX MEC MER MES MET MIA MIE MIS MOI
    MON MOT MOU MUE MUR NE NET NEZ NI NIL NOM NON NOS NU NUE NUL OH ON ONT OR OS OSE OU OUF OUI PAR PAS PEN PEU PIE
    PIS PLI POT PRO PUE PUR QU QUE QUI RAT RIO RIS RIZ ROC ROI ROY RUE SAC SE SEC SEL SES SI SIX SKI SOI SOL SON SOT
    SUD SUE SUR SUS TA TAG TAS TE TEL TES TIC TIR TOI TON TOP TRI TU TUE UN UNE VA VAS VIE VIF VIN VIS VIT VOL VOS
    VU VUE WEB YEN ZEN ZOE ZUT""".split()
)
# Acronyms that are said as words.
WORD_ACRONYMS = set(
    """AFNOR AREVA AXA BAC BAFA BIC BIM CAC CAF CERN CNAM CNIL COVID DASS DDASS DOM ETA FED FIFA FNAC GAFA GAFAM GIEC
    GIF INA INRA INSERM IRA KIA LASER LED LOL MEDEF NASA OK ONU OPEP OTAN OVNI PAC PAF PIC PUB RADAR RAID RAM REP
    RIB RIC ROM SACEM SAMU SEB SIDA SIM SIREN SIRET SMIC SMUR TAF TOC TOM TUC UNEF UNESCO UNICEF URSSAF
    ZAC ZAD ZEP""".split()
)
# Acronyms that are spelt, and look like words, or like shouting.
ACRONYMS_SPELT = set(
    """ADN AESH AFP ANPE AOC AOP API ARN ASE AVC BEP CDI CEE CHU CIA CIO CPE CPU CSA CSE DUT EADS EDF EELV ENS
    EPCI EPO EPR ERP ESA ETI EURL FAI FMI FSU GIE GPA GPU IA IDF IEP IFI IGN IGP IMC IP IPO IRM ISF ISO IUT
    IVG LFI LGBTI LGBTQI LGBTQIA LOA MIT MSA OAS OCDE OGM OIT OM OMC OMS ONF ONG OPA OPCVM ORL OSCE PEA PIB
    PMA PME QI RATP RDA RER RIP RSA SARL SAV SCI SOS SPA SUV TER TVA UCPA UDI UE UFC UGC UHT ULM UMP
    UNHCR URL URSS USA USB UV VAE VIP VOD""".split()
)
# Acronyms that are said as words, and otherwise than espeak reads them.
ACRONYMS_READ_AS = {
    "ADEME": "adème", "CAPES": "capesse", "CEGEP": "cégep", "CNED": "cnède", "CNES": "cnesse", "CROUS": "crousse",
    "EHESS": "éesse", "EHPAD": "épade", "ENA": "éna", "ENSAE": "ensaé", "FLE": "fleu", "IKEA": "ikéa", "INED": "inède",
    "INSEE": "insé", "JPEG": "jipègue", "NUPES": "nupesse", "PACS": "paxe", "PIN": "pine", "SNES": "snesse",
    "UEFA": "uéfa", "ZUP": "zupe",
}  # fmt: skip
