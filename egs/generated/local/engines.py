"""Speech synthesisers as functions: sentences and a voice in, waveforms with phone times out."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import accents
import numpy as np
import soundfile
import soxr
import timbre
from voices import ACCENTED, BASES, Voice

RATE_HZ = 24_000
LEAD_S = 0.05  # silence before the first phone
TAIL_S = 0.15  # silence after the last phone: a constant the stop head can learn
LEVEL_DB = -23.0  # RMS of active speech
PEAK = 0.95
ARTICULATION = 0.7  # share of the way from an accented voice's movements to an English one's (RESULTS.md)
SILENCES = {"pau", "#", "sil", "h#", "brth", "ssil"}

PACKAGES = {
    "flite": "flite",
    "festival": "festival festvox-us-slt-hts festvox-kdlpc16k festvox-kallpc16k",
    "espeak-ng": "espeak-ng",
}
FRONT_END = "kal_diphone"  # reads English for accented voices
FESTIVAL_VOICES = {
    "cmu_us_slt_arctic_hts": "festvox-us-slt-hts",
    "ked_diphone": "festvox-kdlpc16k",
    FRONT_END: "festvox-kallpc16k",
}

Phone = tuple[str, float, float]


class EngineError(RuntimeError):
    """A synthesiser is missing or failed; the message says what to do."""


@dataclass
class Speech:
    """One utterance: float32 waveform (S,) at 24 kHz and, if the engine tells, phones as (name, start_s, end_s)."""

    waveform: np.ndarray
    phones: list[Phone] | None


def check_programs() -> None:
    """Raise an EngineError that names the apt command for every missing program or voice."""
    missing = [package for program, package in PACKAGES.items() if shutil.which(program) is None]
    if shutil.which("festival"):
        listed = subprocess.run(
            ["festival", "--batch", "(print (voice.list))"], capture_output=True, text=True, check=False
        ).stdout
        missing += [package for voice, package in FESTIVAL_VOICES.items() if voice not in listed]
    used = [accents.ACCENTS[BASES[base].name] for base in ACCENTED]
    missing += [accent.package for accent in used if not (accents.VOICES / accent.index).exists()]
    if missing:
        raise EngineError("speech synthesisers are missing; install them with: apt-get install -y " + " ".join(missing))


def synthesise(voice: Voice, sentences: Sequence[str]) -> list[Speech | None]:
    """Speak every sentence with `voice`; None where the engine failed or spoke next to nothing."""
    with tempfile.TemporaryDirectory() as folder:
        if voice.base.startswith("espeak:"):
            raw = [_espeak(voice, sentence, Path(folder)) for sentence in sentences]
        elif BASES[voice.base].engine == "flite":
            raw = [_flite(voice, sentence, Path(folder)) for sentence in sentences]
        elif BASES[voice.base].engine == "accent":
            raw = _accent(voice, sentences, Path(folder))
        else:
            raw = _festival(voice, sentences, Path(folder))
    return [finish(*item, voice) if item is not None else None for item in raw]


def finish(waveform: np.ndarray, rate_hz: int, phones: list[Phone] | None, voice: Voice) -> Speech | None:
    """Move the vocal tract, resample to 24 kHz, apply the timbre, cut to the speech with constant silences, set the
    level."""
    tract = voice.tract
    waveform = soxr.resample(waveform, rate_hz * tract, RATE_HZ, quality="VHQ").astype(np.float32)
    if voice.timbre is not None:
        waveform = timbre.reshape(waveform, RATE_HZ, voice.timbre)
    if phones is not None:
        spoken = [i for i, (name, _, _) in enumerate(phones) if name not in SILENCES]
        if len(spoken) < 2:
            return None
        phones = [(n, s / tract, e / tract) for n, s, e in phones[spoken[0] : spoken[-1] + 1]]
        start_s, end_s = phones[0][1], phones[-1][2]
    else:
        span = _active_span(waveform)
        if span is None:
            return None
        start_s, end_s = span
    waveform, offset_s = _cut(waveform, start_s, end_s)
    level = _active_rms(waveform)
    if level < 1e-4:
        return None
    gain = min(10 ** (LEVEL_DB / 20) / level, PEAK / float(np.abs(waveform).max()))
    if phones is not None:
        phones = [(n, round(s + offset_s, 4), round(e + offset_s, 4)) for n, s, e in phones]
    return Speech(waveform * gain, phones)


def _cut(waveform: np.ndarray, start_s: float, end_s: float) -> tuple[np.ndarray, float]:
    """LEAD_S before `start_s`, TAIL_S after `end_s`, zeros where the engine made less; and the time shift."""
    first, last = round((start_s - LEAD_S) * RATE_HZ), round((end_s + TAIL_S) * RATE_HZ)
    left, right = max(0, -first), max(0, last - len(waveform))
    piece = np.pad(waveform[max(0, first) : last], (left, right))
    fade = round(0.01 * RATE_HZ)
    ramp = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    piece[:fade] *= ramp
    piece[-fade:] *= ramp[::-1]
    return piece, -first / RATE_HZ


def _frame_rms(waveform: np.ndarray) -> np.ndarray:
    size = RATE_HZ // 50  # 20 ms
    count = len(waveform) // size
    return np.sqrt((waveform[: count * size].reshape(count, size) ** 2).mean(axis=1) + 1e-12)


def _active_rms(waveform: np.ndarray) -> float:
    rms = _frame_rms(waveform)
    active = rms[rms > rms.max() * 0.05]
    return float(np.sqrt((active**2).mean()))


def _active_span(waveform: np.ndarray) -> tuple[float, float] | None:
    rms = _frame_rms(waveform)
    active = np.flatnonzero(rms > max(rms.max() * 0.01, 1e-4))
    return (active[0] * 0.02, (active[-1] + 1) * 0.02) if len(active) > 5 else None


def _flite(voice: Voice, sentence: str, folder: Path) -> tuple[np.ndarray, int, list[Phone]] | None:
    spoken = _speak_flite(voice, voice.base, sentence, folder)
    if spoken is None or voice.blend is None:
        return spoken
    partner, share = voice.blend
    other = _speak_flite(voice, partner, sentence, folder)
    # Both read by the same rules, so that phones pair up; the few that are read otherwise stay unchanged.
    if (
        other is None
        or [name for name, _, _ in other[2]] != [name for name, _, _ in spoken[2]]
        or other[1] != spoken[1]
    ):
        return spoken
    waveform, rate_hz, phones = spoken
    times, other_times = (np.array([0.0, *(end for _, _, end in p)]) for p in (phones, other[2]))
    return timbre.blend(waveform, other[0], rate_hz, share, times, other_times), rate_hz, phones


def _speak_flite(voice: Voice, name: str, sentence: str, folder: Path) -> tuple[np.ndarray, int, list[Phone]] | None:
    """One base's voice, with the changes of `voice`."""
    path = folder / "flite.wav"
    command = ["flite", "-voice", BASES[name].name, "-psdur", "-t", sentence, "-o", str(path)]
    if not voice.is_base:
        command += ["--setf", f"duration_stretch={voice.stretch * voice.tract:.4f}"]
        if voice.pitch_hz is not None:
            command += ["--setf", f"int_f0_target_mean={voice.pitch_hz / voice.tract:.2f}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not path.exists():
        return None
    phones = _phones(re.findall(r"([^\s:]+):([\d.]+)", done.stdout))
    waveform, rate_hz = soundfile.read(path, dtype="float32")
    return waveform, rate_hz, phones


def _espeak(voice: Voice, sentence: str, folder: Path) -> tuple[np.ndarray, int, None] | None:
    path = folder / "espeak.wav"
    name, _, pitch = voice.base.removeprefix("espeak:").partition("@")
    command = ["espeak-ng", "-v", name, "-p", pitch or "50", "-s", str(round(175 / (voice.stretch * voice.tract)))]
    done = subprocess.run([*command, "-w", str(path), "--", sentence], capture_output=True, check=False)
    if done.returncode != 0 or not path.exists():
        return None
    waveform, rate_hz = soundfile.read(path, dtype="float32")
    return waveform, rate_hz, None


def _festival(voice: Voice, sentences: Sequence[str], folder: Path) -> list[tuple[np.ndarray, int, list[Phone]] | None]:
    """All sentences in one process, because starting festival costs more than a sentence."""
    read = _run_festival(voice, BASES[voice.base].name, _SAY, sentences, folder)
    return [_spoken(folder / f"{i}.wav", _phones(read[i][0])) if i in read else None for i in range(len(sentences))]


def _accent(voice: Voice, sentences: Sequence[str], folder: Path) -> list[tuple[np.ndarray, int, list[Phone]] | None]:
    """An English voice gives phones, times and pitch, another language's voice the sound; the phones stay English."""
    read = {
        i: (_phones(ends), [(float(time_s), float(pitch_hz)) for time_s, pitch_hz in targets])
        for i, (ends, targets) in _run_festival(voice, FRONT_END, _READ, sentences, folder).items()
    }
    for name in (BASES[voice.base].name, accents.MODEL):
        spelled = [
            (accents.respell(phones, accents.ACCENTS[name], accents.diphones(name)), targets, folder / f"{name}{i}.wav")
            for i, (phones, targets) in read.items()
        ]
        script = folder / f"{name}.scm"
        script.write_text(accents.script(name, spelled), encoding="ascii")
        subprocess.run(["festival", "--batch", str(script)], capture_output=True, check=False)
    return [_articulated(voice, folder, i, read[i][0]) if i in read else None for i in range(len(sentences))]


def _articulated(
    voice: Voice, folder: Path, number: int, phones: list[Phone]
) -> tuple[np.ndarray, int, list[Phone]] | None:
    """An accented voice's sentence, moved towards the English voice's: unmoved it can hardly be understood."""
    both = [_spoken(folder / f"{name}{number}.wav", phones) for name in (BASES[voice.base].name, accents.MODEL)]
    if both[0] is None or both[1] is None:
        return None
    own, model = (soxr.resample(waveform, rate_hz, RATE_HZ, quality="VHQ") for waveform, rate_hz, _ in both)
    return timbre.articulate(own, model, RATE_HZ, ARTICULATION), RATE_HZ, phones


def _spoken(path: Path, phones: list[Phone]) -> tuple[np.ndarray, int, list[Phone]] | None:
    return (*soundfile.read(path, dtype="float32"), phones) if path.exists() else None


def _run_festival(
    voice: Voice, name: str, say: str, sentences: Sequence[str], folder: Path
) -> dict[int, tuple[list[tuple[str, str]], list[tuple[str, str]]]]:
    """What `say` prints with festival's voice `name`, by sentence number: (phone, end) and (time, pitch) pairs."""
    base = BASES[voice.base]
    lines = [f"(voice_{name})"]
    if base.engine == "accent" or (not voice.is_base and base.moves_rate):
        lines.append(f"(Parameter.set 'Duration_Stretch {voice.stretch * voice.tract:.4f})")
    if base.engine == "accent" or (not voice.is_base and base.moves_pitch):
        pitch = (voice.pitch_hz or base.pitch_hz) / voice.tract
        lines.append(
            f"(set! int_lr_params '((target_f0_mean {pitch:.2f}) (target_f0_std {pitch * 0.14:.2f})"
            " (model_f0_mean 170) (model_f0_std 34)))"
        )
    lines += [_PRINT, say]
    for i, sentence in enumerate(sentences):
        quoted = sentence.replace("\\", "").replace('"', "")
        lines.append(f'(say "{i}" "{quoted}" "{folder}/{i}.wav")')
    script = folder / "say.scm"
    script.write_text("\n".join(lines) + "\n", encoding="ascii")
    done = subprocess.run(["festival", "--batch", str(script)], capture_output=True, text=True, check=False)
    pair = re.compile(r"([^\s:]+):([\d.]+)")
    return {
        int(i): (pair.findall(ends), pair.findall(targets))
        for i, ends, targets in re.findall(r"^UTT (\d+)(.*)\nF0(.*)$", done.stdout, flags=re.M)
    }


_PRINT = """
(define (print_utt utt id)
  (format t "UTT %s" id)
  (mapcar (lambda (s) (format t " %s:%f" (item.name s) (item.feat s 'end))) (utt.relation.items utt 'Segment))
  (format t "\\nF0")
  (if (utt.relation.present utt 'Target)
    (mapcar
      (lambda (x) (if (not (item.daughters x)) (format t " %f:%f" (item.feat x 'pos) (item.feat x 'f0))))
      (utt.relation.items utt 'Target)))
  (format t "\\n"))
"""
_SAY = """
(define (say id text path)
  (let ((utt (utt.synth (eval (list 'Utterance 'Text text)))))
    (utt.save.wave utt path 'riff)
    (print_utt utt id)))
"""
# the modules that utt.synth runs before the waveform's
_READ = """
(define (say id text path)
  (let ((utt (eval (list 'Utterance 'Text text))))
    (mapcar (lambda (module) (module utt))
      (list Initialize Text Token_POS Token POS Phrasify Word Pauses Intonation PostLex Duration Int_Targets))
    (print_utt utt id)))
"""


def _phones(ends: Sequence[tuple[str, str]]) -> list[Phone]:
    """(name, end) pairs to (name, start_s, end_s): a phone starts where the previous one ends."""
    phones, start_s = [], 0.0
    for name, end in ends:
        phones.append((name, start_s, float(end)))
        start_s = float(end)
    return phones
