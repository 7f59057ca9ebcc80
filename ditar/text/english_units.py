"""Currencies and units of measure: data only."""

# Sign: one, many, one hundredth, many hundredths.
CURRENCIES = {
    "$": ("dollar", "dollars", "cent", "cents"), "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"), "¥": ("yen", "yen", "sen", "sen"), "¢": ("cent", "cents", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"), "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "kopek", "kopeks"),
    "₺": ("lira", "lira", "kurush", "kurush"), "₿": ("bitcoin", "bitcoins", "", ""), "₫": ("dong", "dong", "", ""),
    "₦": ("naira", "naira", "kobo", "kobo"), "₱": ("peso", "pesos", "centavo", "centavos"),
    "฿": ("baht", "baht", "", ""),
    "₪": ("shekel", "shekels", "agora", "agorot"), "₴": ("hryvnia", "hryvnias", "", ""),
    "₡": ("colon", "colones", "", ""),
    "₵": ("cedi", "cedis", "", ""), "₨": ("rupee", "rupees", "paisa", "paise"), "₲": ("guarani", "guaranis", "", ""),
    "₸": ("tenge", "tenge", "", ""), "₼": ("manat", "manats", "", ""), "₾": ("lari", "lari", "", ""),
}  # fmt: skip
# Before the dollar sign.
COUNTRIES = {
    "US": "U S", "CAN": "Canadian", "CA": "Canadian", "C": "Canadian", "AUD": "Australian", "AU": "Australian",
    "A": "Australian", "NZ": "New Zealand", "HK": "Hong Kong", "SG": "Singapore", "S": "Singapore", "NT": "New Taiwan",
    "MX": "Mexican",
}  # fmt: skip
_CENTS = ("cent", "cents")
CODES = {
    "USD": ("U S dollar", "U S dollars", *_CENTS), "EUR": ("euro", "euros", *_CENTS),
    "GBP": ("pound", "pounds", "penny", "pence"), "JPY": ("yen", "yen", "", ""), "CNY": ("yuan", "yuan", "fen", "fen"),
    "RMB": ("yuan", "yuan", "fen", "fen"), "INR": ("rupee", "rupees", "paisa", "paise"),
    "CAD": ("Canadian dollar", "Canadian dollars", *_CENTS),
    "AUD": ("Australian dollar", "Australian dollars", *_CENTS),
    "NZD": ("New Zealand dollar", "New Zealand dollars", *_CENTS), "CHF": ("Swiss franc", "Swiss francs", "", ""),
    "HKD": ("Hong Kong dollar", "Hong Kong dollars", *_CENTS),
    "SGD": ("Singapore dollar", "Singapore dollars", *_CENTS),
    "SEK": ("Swedish krona", "Swedish kronor", "", ""), "NOK": ("Norwegian krone", "Norwegian kroner", "", ""),
    "DKK": ("Danish krone", "Danish kroner", "", ""), "PLN": ("zloty", "zlotys", "", ""),
    "RUB": ("ruble", "rubles", "", ""), "KRW": ("won", "won", "", ""),
    "BRL": ("Brazilian real", "Brazilian reais", "", ""),
    "MXN": ("Mexican peso", "Mexican pesos", "", ""), "ZAR": ("rand", "rand", "", ""),
    "BTC": ("bitcoin", "bitcoins", "", ""), "THB": ("Thai baht", "Thai baht", "", ""),
    "AED": ("dirham", "dirhams", "", ""), "SAR": ("riyal", "riyals", "", ""), "EGP": ("Egyptian pound",) * 2 + ("", ""),
    "CZK": ("Czech koruna", "Czech korunas", "", ""), "HUF": ("forint", "forints", "", ""),
    "ISK": ("Icelandic krona", "Icelandic kronur", "", ""), "ILS": ("shekel", "shekels", "", ""),
    "IDR": ("rupiah", "rupiah", "", ""), "MYR": ("ringgit", "ringgit", "sen", "sen"),
    "TWD": ("New Taiwan dollar", "New Taiwan dollars", *_CENTS), "UAH": ("hryvnia", "hryvnias", "", ""),
    "NGN": ("naira", "naira", "kobo", "kobo"), "VND": ("dong", "dong", "", ""),
}  # fmt: skip
# Letters of other cases that stand for a currency; those of DOTTED_SIGNS with or without a full stop.
LETTERED = {
    "Rs": ("rupee", "rupees", "paisa", "paise"), "kr": ("krone", "kroner", "øre", "øre"),
    "Kr": ("krone", "kroner", "øre", "øre"), "Rp": ("rupiah", "rupiah", "", ""), "zł": ("zloty", "zlotys", "", ""),
    "Kč": ("Czech koruna", "Czech korunas", "", ""), "RM": ("ringgit", "ringgit", "sen", "sen"),
    "R$": ("Brazilian real", "Brazilian reais", "centavo", "centavos"),
}  # fmt: skip
DOTTED_SIGNS = ("Rs", "kr", "Kr", "Rp")
SCALES = ("thousand", "million", "billion", "trillion")

