"""`ditar finetune` on a made-up voice: from a folder to a model or an adapter, and what stops it."""

import json
import os
import re
import shutil
import signal
import sys
from importlib.util import find_spec

import pytest
import soundfile
import torch

from ditar import load_pipeline
from ditar.cli import main
from ditar.finetune.run import warnings_of
from ditar.finetune.system import FinetuneSystem
from ditar.model.ditar import DiTAR
from ditar.synthesis.voice_file import load_voice
from recipes import export
from tests.finetune.voice import TEXTS, babble, write_base, write_voice


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return write_base(tmp_path_factory.mktemp("base") / "tiny")


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    return write_voice(tmp_path_factory.mktemp("voice") / "ann")


def finetune(data, out, base, *more):
    given = ["--model", base, "--recogniser", "none", "--device", "cpu", "--processes", 1, "--threads", 1]
    return main(["finetune", *map(str, [data, "--output", out, *given, "--steps", 4, "--validate-every", 2, *more])])


def weights(folder):
    return DiTAR.from_pretrained(folder).state_dict()


@pytest.fixture(scope="module")
def tuned(voice, base, tmp_path_factory):
    out = tmp_path_factory.mktemp("full") / "tuned"
    before = {path: path.read_bytes() for path in base.rglob("*") if path.is_file()}
    assert finetune(voice, out, base) == 0
    assert {path: path.read_bytes() for path in base.rglob("*") if path.is_file()} == before
    return out


def test_a_model_a_voice_and_a_page_come_of_it(tuned, base):
    result = json.loads((tuned / "finetune.json").read_text())
    assert [line["step"] for line in result["validations"]] == [0, 2, 4]
    assert result["pieces"]["train"][0] + result["pieces"]["held_out"][0] == len(TEXTS)
    assert not (tuned / "work").exists()
    for part in ("vae", "scheduler"):
        assert all(one.read_bytes() == (base / part / one.name).read_bytes() for one in (tuned / part).iterdir())
    before, after = weights(base / "ditar"), weights(tuned / "ditar")
    assert any(not torch.equal(before[name], after[name]) for name in before)
    pipeline, voice = load_pipeline(tuned), load_voice(tuned / "voices/ann.safetensors")
    assert pipeline("Good morning.", voice=voice, seed=0, max_retries=0).audio.any()
    assert torch.equal(pipeline.create_voice().latents, voice.latents)  # its own, unless another is asked for


def test_the_page_stands_alone(tuned):
    page = (tuned / "before_after.html").read_text()
    result = json.loads((tuned / "finetune.json").read_text())
    assert page.count("<audio") == 3 * result["pieces"]["held_out"][0] + 1
    assert not re.search(r'(src|href)="(?!data:)', page) and "@" not in re.sub(r'"data:[^"]*"', "", page)
    assert any(text in page for text in TEXTS)


def test_what_is_finished_is_not_done_again(tuned, voice, base, capsys):
    written = (tuned / "finetune.json").stat().st_mtime_ns
    assert finetune(voice, tuned, base) == 0
    assert (tuned / "finetune.json").stat().st_mtime_ns == written
    assert "is finished already" in capsys.readouterr().err
    assert finetune(voice, tuned, base, "--seed", 1) == 1
    assert "seed is 0 there and 1 here; give another --output" in capsys.readouterr().err


def test_a_recording_of_the_same_size_is_another(tuned, voice, base, tmp_path, capsys):
    folder, out = tmp_path / "data", tmp_path / "out"
    shutil.copytree(voice, folder)
    scp = (folder / "wav.scp").read_text().replace(str(voice), str(folder))
    (folder / "wav.scp").write_text(scp)
    shutil.copytree(tuned, out)
    assert finetune(folder, out, base) == 0 and "is finished already" in capsys.readouterr().err
    clip = next(folder.glob("*.wav"))
    samples, rate = soundfile.read(clip, dtype="int16")
    soundfile.write(clip, samples[::-1], rate)
    assert finetune(folder, out, base) == 1
    assert "recordings is " in (error := capsys.readouterr().err) and "give another --output" in error


