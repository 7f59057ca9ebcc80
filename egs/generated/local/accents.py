"""English spoken by diphone voices that were recorded for other languages.

Each English phone becomes one or two phones of the voice's language, which share its time; UniSyn then joins the
voice's diphones. A phone is written with its alternatives (`a:/a`): not all pairs occur in a language, so every
junction takes the first pair that the voice has, and if it has none, a short filler is inserted. Licences: GPL-2 and
GPL-3 (Czech), GPL-2 (Italian, Hindi), LGPL-2 (Finnish); none limits the use of synthesised speech.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

VOICES = Path("/usr/share/festival/voices")  # where Debian's festvox packages put them
FILLER_S = 0.015
# CMU's phones and the reduced ones of the English front end
ENGLISH = tuple(
    "aa ae ah ao aw ax axr ay b ch d dh dx eh el em en er ey f g hh hv ih iy jh k l m n nx ng ow oy p r s sh t th uh uw"
    " v w y z zh".split()
)


@dataclass(frozen=True)
class Accent:
    """A language's sounds for English ones.

    `package`: Debian's name of the voice; `index`: the voice's diphones, under VOICES; `fillers`: short sounds that may
    separate two that never meet.
    """

    package: str
    index: str
    silence: str
    fillers: tuple[str, ...]
    sounds: dict[str, str]


@dataclass(frozen=True)
class Segment:
    """One phone of the voice: its name to the left of a junction and to the right of one, and seconds."""

    left: str
    right: str
    seconds: float


def _sounds(text: str) -> dict[str, str]:
    """ "aa=a:/a, ay=a i" to a dictionary; the front end's rarer phones are the common ones."""
    sounds = dict(item.strip().split("=") for item in text.split(","))
    for rare, common in (("axr", "er"), ("dx", "d"), ("hv", "hh"), ("em", "m"), ("en", "n"), ("nx", "n"), ("el", "l")):
        sounds.setdefault(rare, sounds[common])
    return sounds


_CZECH = _sounds(
    "aa=a:/a, ae=e:/e, ah=a, ao=o:/o, aw=a u, ax=e, ay=a j, b=b/p, ch=c~, d=d/t, dh=d/t, eh=e, er=e r, ey=e j, "
    "f=f, g=g/k, hh=h/ch, ih=i, iy=i:/i, jh=dz~/c~, k=k, l=l, m=m, n=n/m, ng=n*/n, ow=o u, oy=o j, p=p, r=r, "
    "s=s, sh=s~, t=t, th=s, uh=u, uw=u:/u, v=v/f, w=u/v, y=j, z=z/s, zh=z~/s~"
)
_ITALIAN = _sounds(
    "aa=a1/a, ae=E1/E/e, ah=a, ao=O1/O/o, aw=a1/a u, ax=e, ay=a1/a i, b=b, ch=tS/ts, d=d, dh=d, eh=E/E1/e, "
    "er=e r, ey=e1/e i, f=f, g=g, hh=f, ih=i, iy=i1/i, jh=dZ/tS/ts, k=k, l=l, m=m, n=n, ng=ng/n, ow=o1/o u, "
    "oy=o1/o i, p=p, r=r, s=s, sh=S, t=t, th=t, uh=u, uw=u1/u, v=v, w=w/u, y=j/i, z=z/s, zh=dZ"
)
_FINNISH = _sounds(
    "aa=a:/a, ae=@:/@, ah=a, ao=o:/o, aw=a u, ax=7, ay=a i, b=b/p, ch=t/t: S/s/s:, d=d/t/t:, dh=d/t/t:, eh=e, "
    "er=7:/7 r, ey=e i, f=f/f:/v/s, g=g/k, hh=h, ih=i, iy=i:/i, jh=d/t/t: S/s/s:, k=k/k:, l=l/l:, m=m/m:, "
    "n=n/n:/m, ng=N/N:/n, ow=o u, oy=o i, p=p/p:, r=r, s=s/s:, sh=S/s/s:, t=t/t:, th=T/t/t:, uh=u, uw=u:/u, "
    "v=v/f/s, w=w/v, y=j/i, z=s/s:, zh=S/s/s:"
)
_HINDI = _sounds(
    "aa=aa, ae=ay, ah=a, ao=aw, aw=aa uh, ax=a, ay=aa ih, b=b, ch=ch, d=D, dh=dh, eh=eh/ay, er=a r, ey=ee, f=f, "
    "g=g, hh=h, ih=ih, iy=iy, jh=j, k=k, l=l, m=m, n=n, ng=n g, ow=oh, oy=oh ih, p=p, r=r, s=s, sh=sh, t=T, "
    "th=th, uh=uh, uw=uw, v=v, w=v, y=y, z=s, zh=sh"
)
_NATIVE = _sounds(", ".join(f"{p}={p}" for p in ENGLISH if p not in ("axr", "dx", "hv", "em", "en", "nx", "el")))

