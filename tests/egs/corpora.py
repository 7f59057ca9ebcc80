"""Small corpora in the layouts in which the real ones come, with chords in place of voices; and how a recipe is run."""

import os
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from tests.python_server import quick_python

ROOT = Path(__file__).parents[2]
SENTENCES = ["A bad dog.", "Good morning.", "It was late.", "Nobody came.", "Two of them left.", "She read a book."]


def chord(path: Path, rate: int, seconds: float = 1.2, samples: int | None = None) -> None:
    """An audio file of so many seconds, or samples; which notes, its name decides."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * rate) if samples is None else samples) / rate
    notes = np.random.default_rng(list(path.stem.encode())).uniform(100, 2000, 4)
    soundfile.write(path, sum(0.1 * np.sin(2 * np.pi * note * time) for note in notes), rate)


def make_ljspeech(folder: Path) -> Path:
    """The second field of metadata.csv is as it was written, the third normalised."""
    lines = ""
    for number, text in enumerate(SENTENCES, 1):
        chord(folder / "wavs" / f"LJ001-{number:04d}.wav", 22_050)
        lines += f"LJ001-{number:04d}|{text} (1)|{text}\n"
    (folder / "metadata.csv").write_text(lines)
    return folder


def make_vctk(folder: Path, speakers=("p225", "p226", "p300", "p301", "s5")) -> Path:
    """Two microphones; the first sentence is everybody's, the others a speaker's own."""
    folder.mkdir(parents=True)
    info = "ID  AGE  GENDER  ACCENTS  REGION COMMENTS\n"
    (folder / "speaker-info.txt").write_text(info + "".join(f"{s}  23  F    English    Surrey\n" for s in speakers))
    for number, speaker in enumerate(speakers):
        for place, text in enumerate(
            ["Please call her.", *(f"{s[:-1]} {'again ' * number}now." for s in SENTENCES[:2])], 1
        ):
            name = f"{speaker}_{place:03d}"
            (folder / "txt" / speaker).mkdir(parents=True, exist_ok=True)
            (folder / "txt" / speaker / f"{name}.txt").write_text(text + "\n")
            for microphone in ("mic1", "mic2"):
                chord(folder / "wav48_silence_trimmed" / speaker / f"{name}_{microphone}.flac", 48_000)
    return folder


def make_libritts(folder: Path) -> Path:
    """Three parts; names of speakers of which one begins as another; the third column is normalised."""
    speakers = {"train-clean-100": ("84", "844"), "dev-clean": ("121",), "test-clean": ("61", "260")}
    lines = [f"{s} | F | {part} | 25.0 | A Reader" for part, group in speakers.items() for s in group]
    folder.mkdir(parents=True)
    (folder / "SPEAKERS.txt").write_text(";ID |SEX| SUBSET |MINUTES| NAME\n" + "\n".join(lines) + "\n")
    for part, group in speakers.items():
        for speaker in group:
            chapter = folder / part / speaker / "1001"
            texts, books = "", ""
            for number, text in enumerate(SENTENCES[:3]):
                name = f"{speaker}_1001_{number:06d}_000000"
                chord(chapter / f"{name}.wav", 24_000)
                texts += f"{name}\t{text} (i)\t{text}\n"
                books += f"{name}\t{text} (i)\t{text}\t0.0\t30.5\n"
            (chapter / f"{speaker}_1001.trans.tsv").write_text(texts)
            (chapter / f"{speaker}_1001.book.tsv").write_text(books.replace(" ", "_"))
    return folder


def make_librispeech(folder: Path, part: str = "test-clean") -> Path:
    """Two speakers, capitals without punctuation, 16 kHz."""
    for speaker in ("121", "1188"):
        chapter = folder / part / speaker / "77"
        lines = ""
        for number, text in enumerate(SENTENCES[:3]):
            name = f"{speaker}-77-{number:04d}"
            chord(chapter / f"{name}.flac", 16_000)
            lines += f"{name} {text[:-1].upper()}\n"
        (chapter / f"{speaker}-77.trans.txt").write_text(lines)
    return folder


def run(script: str, *options, code: int = 0, cwd: Path = ROOT) -> str:
    """Run egs/.../*.sh or a program of recipes/ as a user would; returns what it printed."""
    python = quick_python()
    environment = os.environ | {"PYTHON": python, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = ["bash" if script.endswith(".sh") else python, str(ROOT / script), *map(str, options)]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True, timeout=500)
    assert done.returncode == code, done.stdout[-1000:] + done.stderr[-2000:]
    return done.stdout + done.stderr


def table(path: Path) -> dict[str, str]:
    """A Kaldi table."""
    return dict(line.split(" ", 1) for line in path.read_text().splitlines())
