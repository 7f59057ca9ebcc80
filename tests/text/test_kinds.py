"""What the front end once misread, by kind, with the marks that the table of readings does not see."""

import pytest

from ditar.text import TextError, normalise


def reads(*pairs):
    for written, spoken in pairs:
        assert normalise(written, dropped=[]) == spoken


def test_suffixes_of_either_case():
    reads(
        ("THE 21ST OF MAY", "the twenty first of May"),
        ("42ND STREET", "forty second street"),
        ("the 3rd and the 3RD", "the third and the third"),
        ("5 KG at 100 KM/H or 60 MPH", "five kilograms at one hundred kilometres per hour or sixty miles per hour"),
        ("10 AM, 10AM and 10 a.m.", "ten eigh M, ten eigh M and ten eigh M."),
    )


def test_differences_are_no_ranges_and_scores_have_no_inches():
    reads(
        ("10%-20% of it", "ten percent to twenty percent of it"),
        ("5% - 3% = 2%", "five percent — three percent equals two percent"),
        ("10/10 in the exam, 9/10 in maths", "ten out of ten in the exam, nine out of ten in maths"),
        ("5/8 in thick and 3/4 in. pipes", "five eighths inch thick and three quarters inch pipes"),
        ("1/2-in pipes", "one half inch pipes"),
    )


def test_articles_pronouns_and_versions():
    reads(
        ("The 1st of May, the 2nd of May and May 3rd", "the first of May, the second of May and May third"),
        ("He met Henry VIII, I think.", "He met Henry the eighth, I think."),
        ("In Act II, I died.", "In Act two, I died."),
        ("Elizabeth II, I and the King", "Elizabeth the second, I and the King"),
        ("Chapters I, II and III, or II, I and V", "Chapters one, two and three, or two, one and five"),
        ("v2.0.1, V3.11.4", "v two point zero point one, V three point eleven point four"),
        ("Use 1.2.3.", "Use one point two point three."),
    )


def test_replacements_begin_at_a_boundary():
    reads(
        ("US$5, A$5 and $5", "five U S dollars, five Australian dollars and five dollars"),
        ("MP3s and 3s", "M P threes and three seconds"),
        ("x5m and 5m", "x five m and five metres"),
        ("90° turn, 5 % off", "ninety degrees turn, five percent off"),
    )


def test_spaces_are_normalised_after_numbers_are_read():
    reads(
        ("1 000 000", "one million"),
        ("1\u202f000\u202f000 and 20\u00a0000", "one million and twenty thousand"),
        ("take 50 777s", "take fifty seven hundred seventy sevens"),
        ("In 2020 500 came", "In twenty twenty five hundred came"),
        ("5\u00a0km", "five kilometres"),
        ("555 123 4567", "five five five, one two three, four five six seven"),
    )


def test_an_s_is_seconds_a_decade_or_a_plural():
    reads(
        ("Wait 30s.", "Wait thirty seconds."),
        ("He is in his 30s.", "He is in his thirties."),
        ("1s and 0s", "ones and zeros"),
        ("1.5s", "one point five seconds"),
        ("80s music of the 1980s", "eighties music of the nineteen eighties"),
        ("two 747s, F-16s", "two seven hundred forty sevens, F sixteens"),
    )


def test_roman_numerals_of_kings_things_and_lists():
    reads(
        ("Elizabeth I ruled; Elizabeth and I left.", "Elizabeth the first ruled; Elizabeth and I left."),
        ("John Paul II", "John Paul the second"),
        ("Rocky II, Super Bowl LIV", "Rocky two, Super Bowl fifty four"),
        ("I, II, III", "one, two, three"),
        ("I, too, left.", "I, too, left."),
        ("an IV drip, Malcolm X, Plan V", "an I V drip, Malcolm X, Plan V"),
        ("MIX, CIVIL and MMXXIV", "mix, civil and twenty twenty four"),
    )


def test_powers_and_fractions_survive_compatibility_forms():
    reads(
        ("10⁻³, x², x²³", "ten to the power of minus three, x squared, x to the power of twenty three"),
        ("1½ and 11/2", "one and a half and eleven halves"),
        ("5 ㎡ and 5 m³", "five square metres and five cubic metres"),
        ("2½-inch", "two and a half inches"),
        ("CO₂, C₆H₁₂O₆", "C O two, C six H twelve O six"),
    )


