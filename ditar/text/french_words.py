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
BEFORE_FIGURES = {"p.": "page", "pp.": "pages", "t.": "tome", "n.": "note", "bât.": "bâtiment", "Bât.": "bâtiment"}
BEFORE_CAPITALS = {"av.": "avenue", "pl.": "place", "bât.": "bâtiment", "Bât.": "bâtiment",
                   "bd.": "boulevard", "fg": "faubourg"}  # fmt: skip

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
       "pers": "par personne", "semaine": "par semaine", "sem": "par semaine", "nuit": "par nuit",
       "heure": "par heure", "minute": "par minute", "année": "par an", "personne": "par personne"}  # fmt: skip
PER_TIME = ("minute", "heure", "jour", "nuit", "semaine", "mois", "an", "année", "personne")  # after a noun as well

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

# Capitals of two or three letters that are words or names, and no acronyms.
SHORT_WORDS = set(
    """AA ACE ACT AGE AH AI AIE AIL AIR AIS AIT ALE ALI ALL AMI AMY AN ANA AND ANE ANN ANS APR ARC ARE ART AS ASK AU
    AUX AVE AXE AY BAH BAI BAL BAN BAR BAS BE BEC BEE BEL BEN BEY BI BIG BIO BIS BIT BLA BLE BOA BOB BOF BOL BON BOT
    BOX BOY BRR BRU BU BUD BUE BUG BUS BUT BYE BZZ CA CAB CAL CAP CAR CAS CAT CAY CE CES CET CHT CI CLE COL CON COQ
    COR COT COU CRE CRI CRU CUI CUL DA DAB DAD DAL DAN DAX DAY DE DEE DEI DES DIS DIT DIX DO DOC DOE DOG DOL DON DOS
    DOT DRU DU DUC DUE DUO DUR DUT EAU EGO EH ELU EMU EN END EON EPI ERE ERG ES EST ET ETE EU EUE EUH EUT EUX EVA EVE EX
    EYE FA FAC FAN FAR FAX FEE FER FEU FEZ FIL FIN FIS FIT FIX FLU FLY FOI FOR FOU FUN FUR FUS FUT FUX GAG GAI GAL
    GAN GAP GAS GAY GAZ GEL GEO GEX GIN GNU GO GOT GRE GRR GUE GUI GUN GUS GUY GYM HA HE HEM HEP HER HEU HEY HI HIC
    HIM HIP HIS HIT HMM HO HOP HOT HOU HOW HUE HUI HUM HUN IAN ICE ICI IDA IF IFS IL ILE ILS IN INN ION IRE ITS JAM
    JAN JAR JAS JAY JE JEN JET JEU JIM JOB JOE JOG JON JOY JUS KAY KEN KEY KID KIM KIT KRU LA LAC LAD LAI LAS LAW LE
    LEA LEE LEI LEK LEO LES LET LEU LEV LEX LEZ LI LIA LIE LIN LIS LIT LIZ LOB LOG LOI LOT LOU LOW LU LUC LUE LUI
    LUT LUX LYS MA MAC MAI MAL MAN MAO MAS MAT MAX MAY ME MEC MEN MEO MER MES MET MI MIA MIE MIL MIN MIR MIS MIT MIX MMM
    MOA MOB MOI MOM MON MOT MOU MU MUE MUM MUR MUS NA NAN NAY NE NED NEE NEF NEM NEO NET NEW NEZ NI NIA NIE NIL NO
    NOE NOM NON NOS NOT NOW NU NUE NUI NUL NUT OF OFF OH OIE OIL OLA OLD OLE ON ONC ONE ONT OPE OR ORB ORE ORS OS
    OSE OST OU OUF OUH OUI OUR OUT OWL OWN PAL PAN PAR PAS PAT PAU PAY PEN PEP PET PEU PFF PHO PIE PIF PIG PIN PIS
    PIU PLI PLU POP POT POU PRE PRO PRY PST PU PUE PUR PUS PUT PUY QU QUE QUI RAB RAI RAP RAS RAT RAY RAZ RE REA RED
    REG RHO RI RIA RIE RIM RIO RIS RIZ ROB ROC ROD ROI RON ROT ROY RUA RUE RUN RUS RUT RUZ SA SAC SAD SAM SAS SAX
    SAY SE SEA SEC SEE SEL SEN SES SET SEX SHE SI SIC SIR SIS SIX SKA SKI SKY SOC SOI SOL SON SOT SOU SOY SPA SPI
    STE SU SUC SUD SUE SUN SUR SUS TA TAC TAG TAI TAN TAO TAR TAS TAU TAX TE TEA TED TEE TEK TEL TEN TES TEX THE TIA
    TIC TIM TIN TIP TIR TO TOI TON TOP TOT TOY TRI TRY TU TUB TUE TUF TWO UGO UMA UN UNE UNS URE USE UVE VA VAL VAN
    VAR VAS VAU VER VET VIA VIC VIE VIF VIL VIN VIS VIT VOL VOS VS VU VUE WAR WAX WAY WE WEB WHO WHY WIN WOK WON WOW
    YAK YAM YEN YEP YES YET YO YOU ZAK ZEC ZEF ZEN ZIG ZIP ZOE ZOO ZOU ZUT ZZZ""".split()
)
# Acronyms that are said as words.
WORD_ACRONYMS = set(
    """ADIL AFNOR AMAP ANSES AREVA AXA BAC BAFA BIC BIM CAC CAF CAN CAQ CERN CHUV CNAM CNIL COP COVID DASS DDASS DOM
    DRAC ESAT ESPE ETA FED FIFA FNAC GAFA GAFAM GIEC GIF HALDE IFOP IGAS INA INPI INRA INSERM IRA KIA LASER LED LIDL
    LOL LOLF MEDEF NAF NASA OFPRA OK ONU OPEP OTAN OVNI PAC PAF PIC PUB RADAR RAID RAM REP RIB RIC ROM SACEM SAMU
    SAQ SCOP SCOT SEB SIDA SIM SIREN SIRET SMAC SMIC SMIG SMUR SPIP STAPS TAF TOC TOM TUC ULIS UNEF UNESCO UNICEF
    UNSA UQAM URSSAF ZAC ZAD ZEP""".split()
)
# Acronyms that are spelt, and look like words, or like shouting.
ACRONYMS_SPELT = set(
    """AAH ACDC ADN ADSL AEFE AESH AFD AFM AFP AIEA ALD AME AMF AMM AMO ANCT ANPE ANR ANSM AOC AOP AOT APE API APL ARD
    ARN ARS ASBL ASE ASSE ATP ATR ATU AVC AVS BAFD BCE BCPST BDE BEI BEP BEPC BHL BIA BPCO CAO CCAS CDAPH CDI CEA
    CEDH CEE CEI CEO CESC CFE CFECGC CHRU CHSLD CHU CIA CICR CIJ CIO CJCE CJUE CMUC COD COI CPAM CPE CPGE CPI CPME
    CPU CSA CSAPA CSE DAO DCE DCI DEA DESS DGA DGAC DGAL DGSE DGSI DIF DIU DMLA DPE DPO DSI DUERP EADS EBV ECG
    EDF EEE EEG EELV EFS EHS EIRL EMC EMG EMI ENS ENSTA ENT EPA EPCI EPF EPFL EPFZ EPO EPR EPS EPST ERP ESA ESB ESC
    ESCP ESG ESS ETF ETH ETI ETP EURL FAI FAO FAQ FCPE FCPI FIA FIV FMI FNSEA FSE FSU GEIE GES GIA GIE GIGN GIP GPA
    GPE GPU HAD HAS HATVP HBO HCE HDMI HEC HIV HTA IA IAA IAE IBM ICPE IDE IDF IEC IEEE IEN IEP IFI IFR IGF IGGN IGN
    IGP IGPN IHM IMC IMEI IMG INR IP IPCC IPO IPP IPR IRC IRL IRM IRSN ISBN ISF ISO ISRS ISS ISSN IST ITT IUFM IUP
    IUT IVG JAF JO LEP LFI LGBTI LGBTQI LGBTQIA LMDE LOA MDMA MICI MOE MPSI MSA NBA NPA NSI OACI OAS OCDE OCR
    OEA OEM OFB OFII OGCN OGM OIF OIM OIT OLP OM OMC OMPI OMS ONF ONG OPA OPC OPCVM OPH OPJ OPV OQTF ORL OSCE OUA
    PAI PAO PCSI PDA PEA PEE PEL PGI PIA PIB PMA PME PMI PMSI PNUD PNUE PPDA PSA PSE PSU QI QPC RATP RCA RDA RER RFA
    RFI RFID RGO RIF RIP RMI RSA RSE RSI RTE RUP SACD SARL SASU SAV SCA SCI SCPI SEO SFIO SIG SLA SNCF SNU SOS SSIAD
    SUV TAEG TAJ TCA TDAH TEG TER TGI TIG TIPP TPE TPI TSA TVA UAP UCI UCL UCLA UCPA UDC UDF UDI UDR UE UEM UEO UFC
    UFR UGC UHD UHF UHT UICN UIMM UIT ULM UMIH UML UMP UMR UNHCR UNPI UNRWA UPR URI URL URSS USA USB USM USMA UTBM
    UTC UTF UV UVA UVB VAE VIH VIP VOD VUL ZFE ZUS""".split()
)
# Words that are acronyms as well, and spelt after an article.
SPELT_AFTER_ARTICLES = set(
    """AI ARE BIT CA CAP CE DAB DAF DU DUT EPI ES EU MIT OIE PAL PLU SA SAS SEA SEP SES SPA""".split()
)
# Words of capitals that lack their accents, which are heard.
WITHOUT_ACCENTS = {"BLE": "blé", "CA": "ça", "CLE": "clé", "ETE": "été", "LEA": "Léa", "LEO": "Léo", "NOE": "Noé",
                   "PRE": "pré", "ZOE": "Zoé"}  # fmt: skip
# Acronyms that are said as words, and otherwise than espeak reads them.
ACRONYMS_READ_AS = {
    "ADEME": "adème", "CAPES": "capesse", "CEGEP": "cégep", "CNED": "cnède", "CNES": "cnesse", "CROUS": "crousse",
    "EHESS": "éesse", "EHPAD": "épade", "ENA": "éna", "ENSAE": "ensaé", "FLE": "fleu", "IKEA": "ikéa", "INED": "inède",
    "INSEE": "insé", "JPEG": "jipègue", "NUPES": "nupesse", "PACS": "paxe", "PIN": "pine", "SNES": "snesse",
    "UEFA": "uéfa", "ZUP": "zupe",
}  # fmt: skip