MODEL = "kal"  # an English voice made the same way, towards which accented ones are moved (timbre.articulate)
ACCENTS = {
    MODEL: Accent("festvox-kallpc16k", "english/kal_diphone/group/kallpc16k.group", "pau", ("pau",), _NATIVE),
    **{
        name: Accent(f"festvox-czech-{name}", f"czech/czech_{name}/group/{name}.group", "#", ("_", "#"), _CZECH)
        for name in ("dita", "krb", "machac", "ph")
    },
    "lp": Accent("festvox-italp16k", "italian/lp_diphone/group/lp_diphone.group", "#", ("#",), _ITALIAN),
    "pc": Accent("festvox-itapc16k", "italian/pc_diphone/group/pc_diphone.group", "#", ("#",), _ITALIAN),
    "mv": Accent("festvox-suopuhe-mv", "finnish/hy_fi_mv_diphone/group/mvlpc.group", "#", ("#",), _FINNISH),
    "lj": Accent("festvox-suopuhe-lj", "finnish/suo_fi_lj_diphone/group/ljlpc.group", "#", ("#",), _FINNISH),
    "nsk": Accent("festvox-hi-nsk", "hindi/hindi_NSK_diphone/group/NSKlpc.group", "pau", ("x",), _HINDI),
}


@cache
def diphones(accent: str) -> frozenset[str]:
    """The `left-right` pairs of a voice, from the text at the head of its file."""
    with (VOICES / ACCENTS[accent].index).open("rb") as stream:
        head = b""
        for line in stream:
            if line.startswith(b"EST_Header_End"):
                break
            head += line
        count = int(re.search(rb"NumEntries\s+(\d+)", head).group(1))
        return frozenset(stream.readline().split()[0].decode("latin-1") for _ in range(count))


def respell(phones: Sequence[tuple[str, float, float]], accent: Accent, known: frozenset[str]) -> list[Segment]:
    """A sequence of English phones as (name, start_s, end_s), to the voice's.

    Names that are not English phones become silence. The sum of seconds is unchanged.
    """
    spelled: list[tuple[list[str], float]] = []  # alternatives, seconds
    for name, start_s, end_s in phones:
        units = accent.sounds.get(name, accent.silence).split()
        spelled += [(unit.split("/"), (end_s - start_s) / len(units)) for unit in units]
    names = [[alternatives[0], alternatives[0]] for alternatives, _ in spelled]
    made: list[Segment] = []
    taken = 0.0  # what a filler took from the sound after it
    for i, (alternatives, seconds) in enumerate(spelled):
        following = spelled[i + 1][0] if i + 1 < len(spelled) else []
        ways = _junctions(alternatives, following, accent.fillers, known)
        left, filler, right = next(ways, (names[i][0], "", ""))
        names[i][0] = left
        made.append(Segment(*names[i], seconds - taken))
        taken = 0.0
        if filler:
            taken = min(FILLER_S, spelled[i + 1][1] / 2)
            made.append(Segment(filler, filler, taken))
        if right:
            names[i + 1][1] = right
    return made


def _junctions(
    before: Sequence[str], after: Sequence[str], fillers: Sequence[str], known: frozenset[str]
) -> Iterator[tuple[str, str, str]]:
    """Ways from one of `before` to one of `after`, best first, as (left, filler or "", right)."""
    pairs = [(a, b) for a in before for b in after]
    yield from ((a, "", b) for a, b in pairs if f"{a}-{b}" in known)
    for filler in fillers:
        yield from ((a, filler, b) for a, b in pairs if f"{a}-{filler}" in known and f"{filler}-{b}" in known)


def script(accent: str, utterances: Sequence[tuple[Sequence[Segment], Sequence[tuple[float, float]], Path]]) -> str:
    """A festival script that speaks segments with pitch targets as (s, Hz) into WAV files.

    UniSyn alone does it: neither the voice's text processing nor its language's is needed.
    """
    chosen = ACCENTS[accent]
    database = f'(name "{accent}") (index_file "{VOICES / chosen.index}") (grouped "true")'
    default = f'(default_diphone "{chosen.silence}-{chosen.silence}")'
    lines = [
        "(require_module 'UniSyn)",
        f"(us_diphone_init '({database} {default}))",
        _SPEAK.replace("DATABASE", accent),
    ]
    for segments, targets, path in utterances:
        made, start_s, rest = [], 0.0, list(targets)
        for i, segment in enumerate(segments):
            end_s = start_s + segment.seconds
            pitches = ""
            while rest and (rest[0][0] < end_s or i == len(segments) - 1):
                time_s, pitch_hz = rest.pop(0)
                pitches += f" ({min(max(time_s - start_s, 0.0), segment.seconds):.4f} {pitch_hz:.1f})"
            made.append(f'("{segment.left}" {segment.seconds:.4f}{pitches})')
            start_s = end_s
        rights = " ".join(f'"{segment.right}"' for segment in segments)
        lines.append(f"(speak '({' '.join(made)}) '({rights}) \"{path}\")")
    return "\n".join(lines) + "\n"


_SPEAK = """
(Parameter.set 'Synth_Method 'UniSyn)
(Parameter.set 'us_sigpr 'lpc)
(set! UniSyn_module_hooks nil)
(us_db_select "DATABASE")
(define (speak segments rights path)
  (let ((utt (eval (list 'Utterance 'Segments segments))))
    (Initialize utt)
    (mapcar (lambda (s) (item.set_feat s "us_diphone_right" (car rights)) (set! rights (cdr rights)))
      (utt.relation.items utt 'Segment))
    (Wave_Synth utt)
    (utt.save.wave utt path 'riff)))
"""
