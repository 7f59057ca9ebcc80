"""How far it is from a command to the model, and that nothing is read twice on the way."""

import sys
from pathlib import Path

import pytest
import soundfile

import ditar
from ditar.cli import main
from tests.tiny import clip, tiny_pipeline

PACKAGE = str(Path(ditar.__file__).parent)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("frames")
    tiny_pipeline().save_pretrained(home / "model")
    soundfile.write(home / "good.wav", clip(1.0), 24_000)
    (home / "list.txt").write_text("a\tHello there.\nb\tBye.\n", encoding="utf-8")
    return home


def synthesize(folder, *more):
    model = [f"--model={folder / 'model'}", "--device=cpu", "--steps=1", "--temperature=0"]
    voice = [f"--prompt-audio={folder / 'good.wav'}", "--prompt-text=Hi, it is me.", "--no-adapt"]
    return main(["synthesize", *model, *voice, *map(str, more)])


@pytest.mark.parametrize("form", [
    ["--text=Good morning.", "--output={}/a.wav"],
    ["--text=Good morning. Good night.", "--output={}/b.wav"],
    ["--text=Good morning. Good night.", "--output={}/c.wav", "--stream"],
    ["--text-file={}/list.txt", "--output-dir={}/out"],
])  # fmt: skip
def test_at_most_six_frames_from_the_command_to_denoise(folder, form, monkeypatch):
    """Functions of ours, the command's `run` and `LocDiT.denoise` among them."""
    from ditar.model.locdit import LocDiT

    seen, denoise = [], LocDiT.denoise

    def spy(self, *arguments):
        frame, names = sys._getframe(1), ["denoise"]
        while frame is not None and names[-1] != "run":
            if frame.f_code.co_filename.startswith(PACKAGE):
                names.append(frame.f_code.co_name)
            frame = frame.f_back
        seen.append(names[::-1])
        return denoise(self, *arguments)

    monkeypatch.setattr(LocDiT, "denoise", spy)
    synthesize(folder, *(word.format(folder) for word in form))
    assert seen and all(names[0] == "run" and len(names) <= 6 for names in seen), seen[0]


def test_the_text_is_phonemised_once_and_the_clip_read_once(folder, monkeypatch):
    from ditar.synthesis import reference
    from ditar.text.phonemise import _Voice

    said, clips = [], []
    read_text, read_clip = _Voice.read, reference.read_clip
    monkeypatch.setattr(_Voice, "read", lambda self, text: said.append(text) or read_text(self, text))
    monkeypatch.setattr(reference, "read_clip", lambda *which: clips.append(which) or read_clip(*which))
    assert synthesize(folder, "--text=Good morning", f"--output={folder / 'a.wav'}") == 0
    assert sorted(said) == ["Good morning", "Hi", "it is me"] and len(clips) == 1
    said.clear()
    assert synthesize(folder, f"--text-file={folder / 'list.txt'}", f"--output-dir={folder / 'once'}") == 0
    assert sorted(said) == ["Bye", "Hello there", "Hi", "it is me"]
