"""Markup that must not be spoken: tags, entities, Markdown's marks and the colours of terminals are removed before a
text is read."""

import html
import re

_ATTRIBUTE = r"""\s{1,9}[\w:-]{1,40}\s?=\s?(?:"[^"<>]{0,200}"|'[^'<>]{0,200}'|[^\s"'<>]{1,200})"""
_TAG = re.compile(
    rf"<!--.{{0,400}}?-->|<[?!]\w[^<>]{{0,400}}>|</?(?P<name>[A-Za-z][\w:.-]{{0,40}})(?:{_ATTRIBUTE}){{0,20}}\s{{0,9}}/?>",
    re.S,
)
# These occur inside words, too; other tags separate words.
_INLINE = set("a abbr b bdi big cite code del dfn em emphasis font i ins kbd mark phoneme prosody q s samp".split())
_INLINE |= set("say-as small span strike strong sub sup tt u var voice w".split())
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_TERMINAL = re.compile(r"\x1b\[[0-9;?]{0,40}[ -/]{0,4}[@-~]")
# Markdown. A mark counts if it touches what it marks; between figures and letters it is a sign of arithmetic.
_URL = r"(?:[^\s()]|\([^\s()]{0,100}\)){1,400}(?:\s\"[^\"\n]{0,100}\")?"
_LINK = re.compile(
    rf"!?\[(?!\d{{1,3}}\]\[)(?P<text>[^\[\]\n]{{1,200}})\](?P<mark>\({_URL}\))"
)
# By number only, since `[in][out]` and `[Ctrl][C]` are pairs; an index follows a word, or a list of figures.
_REFERENCE = re.compile(
    r"(?<![\w\])])\[(?=[^\[\]\n]{0,200}[^\W\d_])(?P<text>[^\[\]\n]{2,200})\](?P<mark>\[[1-9]\d{0,2}\])(?![\w(\[])"
)
_NOTE = re.compile(r"(?<=[.,;:!?\"'”’])(?:\[\d{1,3}\])+(?![\w(\[])|\[\^\w{1,20}\]:?|【[^【】\n]{1,40}】")
_RAISED = re.compile(r"(?<=[\w)])<sup>([23])</sup>", re.I)
_AUTOMATIC_LINK = re.compile(r"<(?P<text>https?://[^\s<>]{1,400}|[\w.+-]{1,64}@[\w.-]{1,200})>")
_LINE = re.compile(
    r"^[^\S\n]{0,9}(?P<mark>#{1,6}(?=\s)|>(?=\s)|[-*+][^\S\n]+\[[ xX]\](?=\s)|[*+](?=\s+[^\s\d])"
    r"|(?:\*{3,}|-{3,}|={3,})$|```\w*$)",
    re.M,
)
_ROW = re.compile(r"^[^\S\n]{0,9}\|([^\n]*)$", re.M)
_SEPARATOR = re.compile(r"(?<=[.!?:;])\n[^\S\n]{0,9}\.[^\S\n]{0,9}(?=\n)")  # Debian's, between paragraphs
_RULE = re.compile(r"[-:|\s]+")
_FORMULA = re.compile(r"\$(?=[A-Za-z\\])(?P<text>[^$\n]{0,100}[^$\s])\$(?![\w$])")
# Faces and hearts of keyboards. `<3` is one where no arithmetic is: at the start of a line, or at its end after a word.
_FACE = re.compile(
    r"(?<!\S)(?:[:;]o\)|[:;][-']?[()DPpOo/|*]|=[()]|xD+|\^_*\^|[Tt]_[Tt]|-_+-|[Oo]_[Oo])(?![^\s.,!?)])"
    r"|(?m:^)<3+(?=\s|$)|(?:(?<=[^\W\d][^\W\d] )|(?<=[.,!?] ))<3+(?=[!.]*(?:\s*$|\s*\n))"
)
_WORD_AFTER = re.compile(rf"(?:\s{{1,9}}(?:{_FACE.pattern})){{0,3}}\s{{1,9}}[\"'“‘(]?([^\W\d_])")
_AROUND = re.compile(
    r"(?<![\w*~`])(?P<mark>\*{1,3}|~~|`{1,3})(?=[^\s*~`])(?P<text>[^*~`\n]{1,400})(?<=[^\s*~`])(?P=mark)(?![\w*~`])"
)
_STARS = re.compile(
    r"(?<![\d*\s])\*++(?=[\s.,;:!?)\"']|$)|(?<![\w*)\s])\*{2,}+|(?<!\*)\*{2,}+(?![\w(\s])|(?<=\s)\*{2,}+(?=[^\W\d])"
)


def without_markup(text: str) -> tuple[str, list[str]]:
    """`text` without tags, Markdown's marks and terminals' sequences, and these, in order; entities such as `&amp;`
    become what they mean."""
    left_out: list[str] = []

    def tag(match: re.Match) -> str:
        left_out.append(match[0])
        return "" if (match["name"] or "").lower() in _INLINE else " "

    def around(match: re.Match) -> str:
        left_out.append(match["mark"])
        return match["text"]

    def mark(match: re.Match) -> str:
        left_out.append(match[0].strip())
        return ""

    def face(match: re.Match) -> str:
        left_out.append(match[0].strip())
        word = _WORD_AFTER.match(match.string, match.end())
        # Where a face stands between two sentences, people leave out the stop.
        ends = word and word[1].isupper() and match.string[max(0, match.start() - 9) : match.start()].rstrip()[-1:]
        return "." if ends and ends.isalnum() else ""

    def row(match: re.Match) -> str:
        *cells, end = (cell.strip() for cell in match[1].split("|"))
        if end or len(cells) < 2:
            return match[0]
        left_out.append("|")
        return "" if _RULE.fullmatch(match[1]) else ", ".join(filter(None, cells))

    if "\x1b" in text:
        text = _TERMINAL.sub(mark, text)
    if "<" in text:
        text = _RAISED.sub(lambda m: "²" if m[1] == "2" else "³", text)
        text = _AUTOMATIC_LINK.sub(r" \g<text> ", text)
        text = _TAG.sub(tag, text)
    if "&" in text:
        text = _ENTITY.sub(lambda m: html.unescape(m[0]), text)
    if "[" in text or "【" in text:
        text = _NOTE.sub(mark, text)
        text = _REFERENCE.sub(around, text)
        text = _LINK.sub(around, text)
    text = _FACE.sub(face, text)
    text = _LINE.sub(mark, text)
    text = _SEPARATOR.sub("", text)
    if "|" in text:
        text = _ROW.sub(row, text)
    if "$" in text:
        text = _FORMULA.sub(r"\g<text>", text)
    if "*" in text or "`" in text or "~~" in text:
        text = _AROUND.sub(around, text)
        text = _AROUND.sub(around, text)  # nested: **a *b* c**
        text = _STARS.sub(mark, text)
    return text, left_out