def test_an_interrupted_one_ends_as_if_it_had_not_been(tuned, voice, base, tmp_path, monkeypatch, capsys):
    """Also where the recordings have been written anew in between, as a recipe's first stage does."""
    batch = FinetuneSystem.batch

    def stopped(self, step, *arguments):
        if step == 2:
            signal.raise_signal(signal.SIGTERM)
        return batch(self, step, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(FinetuneSystem, "batch", stopped)
        assert finetune(voice, tmp_path / "out", base) == 130
    assert "run the same command to go on" in capsys.readouterr().err
    assert finetune(voice, tmp_path / "out", base, "--lora", 2) == 1
    assert "lora is None there and 2 here; finish it with its own command" in capsys.readouterr().err
    for clip in voice.glob("*.wav"):
        os.utime(clip)
    assert finetune(voice, tmp_path / "out", base) == 0
    mine, theirs = weights(tmp_path / "out/ditar"), weights(tuned / "ditar")
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_an_adapter_and_its_base(voice, base, tmp_path, capsys, monkeypatch):
    if find_spec("peft") is None:
        pytest.skip("needs peft, of the extra `finetune`")
    adapter = tmp_path / "adapter"
    assert finetune(voice, adapter, base, "--lora", 2) == 0
    assert not (adapter / "ditar").exists()
    merged, plain = load_pipeline(base, adapter=adapter).ditar, load_pipeline(base).ditar
    assert not torch.equal(merged.stop_head.weight, plain.stop_head.weight)
    assert torch.equal(merged.lm.symbols.weight, plain.lm.symbols.weight)  # an embedding has no adapter
    assert merged.config.seconds_per_symbol != plain.config.seconds_per_symbol
    parts = ["--vae", base / "vae", "--ditar", base / "ditar", "--adapter", adapter, "--dtype", "float32"]
    with monkeypatch.context() as patch:
        patch.setattr(sys, "argv", ["export.py", *map(str, parts), "--out", str(tmp_path / "whole")])
        assert export.main() == 0
    whole = load_pipeline(tmp_path / "whole").ditar
    assert whole.config == merged.config
    for name, weight in merged.state_dict().items():
        torch.testing.assert_close(whole.state_dict()[name], weight, rtol=0, atol=1e-6)

    said = [
        "--text=Good morning.",
        "--steps=1",
        "--temperature=0",
        "--device=cpu",
        f"--voice={adapter}/voices/ann.safetensors",
    ]
    files = {}
    for name, how in (("base", []), ("adapter", [f"--adapter={adapter}"])):
        assert main(["synthesize", f"--model={base}", *how, *said, f"--output={tmp_path}/{name}.wav"]) == 0
        files[name], _ = soundfile.read(tmp_path / f"{name}.wav")
    assert files["base"].shape != files["adapter"].shape or (files["base"] != files["adapter"]).any()

    clip, kept = next(voice.glob("*.wav")), tmp_path / "kept.safetensors"
    made = ["voice", "create", str(kept), f"--prompt-audio={clip}", f"--model={base}", f"--adapter={adapter}"]
    assert main(made) == 0 and main([*made[:-1], f"--adapter={base}", "--force"]) == 1
    if find_spec("onnx") is not None:
        exported = ["export", str(base), str(tmp_path / "onnx"), "--format=onnx", f"--adapter={adapter}"]
        assert main([*exported, f"--voice={kept}"]) == 0

    other = write_base(tmp_path / "other", history_patches=0)
    capsys.readouterr()
    assert main(["synthesize", f"--model={other}", f"--adapter={adapter}", *said, f"--output={tmp_path}/no.wav"]) == 1
    error = capsys.readouterr().err
    of_adapter = json.loads((adapter / "base.json").read_text())["base"]
    assert f"was trained on the model {of_adapter}, but this one is " in error and not (tmp_path / "no.wav").exists()
    assert main(["synthesize", f"--model={base}", f"--adapter={base}", *said, f"--output={tmp_path}/no.wav"]) == 1
    assert "holds no base.json" in capsys.readouterr().err


def test_who_listens_decides_and_is_on_the_page(voice, base, tmp_path):
    pytest.importorskip("jiwer", reason="needs the extra `finetune`")
    assert finetune(voice, tmp_path / "out", base, "--recogniser", "pocketsphinx") == 0
    result = json.loads((tmp_path / "out/finetune.json").read_text())
    for line in result["validations"]:
        distance = 1 - line.get("free_running_similarity", 1.0)  # where Resemblyzer is installed
        assert line["validation"] == pytest.approx(line["free_running_wer"] + distance)
    assert result["figures"].keys() == {"original", "before", "after"} and "pocketsphinx" in result["judges"]["words"]
    page = (tmp_path / "out/before_after.html").read_text()
    assert "<th>word error</th>" in page and page.count("heard: ") == 3 * result["pieces"]["held_out"][0]


@pytest.mark.parametrize(
    "texts, message",
    [
        (["Good morning."], "1 recording gave 1 piece of speech"),
        ([], "holds no recordings"),
    ],
)
def test_too_little(texts, message, base, tmp_path, capsys):
    folder = write_voice(tmp_path / "data", texts) if texts else tmp_path / "data"
    folder.mkdir(exist_ok=True)
    assert finetune(folder, tmp_path / "out", base) == 1
    assert message in capsys.readouterr().err


def test_recordings_without_speech_are_named_or_left_out(voice, base, tmp_path, capsys):
    folder = tmp_path / "data"
    shutil.copytree(voice, folder)
    scp = (folder / "wav.scp").read_text().replace(f"{voice}/3.wav", f"{folder}/silent.wav")
    soundfile.write(folder / "silent.wav", 0 * babble(1.0), 24_000)
    (folder / "wav.scp").write_text(scp)
    assert finetune(folder, tmp_path / "out", base) == 1
    error = capsys.readouterr().err
    assert (
        "1 of 8 recordings cannot be used (--skip-bad leaves them out)" in error
        and "silent.wav holds only silence" in error
    )
    assert finetune(folder, tmp_path / "out", base, "--skip-bad") == 0
    assert "silent.wav" in json.loads((tmp_path / "out/finetune.json").read_text())["left_out"][0]


def test_recordings_that_are_hardly_of_one_voice():
    result = {"validations": [{"validation": 0.5}, {"validation": 0.4}], "figures": {"original": {"similarity": 0.8}}}
    result["validations"] = [{"step": n, **one} for n, one in enumerate(result["validations"])]
    assert warnings_of(result) == []
    result["figures"]["original"]["similarity"] = 0.503
    assert "similarity 0.50 where those of one voice have some .8" in warnings_of(result)[0]
    result["validations"][1]["validation"], result["figures"] = 0.5, {}
    assert "the base was better: 0.500 before" in warnings_of(result)[0]


def test_outputs_that_would_harm_what_is_read(voice, base, tmp_path, capsys):
    assert finetune(voice, voice / "model", base) == 1
    assert "which DIR reads" in capsys.readouterr().err
    assert finetune(voice, base / "ditar", base) == 1
    assert "which --model reads" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("Dear")
    assert finetune(voice, tmp_path / "mine", base) == 1
    assert "holds other files" in capsys.readouterr().err


def test_the_shell_is_only_a_call(base, tmp_path):
    from tests.egs.corpora import ROOT

    lines = [line for line in (ROOT / "recipes/finetune.sh").read_text().splitlines() if line and line[0] != "#"]
    assert lines[-1] == 'exec "${PYTHON:-python3}" -m ditar.cli finetune "$@"' and len(lines) == 4