def test_every_compatibility_letter_is_a_plain_one():
    reads(("ﬁve Ｆｕｌｌ 𝐛𝐨𝐥𝐝 ⓐ ㎏ ① Ⅳ", "five Full bold a kg one four"))


def test_minus_and_ranges():
    reads(
        ("5 − 3, −3 and 5–3", "five minus three, minus three and five to three"),
        ("5 - 3 = 2", "five minus three equals two"),
        ("$5-10, 5-10%", "five to ten dollars, five to ten percent"),
        ("1914-18, June 5-7", "nineteen fourteen to eighteen, June fifth to seventh"),
    )


def test_stops_of_abbreviations_are_the_sentences_only_at_its_end():
    reads(
        ("5 lbs. of flour", "five pounds of flour"),
        ("It weighs 5 lbs. The end.", "It weighs five pounds. The end."),
        ("24 hrs. later", "twenty four hours later"),
        ("5 ft. 3 in. tall", "five feet three inches tall"),
        ("5 St. John St.", "five Saint John Street."),
        ("on Elm St. They left", "on Elm Street. They left"),
        ("at 5 p.m. He left at 6 p.m. on time", "at five P M. He left at six P M on time"),
        ("Acme Inc. Then", "Acme Incorporated. Then"),
    )


def test_initials_hold_no_pause():
    reads(
        ("John F. Kennedy", "John F Kennedy"),
        ("by J. R. R. Tolkien and C.S. Lewis", "by J R R Tolkien and C S Lewis"),
        ("Take vitamin C. It helps.", "Take vitamin C. It helps."),
        ("He got a B. The rest failed.", "He got a B. The rest failed."),
    )


def test_acronyms_are_no_shouting():
    reads(("HTML and CSS", "H T M L and C S S"), ("TCP/IP", "T C P I P"), ("STOP THAT NOW", "stop that now"))


def test_greek_letters_and_mathematics_have_names():
    reads(
        ("α + β ≤ 5 Ω", "alpha plus beta at most five ohms"),
        ("∞", "infinity"),
        ("a ∈ b, 5‰", "a in b, five per mille"),
    )


def test_codes_are_read_figure_by_figure():
    reads(
        ("4111 1111 1111 1111", "four one one one, one one one one, one one one one, one one one one"),
        ("+44 20 7946 0958", "plus four four, two zero, seven nine four six, zero nine five eight"),
        ("ISBN 0-306-40615-X", "I S B N zero, three zero six, four zero six one five, X"),
        ("ZIP 90210", "Zip nine zero two one zero"),
    )


@pytest.mark.parametrize("language", ["de", "it", "es"])
def test_other_languages_keep_what_espeak_reads_itself(language):
    assert normalise("1 000 x² ½ 30s", language) == "1 000 x² ½ 30s"
    assert normalise("ﬁ ＡＢ ①", language) == "fi AB 1"


def test_more_than_one_whole_is_a_fraction_a_time_signature_or_a_mark():
    reads(
        ("7/4, 3/2 and 22/7", "seven quarters, three halves and twenty two over seven"),
        ("in 7/4 time, 3/4 bars", "in seven four time, three four bars"),
        ("10/10 and 100/10", "ten out of ten and one hundred over ten"),
        ("5/0", "five over zero"),
        ("on 7/4", "on July fourth"),
        ("1/10th, 3/4ths, 5th/6th", "one tenth, three quarters, fifth or sixth"),
    )


def test_figures_of_other_countries():
    reads(
        ("1,5 or 2,75 kg, 0,125", "one point five or two point seven five kilograms, zero point one two five"),
        ("pages 1,5 and 7; 1,5,7; (1,5)", "pages one, five and seven; one, five, seven; (one, five)"),
        ("May 3,2024 and 1,800", "May third, twenty twenty four and one thousand eight hundred"),
        ("€1.234,56", "one thousand two hundred thirty four euros and fifty six cents"),
        ("1.234.567 at 192.168.100.200", "one million two hundred thirty four thousand five hundred sixty seven at one "
         "hundred ninety two point one hundred sixty eight point one hundred point two hundred"),
        ("₹2,50,000", "two hundred fifty thousand rupees"),
    )  # fmt: skip


def test_currencies_of_letters():
    reads(
        ("kr 50 or 50 kr. each", "fifty kroner or fifty kroner each"),
        ("It costs 50 kr. The end.", "It costs fifty kroner. The end."),
        ("It cost 50 USD. 20 paid.", "It cost fifty U S dollars. twenty paid."),
        ("R$ 5, Rp 50.000, 30 zł", "five Brazilian reais, fifty thousand rupiah, thirty zlotys"),
    )