UNITS = {
    "m": ("metre", "metres"), "km": ("kilometre", "kilometres"), "cm": ("centimetre", "centimetres"),
    "dm": ("decimetre", "decimetres"), "mm": ("millimetre", "millimetres"), "µm": ("micrometre", "micrometres"),
    "nm": ("nanometre", "nanometres"), "mi": ("mile", "miles"), "in": ("inch", "inches"), "inch": ("inch", "inches"),
    "ft": ("foot", "feet"), "yd": ("yard", "yards"), "yds": ("yard", "yards"), "ha": ("hectare", "hectares"),
    "m.p.h": ("mile per hour", "miles per hour"), "m.p.g": ("mile per gallon", "miles per gallon"),
    "r.p.m": ("revolution per minute", "revolutions per minute"),
    "mph": ("mile per hour", "miles per hour"), "kph": ("kilometre per hour", "kilometres per hour"),
    "kmh": ("kilometre per hour", "kilometres per hour"), "mpg": ("mile per gallon", "miles per gallon"),
    "kg": ("kilogram", "kilograms"), "kgs": ("kilogram", "kilograms"), "g": ("gram", "grams"),
    "mg": ("milligram", "milligrams"), "µg": ("microgram", "micrograms"), "mcg": ("microgram", "micrograms"),
    "lb": ("pound", "pounds"), "lbs": ("pound", "pounds"), "oz": ("ounce", "ounces"),
    "l": ("litre", "litres"), "L": ("litre", "litres"), "dl": ("decilitre", "decilitres"),
    "cl": ("centilitre", "centilitres"),
    "ml": ("millilitre", "millilitres"), "mL": ("millilitre", "millilitres"), "µL": ("microlitre", "microlitres"),
    "gal": ("gallon", "gallons"), "qt": ("quart", "quarts"), "pt": ("pint", "pints"), "pts": ("points", "points"),
    "tsp": ("teaspoon", "teaspoons"), "tbsp": ("tablespoon", "tablespoons"), "fl oz": ("fluid ounce", "fluid ounces"),
    "cc": ("c c", "c c"), "Hz": ("hertz", "hertz"), "kHz": ("kilohertz", "kilohertz"),
    "MHz": ("megahertz", "megahertz"),
    "GHz": ("gigahertz", "gigahertz"), "kB": ("kilobyte", "kilobytes"), "KB": ("kilobyte", "kilobytes"),
    "MB": ("megabyte", "megabytes"), "GB": ("gigabyte", "gigabytes"), "TB": ("terabyte", "terabytes"),
    "PB": ("petabyte", "petabytes"), "KiB": ("kibibyte", "kibibytes"), "MiB": ("mebibyte", "mebibytes"),
    "GiB": ("gibibyte", "gibibytes"), "kb": ("kilobit", "kilobits"), "Mb": ("megabit", "megabits"),
    "Gb": ("gigabit", "gigabits"), "bps": ("bit per second", "bits per second"),
    "kbps": ("kilobit per second", "kilobits per second"), "Kbps": ("kilobit per second", "kilobits per second"),
    "Mbps": ("megabit per second", "megabits per second"), "Gbps": ("gigabit per second", "gigabits per second"),
    "fps": ("frame per second", "frames per second"), "bpm": ("beat per minute", "beats per minute"),
    "rpm": ("revolution per minute", "revolutions per minute"), "dpi": ("dot per inch", "dots per inch"),
    "psi": ("P S I", "P S I"), "px": ("pixel", "pixels"), "MP": ("megapixel", "megapixels"),
    "dB": ("decibel", "decibels"),
    "W": ("watt", "watts"), "kW": ("kilowatt", "kilowatts"), "MW": ("megawatt", "megawatts"),
    "GW": ("gigawatt", "gigawatts"),
    "Wh": ("watt hour", "watt hours"), "kWh": ("kilowatt hour", "kilowatt hours"),
    "MWh": ("megawatt hour", "megawatt hours"),
    "mAh": ("milliamp hour", "milliamp hours"), "Ah": ("amp hour", "amp hours"), "mA": ("milliamp", "milliamps"),
    "V": ("volt", "volts"), "mV": ("millivolt", "millivolts"), "kV": ("kilovolt", "kilovolts"),
    "Ω": ("ohm", "ohms"), "kΩ": ("kilohm", "kilohms"), "MΩ": ("megohm", "megohms"),
    "kJ": ("kilojoule", "kilojoules"),
    "cal": ("calorie", "calories"), "kcal": ("kilocalorie", "kilocalories"), "Pa": ("pascal", "pascals"),
    "kPa": ("kilopascal", "kilopascals"), "hPa": ("hectopascal", "hectopascals"),
    "mmHg": ("millimetre of mercury", "millimetres of mercury"),
    "ns": ("nanosecond", "nanoseconds"), "µs": ("microsecond", "microseconds"), "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds"), "sec": ("second", "seconds"), "secs": ("second", "seconds"),
    "min": ("minute", "minutes"),
    "mins": ("minute", "minutes"), "h": ("hour", "hours"), "hr": ("hour", "hours"), "hrs": ("hour", "hours"),
    "wk": ("week", "weeks"), "wks": ("week", "weeks"), "mo": ("month", "months"), "mos": ("month", "months"),
    "yr": ("year", "years"), "yrs": ("year", "years"), "sq ft": ("square foot", "square feet"),
    "sq. ft": ("square foot", "square feet"), "sq mi": ("square mile", "square miles"),
    "sq m": ("square metre", "square metres"), "sq in": ("square inch", "square inches"),
    "cu ft": ("cubic foot", "cubic feet"),
}  # fmt: skip
# Abbreviations that are written with a full stop.
DOTTED = set(
    """in ft yd yds mi lb lbs oz gal qt pt pts tsp tbsp sec secs min mins hr hrs wk wks mo mos yr yrs kg km cm mm
    cal h m m.p.h m.p.g r.p.m""".split()
) | {"sq ft", "sq. ft", "sq mi", "fl oz", "cu ft"}
# After a slash.
PER = {
    "h": "hour", "hr": "hour", "hrs": "hour", "hour": "hour", "s": "second", "sec": "second", "second": "second",
    "min": "minute", "minute": "minute", "day": "day", "d": "day", "night": "night", "wk": "week", "week": "week",
    "mo": "month", "month": "month", "yr": "year", "year": "year", "person": "person", "user": "user", "unit": "unit",
    "piece": "piece", "each": "each", "km": "kilometre", "m": "metre",
    "cm": "centimetre", "mi": "mile", "mile": "mile", "ft": "foot", "sq ft": "square foot", "sq in": "square inch",
    "kg": "kilogram", "g": "gram",
    "lb": "pound", "oz": "ounce", "l": "litre", "L": "litre", "dL": "decilitre", "dl": "decilitre", "mL": "millilitre",
    "ml": "millilitre", "gal": "gallon", "GB": "gigabyte", "MB": "megabyte", "kWh": "kilowatt hour", "call": "call",
}  # fmt: skip
