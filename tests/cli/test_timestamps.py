"""`ditar synthesize --timestamps`, with a tiny model that reads monotonically."""

import json
import re

import numpy as np
import pytest
import soundfile
import torch

from ditar.cli import main
from tests.tiny import clip, tiny_pipeline

LONG = "One is here. [pause:0.5] Two is there."


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("timestamps")
    pipeline = tiny_pipeline(stop_bias=20.0, alignment="monotonic", seconds_per_symbol=0.02)
    pipeline.ditar.reading.head.bias.data = torch.tensor([1.5, 0.0, 0.0])
    pipeline.save_pretrained(home / "model")
    tiny_pipeline().save_pretrained(home / "other")
    soundfile.write(home / "good.wav", clip(1.0), 24_000)
    (home / "list.txt").write_text("a\tHello there.\nb\tBye, then.\n", encoding="utf-8")
    return home


def synthesize(home, *more, model="model"):
    voice = [f"--prompt-audio={home / 'good.wav'}", "--prompt-text=Hello there."]
    made = [f"--model={home / model}", "--device=cpu", "--steps=1", "--temperature=0"]
    return main(["synthesize", *made, *voice, *map(str, more)])


def words(path):
    found = json.loads(path.read_text(encoding="utf-8"))
    return [word["text"] for word in found["words"]], found


def test_a_file_of_times_for_a_text_and_the_same_for_its_stream(home):
    assert synthesize(home, f"--text={LONG}", f"--output={home / 'a.wav'}", f"--timestamps={home / 'a.json'}") == 0
    labels, found = words(home / "a.json")
    assert labels == ["One", "is", "here.", "Two", "is", "there."]
    assert found["seconds"] == pytest.approx(soundfile.info(home / "a.wav").duration, abs=1e-4)
    spans = found["words"]
    assert all(a["start"] < a["end"] for a in spans) and spans[-1]["end"] <= found["seconds"]
    assert spans[3]["start"] - spans[2]["end"] >= 0.5
    assert len(found["symbols"]) == 15
    synthesize(home, f"--text={LONG}", "--stream", f"--output={home / 's.wav'}", f"--timestamps={home / 's.json'}")
    streamed, of_stream = words(home / "s.json")
    audio, _ = soundfile.read(home / "s.wav")
    assert streamed == labels and of_stream["seconds"] == len(audio) / 24_000
    silent = np.abs(audio[round(of_stream["words"][2]["end"] * 24_000) :]) == 0
    assert silent[: round(24_000 * (of_stream["words"][3]["start"] - of_stream["words"][2]["end"]))].sum() >= 12_000


def test_a_list_has_one_beside_each(home):
    out = home / "out"
    options = [f"--text-file={home / 'list.txt'}", f"--output-dir={out}"]
    assert synthesize(home, *options, "--timestamps=.textgrid") == 0
    assert sorted(path.name for path in out.iterdir() if path.suffix == ".TextGrid") == ["a.TextGrid", "b.TextGrid"]
    assert re.findall(r'text = "(\S+)"', (out / "b.TextGrid").read_text(encoding="utf-8"))[:2] == ["Bye,", "then."]


@pytest.mark.parametrize("more, message", [
    ([], "timestamps are for models with monotonic alignment"),
    (["--timestamps=a.txt"], r"\.json, \.srt, \.vtt, \.TextGrid, got 'a.txt'"),
    (["--timestamps=srt"], "must be the name of a file, such as times.srt"),
    (["--timestamps=nowhere/a.srt"], "the folder nowhere does not exist"),
])  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_spoken(home, capsys, more, message):
    output = home / "no.wav"
    assert synthesize(home, "--text=Hi.", f"--output={output}", f"--timestamps={home / 'no.srt'}", *more, model="other")
    assert re.search(message, capsys.readouterr().err) and not output.exists() and not (home / "no.srt").exists()


def test_a_list_wants_a_format_and_no_input_is_overwritten(home, capsys):
    options = [f"--text-file={home / 'list.txt'}", f"--output-dir={home / 'out2'}"]
    assert synthesize(home, *options, "--timestamps=a.srt")
    assert "must be json, srt, vtt or TextGrid" in capsys.readouterr().err
    (home / "text.json").write_text("Hi.", encoding="utf-8")
    both = [f"--text-file={home / 'text.json'}", f"--output={home / 'x.wav'}", f"--timestamps={home / 'text.json'}"]
    assert synthesize(home, *both)
    assert "--timestamps would overwrite" in capsys.readouterr().err