def test_models_and_codes_in_the_plural_are_no_seconds():
    reads(
        ("777s", "seven hundred seventy sevens"),
        ("Boeing 747s, size 8s, HTTP 404s",
         "Boeing seven hundred forty sevens, size eights, H T T P four hundred fours"),
        ("wait 777s, Timeout 300s", "wait seven hundred seventy seven seconds, Timeout three hundred seconds"),
    )  # fmt: skip


def test_durations_and_clocks_without_spaces():
    reads(
        ("1h30m, 1m30s, 2h30", "one hour thirty minutes, one minute thirty seconds, two hours thirty minutes"),
        ("at 19h30 or 08h05", "at nineteen thirty or eight oh five"),
    )


def test_slashes_of_letters_rates_and_words():
    reads(
        ("I/O, A/C and N/A", "I O, eigh C and N eigh"),
        ("km/hour, lbs/sq in, in/out", "kilometres per hour, pounds per square inch, in or out"),
        ("s/he and / or his/her", "she or he and or his or her"),
    )


def test_names_of_files():
    reads(
        ("See file.PDF and notes.v2.txt.", "See file dot P D F and notes dot v two dot T X T."),
        ("I left.Then", "I left.Then"),
    )


def test_a_footnotes_number_is_left_out_and_named():
    dropped = []
    assert normalise("They said¹ so, word².", dropped=dropped) == "They said so, word."
    assert dropped == ["¹", "²"]
    with pytest.raises(TextError, match="SUPERSCRIPT ONE"):
        normalise("They said¹ so.")


# Each kind with counter-examples, which stay as they are.
KINDS = {
    "numbers after an ellipsis or a stop without space": [
        ("Wait...5 minutes", "Wait... five minutes"),
        ("So…3 kg left", "So... three kilograms left"),
        ("Hello.5 people", "Hello. five people"),
        ("Jan.5 and No.5", "January fifth and number five"),
        (".5, -.5 and $.75", "zero point five, minus zero point five and seventy five cents"),
        ("v1.5 of 2.0", "v one point five of two point zero"),
        ("GPL v.2 or v. 3", "G P L v two or v three"),
        ("H.264 and X.509", "H two six four and X five zero nine"),
        ("He said . . . nothing", "He said... nothing"),
    ],
    "underscores": [
        ("john_doe@x.com", "john underscore doe at x dot com"),
        ("https://x.com/a_user/5", "x dot com slash a underscore user slash five"),
        ("see x.com/a_b", "see x dot com slash a underscore b"),
        ("__init__, snake_case and my_file.txt", "init, snake case and my file dot T X T"),
    ],
    "scores": [
        ("an 8/10, a 17/20", "an eight out of ten, a seventeen out of twenty"),
        ("He got 8/10 and scored it 4/5", "He got eight out of ten and scored it four out of five"),
        ("4.5/5 and 8.5/10", "four point five out of five and eight point five out of ten"),
        ("95/100, 11/10, 4/5 from me", "ninety five out of one hundred, eleven out of ten, four out of five from me"),
        ("1/2, 3/4, 7/10 and 3/20", "one half, three quarters, seven tenths and three twentieths"),
        ("3.5/4 and gave 3/4", "three point five out of four and gave three quarters"),
        ("gave 1/10 of it, 4/5 of us", "gave one tenth of it, four fifths of us"),
        ("a 1/10 scale, a 3/10 mile", "a one tenth scale, a three tenths mile"),
    ],
    "emphasis is no acronym": [
        ("He was so MAD. What FUN, BOB!", "He was so mad. What fun, bob!"),
        ("Please just DO IT", "Please just do it"),
        ("It is about US.", "It is about us."),
        ("shipped to US. Go", "shipped to U S. Go"),
        ("He left the US for IT work, about US politics", "He left the U S for I T work, about U S politics"),
        ("the SEC, VAT, RIP, ADD and DOT rules", "the S E C, V eigh T, R I P, eigh D D and D O T rules"),
    ],
    "acronyms of four letters": [
        ("the NCAA and the ACLU", "the N C eigh eigh and the eigh C L U"),
        ("USAID, a SIM card, a LAN", "U S aid, a Sim card, a Lan"),
        ("a VERY good thing", "a very good thing"),
    ],
    "acronyms next to a slash": [
        ("HIV/AIDS is", "H I V Aids is"),
        ("UI/UX design", "U I U X design"),
        ("an AM/FM radio", "an eigh M F M radio"),
        ("FBI/CIA", "F B I C I eigh"),
        ("he did AND/OR she did", "he did and or she did"),
        ("yes/no", "yes or no"),
        ("either/or", "either or"),
    ],
    "slashes of shares, seasons, rates, paths": [
        ("the 80/20 rule, 60/40, 20/20 vision", "the eighty twenty rule, sixty forty, twenty twenty vision"),
        ("30/60", "thirty over sixty"),
        ("2023/24, 2019/2020", "twenty twenty three twenty four, twenty nineteen twenty twenty"),
        ("FY23/24", "F Y twenty three twenty four"),
        ("1999/00 and 2020/7", "nineteen ninety nine two thousand and two thousand twenty over seven"),
        ("1/day, 3x/week, 2 pills/day", "one per day, three times per week, two pills per day"),
        ("po/hr.po and po/mr.po", "po or hr.po and po or mr.po"),
        ("day/night, day/week/month", "day or night, day or week or month"),
        ("n/a", "N eigh"),
        ("05/2026, 5/2026", "May twenty twenty six, five over two thousand twenty six"),
        ("/usr/local/bin", "slash usr slash local slash bin"),
        ("in C:/Users/bob", "in C colon slash Users slash bob"),
        ("./src or ../x", "dot slash src or dot dot slash x"),
        ("5 mg/kg/day", "five milligrams per kilogram per day"),
        ("path/to/file.py", "path slash to slash file dot P Y"),
        ("r/AskReddit, u/bob", "r slash AskReddit, u slash bob"),
        ("him/her and in/out w/o", "him or her and in or out without"),
    ],
    "dots in names": [
        ("claude.ai, twitch.tv, t.me/foo", "claude dot ai, twitch dot tv, t dot me slash foo"),
        ("docs.rs/a, e.g./i.e. so", "docs dot rs slash a, for example, slash that is, so"),
        ("the .NET way, a .env file", "the dot N E T way, a dot env file"),
        ("I left.So it.me did. Stop.AI", "I left.So it.me did. Stop.eigh I"),
        ("He left .how", "He left.how"),
    ],
    "letters with stops in small letters": [
        ("a.k.a. Bob", "eigh K eigh Bob"),
        ("e.e. cummings, e.g. this, i.e. that", "E E cummings, for example, this, that is, that"),
        ("60 m.p.h. on it", "sixty miles per hour on it"),
        ("ask mr. jones and dr. smith", "ask Mister jones and Doctor smith"),
    ],
    "signs of several characters": [
        ("A -> B, x => y", "A to B, x to y"),
        ("a != b, a >= b, a <= b", "a is not equal to b, a at least b, a at most b"),
        ("Settings > General > About", "Settings, General, About"),
        ("File > Open, Messi > Ronaldo", "File, Open, Messi greater than Ronaldo"),
        ("x > y, 3 > 2", "x greater than y, three greater than two"),
        ("SELECT * FROM t, 5 * 3", "select star from t, five times three"),
    ],
    "N in N": [
        ("2-in-1, 4-in-a-row", "two-in-one, four-in-a-row"),
        ("a 5-in pipe", "a five inch pipe"),
    ],
    "ranges": [
        ("5–7 May", "the fifth to the seventh of May"),
        ("Jan–Mar 2021, June–August", "January to March twenty twenty one, June to August"),
        ("Jan 5–Feb 6", "January fifth to February sixth"),
        ("in March — May was hot, in 2019 — now he is", "in March — May was hot, in twenty nineteen — now he is"),
        ("CC0-1.0, 1.5-2 m", "C C zero-one point zero, one point five to two metres"),
        ("3x - 2x", "three times — two times"),
        ("Monday–Friday, 2019–present", "Monday to Friday, twenty nineteen to present"),
        ("10am–noon", "ten eigh M to noon"),
        ("10%-20%, 10kg–15kg", "ten percent to twenty percent, ten kilograms to fifteen kilograms"),
        ("30°C-40°C, 5k-10k", "thirty degrees Celsius to forty degrees Celsius, five thousand to ten thousand"),
        ("1.5–2.5, 1,000–2,000", "one point five to two point five, one thousand to two thousand"),
        ("1980s–90s, 1920s-30s, 1980s-1990s",
         "nineteen eighties to nineties, nineteen twenties to thirties, nineteen eighties to nineteen nineties"),
        ("Ps. 23:1-4, Rom. 8:28", "Psalm twenty three one to four, Romans eight twenty eight"),
        ("3.5-2.1=1.4", "three point five-two point one equals one point four"),
        ("may-june, 5 kg - 3 m", "may-june, five kilograms — three metres"),
    ],
    "money before a noun": [
        ("a $5-million grant", "a five million dollar grant"),
        ("the $3 trillion economy", "the three trillion dollar economy"),
        ("a 10-year, $100 million deal", "a ten-year, one hundred million dollar deal"),
        ("$2T, Rs 500/-", "two trillion dollars, five hundred rupees"),
        ("the $5 he paid, the $5 that I paid", "the five dollars he paid, the five dollars that I paid"),
        ("the $5 remaining", "the five dollars remaining"),
        ("the $50 spent on it", "the fifty dollars spent on it"),
    ],
    "telephones": [
        ("(212)555-1234", "two one two, five five five, one two three four"),
        ("2125551234", "two one two, five five five, one two three four"),
        ("1-800-FLOWERS", "one, eight hundred, flowers"),
        ("the 911 call, 911 people", "the nine one one call, nine hundred eleven people"),
        ("$2000000000", "two billion dollars"),
    ],
    "states": [
        ("Portland, OR 97201", "Portland, Oregon nine seven two zero one"),
        ("Bangor, ME 04101", "Bangor, Maine zero four one zero one"),
        ("yes, OR 12345 of them", "yes, or one two three four five of them"),
    ],
    "dates of machines": [
        ("2023-10-12T14:30:00Z", "October twelfth, twenty twenty three, fourteen thirty and zero seconds"),
        ("15-Apr-2023, Apr-2023", "the fifteenth of April, twenty twenty three, April twenty twenty three"),
        ("A.D. 1066", "eigh D ten sixty six"),
        ("9 A. M. to 5", "nine eigh M to five"),
    ],
    "parts next to a sign": [
        ("2½%, 3½-day, 1-1/2 cups", "two and a half percent, three and a half-day, one and a half cups"),
        ("1-2, 5/6", "one to two, five sixths"),
    ],
    "signs after figures and letters": [
        ("C# and F#", "C sharp and F sharp"),
        ("an A+ grade", "an eigh plus grade"),
        ("8+ GB, 5+ in all", "eight plus gigabytes, five plus in all"),
        ("10' x 12', 6' tall", "ten feet by twelve feet, six feet tall"),
        ("the '60' and '5' tall", "the 'sixty' and 'five' tall"),
        ("120/80 mmHg", "one hundred twenty over eighty millimetres of mercury"),
        ("It is –3, 5 –7", "It is minus three, five to seven"),
        ("x<sup>2</sup>", "x squared"),
    ],
    "headings of one number": [
        ("II.", "two."),
        ("XIV", "fourteen"),
        ("VAT", "V eigh T"),
        ("an XL shirt", "an X L shirt"),
    ],
    "titles without a space": [
        ("Dr.Smith, Mr.Jones", "Doctor Smith, Mister Jones"),
        ("I left.Then", "I left.Then"),
    ],
    "short shouting and interjections": [
        ("HA HA HA!", "ha ha ha!"),
        ("He said HA HA and BOO.", "He said ha ha and boo."),
        ("TIK TOK", "tik tok"),
        ("GAS TAX.", "gas tax."),
        ("TA DA!", "ta da!"),
        ("FBI/CIA, UI/UX", "F B I C I eigh, U I U X"),
        ("the TA and the HMM, the DA", "the T eigh and the H M M, the D eigh"),
    ],
    "faces between sentences": [
        ("That is cool :) But no.", "That is cool. But no."),
        ("I love it :)\nSee you", "I love it. See you"),
        ("Cool :) :D Then go", "Cool. Then go"),
        ("Hi :) there, yes! :) No", "Hi there, yes! No"),
        ("Bye :o)", "Bye"),
    ],
    "lists that end in a time": [
        ("first/second half", "first or second half"),
        ("third/second-floor", "third or second-floor"),
        ("make/model/year, author/year", "make or model or year, author or year"),
        ("start/end/second, him/her/day", "start or end or second, him or her or day"),
        ("3 pills/day, 1/day, 40 hours/week", "three pills per day, one per day, forty hours per week"),
        ("metre/second, cost/month", "metre per second, cost per month"),
    ],
    "ten figures that are a quantity": [
        ("2147483647",
         "two billion one hundred forty seven million four hundred eighty three thousand six hundred forty seven"),
        ("3456789000 won", "three billion four hundred fifty six million seven hundred eighty nine thousand won"),
        ("Loss of 6543000000 or 2345000000 votes",
         "Loss of six billion five hundred forty three million or two billion three hundred forty five million votes"),
        ("Call 2125551234 now, or 2125551234 this week", "Call two one two, five five five, one two three four now, or "
         "two one two, five five five, one two three four this week"),
    ],
    "ranges of fractions": [
        ("1/2-3/4 cup", "one half to three quarters cup"),
        ("1/4-1/2 inch, 1/2–3/4-inch", "one quarter to one half inch, one half to three quarters inch"),
        ("1-1/2 inches, 2-1/2 cups", "one and a half inches, two and a half cups"),
    ],
    "versions before a letter": [
        ("3.11.0b1 and 1.0.0a1", "three point eleven point zero B one and one point zero point zero eigh one"),
        ("0.9.8zh, v1.2.3rc1", "zero point nine point eight Z H, v one point two point three R C one"),
        ("2.0.0beta", "two point zero point zero beta"),
        ("31.12.1999", "December thirty first, nineteen ninety nine"),
    ],
    "names before a figure": [
        ("Matt. 5:3 and Phil. 2:3", "Matthew five three and Philippians two three"),
        ("Later, Phil. 20 came", "Later, Phil. twenty came"),
        ("I saw Max.", "I saw Max."),
        ("Max. 5 people, max. speed", "maximum five people, maximum speed"),
    ],
    "money before a verb": [
        ("this $5 makes a difference", "this five dollars makes a difference"),
        ("this $5 bill, a $10-an-hour job", "this five dollar bill, a ten dollar-an-hour job"),
        ("Apple's $999 iPhone", "Apple's nine hundred ninety nine dollar iPhone"),
        ("the bank’s $2.5 billion deal, the workers' $15 wage",
         "the bank's two point five billion dollar deal, the workers' fifteen dollar wage"),
        ("my $20 bill, their $5 million home", "my twenty dollar bill, their five million dollar home"),
        ("It's $5 cash. She's $5 short, that’s $9 cash.",
         "It's five dollars cash. She's five dollars short, that's nine dollars cash."),
        ("Apple's $999 is a lot.", "Apple's nine hundred ninety nine dollars is a lot."),
        ("gave her $5 cash", "gave her five dollars cash"),
    ],
    "shares that are no scores": [
        ("He gave 1/5 to charity", "He gave one fifth to charity"),
        ("He gave it 1/5", "He gave it one out of five"),
        ("I gave 8/10", "I gave eight out of ten"),
    ],
    "signs, systems, paths, pages": [
        ("=beep!= he", "equals beep! equals he"),
        ("a!=b, a>=b", "a is not equal to b, a at least b"),
        ("HTTP/2, HTTP/1.1", "H T T P two, H T T P one point one"),
        ("OS/2, AS/400, yes/2", "O S two, eigh S four hundred, yes or two"),
        ("~/.bashrc", "tilde slash dot bashrc"),
        ("pg13, pg-13, pg 13", "P G thirteen, P G thirteen, page thirteen"),
        ("details.\n .\n You", "details. You"),
    ],
    "drives and doctors": [
        ("at 5 Elm Dr. He said so", "at five Elm Drive. He said so"),
        ("I asked Dr. He", "I asked Doctor He"),
        ("When Dr. He came to Dr. No", "When Doctor He came to Doctor No"),
    ],
    "capitals that are no state": [
        ("IN 20000 cases, IN 20500 cases", "in twenty thousand cases, in twenty thousand five hundred cases"),
        ("OR 50000 users", "or fifty thousand users"),
        ("Gary, IN 46400", "Gary, Indiana four six four zero zero"),
        ("dated 12/05", "dated December fifth"),
    ],
    "books": [
        ("Vol. II, Ch. IV", "volume two, chapter four"),
        ("pp. xi and p. 5", "pages eleven and page five"),
        ("an IV drip", "an I V drip"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("written", "spoken"), [pair for pairs in KINDS.values() for pair in pairs], ids=lambda text: text[:30]
)
def test_kinds(written, spoken):
    assert normalise(written, dropped=[]) == spoken
