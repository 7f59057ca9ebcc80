"""Long texts, lists, streams and voice files on the command line, with a tiny model that never stops."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from ditar.cli import main
from ditar.config.sampling import SamplingOptions
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.utterance_list import model_settings
from tests.tiny import clip, tiny_pipeline

ROOT = Path(__file__).parents[2]
LONG = "One is here. Two is here. Three is here."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("speaking")
    tiny_pipeline().save_pretrained(home / "model")
    soundfile.write(home / "good.wav", clip(1.0), 24_000)
    (home / "list.txt").write_text("a\tHello there.\nb\tBye.\n", encoding="utf-8")
    (home / "bad.txt").write_text("a\tHello there.\nb\t\u265c\n", encoding="utf-8")
    return home


def options(folder, *more):
    voice = [f"--prompt-audio={folder / 'good.wav'}", "--prompt-text=Hello there."]
    model = [f"--model={folder / 'model'}", "--device=cpu", "--steps=1", "--temperature=0"]
    return [*model, *([] if any(m.startswith("--voice") for m in more) else voice), *map(str, more)]


def synthesize(folder, *more):
    return main(["synthesize", *options(folder, *more)])


def start(folder, *more):
    command = [sys.executable, "-m", "ditar.cli", "synthesize", *options(folder, *more)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts behind it ignores Ctrl-C
    try:
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    finally:
        signal.signal(signal.SIGINT, before)


def test_several_sentences_are_one_file(folder, capsys):
    assert synthesize(folder, f"--text={LONG}", f"--output={folder / 'long.flac'}", "--batch-size=2") == 0
    assert soundfile.info(folder / "long.flac").duration > 3
    printed = capsys.readouterr()
    assert "long.flac: " in printed.out and "'Two is here.': " in printed.err
    assert not list(folder.glob("*.partial.*"))


def test_pauses_of_a_text_and_of_a_list(folder, capsys):
    for name, text in (("plain", "Hello there."), ("paused", "[pause:0.25] Hello there. [pause:0.5]")):
        assert synthesize(folder, f"--text={text}", f"--output={folder / name}.wav") == 0
    plain, paused = (soundfile.read(folder / f"{name}.wav")[0] for name in ("plain", "paused"))
    assert np.array_equal(paused, np.concatenate([np.zeros(6000), plain, np.zeros(12_000)]))
    (folder / "paused.txt").write_text("a\tHello [there](/ðɛɹ/). [pause:0.5]\nb\tBye [pause:now]\n", encoding="utf-8")
    lines = [f"--text-file={folder / 'paused.txt'}", f"--output-dir={folder / 'paused'}"]
    assert synthesize(folder, *lines) == 1 and "b: [pause:now]: 'now' is no length" in capsys.readouterr().err
    (row,) = map(json.loads, (folder / "paused" / "manifest.jsonl").read_text().splitlines())
    assert row["text"] == "Hello there." and not soundfile.read(folder / "paused" / "a.wav")[0][-12_000:].any()


def test_lines_become_files_once(folder, capsys):
    command = [f"--text-file={folder / 'list.txt'}", f"--output-dir={folder / 'out'}"]
    assert synthesize(folder, *command) == 0
    printed = capsys.readouterr()
    assert "manifest.jsonl: 2 utterances spoken, 0 kept, 0 failed" in printed.out
    assert printed.err.count("did not end by itself") == 2 and "ditar: warning: a: the speech" in printed.err
    assert synthesize(folder, *command) == 0 and "0 utterances spoken, 2 kept" in capsys.readouterr().out
    for kept in (0, 2):
        assert synthesize(folder, *command, "--guidance-steps=0,0.5") == 0
        assert f" spoken, {kept} kept" in capsys.readouterr().out
    assert synthesize(folder, *command, "--steps=2") == 0 and "2 utterances spoken" in capsys.readouterr().out
    command[0] = f"--text-file={folder / 'bad.txt'}"
    assert synthesize(folder, *command, "--steps=2") == 1
    printed = capsys.readouterr()
    assert "0 utterances spoken, 1 kept, 1 failed" in printed.out and "error: b: " in printed.err


def test_a_stream_that_fails_before_its_first_sample_leaves_the_file_that_was_there(folder, tmp_path, monkeypatch):
    from ditar.model.locdit import LocDiT

    def failing(*_, **__):
        raise ValueError("no patch")

    monkeypatch.setattr(LocDiT, "denoise", failing)
    for name, before in (("old.wav", b"of the user"), ("new.wav", None)):
        if before is not None:
            (tmp_path / name).write_bytes(before)
        assert synthesize(folder, "--text=Hello there.", "--stream", f"--output={tmp_path / name}") == 1
    assert os.listdir(tmp_path) == ["old.wav"] and (tmp_path / "old.wav").read_bytes() == b"of the user"


@pytest.mark.parametrize("way", ["--output", "--output by a link", "--output-dir", "partial", "--voice", "transcript"])
def test_what_is_read_is_not_written_over(folder, tmp_path, capsys, way):
    clip_path = tmp_path / ("a.wav.partial.wav" if way == "partial" else "utt1.wav")
    clip_path.write_bytes((folder / "good.wav").read_bytes())
    said = clip_path.with_suffix(".txt")
    said.write_text("Hello there.")
    (tmp_path / "list.txt").write_text("utt1 Good morning.\n")
    (tmp_path / "link.wav").symlink_to(clip_path)
    output = {"--output": clip_path, "--output by a link": tmp_path / "link.wav", "partial": tmp_path / "a.wav"}
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    command = [f"--prompt-audio={clip_path}", "--prompt-text=Hello there."]
    if way == "--output-dir":
        command += [f"--text-file={tmp_path / 'list.txt'}", f"--output-dir={tmp_path}"]
    elif way == "--voice":
        command = [f"--voice={clip_path}", "--text=Good.", f"--output={tmp_path / 'link.wav'}"]
    elif way == "transcript":
        (tmp_path / "link.wav").unlink()
        (tmp_path / "link.wav").symlink_to(said)
        before["link.wav"] = said.read_bytes()
        command = [f"--voice={clip_path}", "--text=Good.", f"--output={tmp_path / 'link.wav'}"]
    else:
        command += ["--text=Good.", f"--output={output[way]}"]
    assert main(["synthesize", f"--model={folder / 'model'}", *command]) == 1
    error = capsys.readouterr().err
    assert "would overwrite" in error and "give another name" in error
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_voice_file_is_not_written_over_its_clip(folder, tmp_path, capsys):
    clip_path = tmp_path / "a.safetensors"
    clip_path.write_bytes((folder / "good.wav").read_bytes())
    assert main(["voice", "create", str(clip_path), f"--prompt-audio={clip_path}", "--force"]) == 1
    assert "would overwrite" in capsys.readouterr().err
    assert clip_path.read_bytes() == (folder / "good.wav").read_bytes()


def test_how_a_list_was_read_is_said_and_can_be_chosen(folder, tmp_path, capsys):
    (tmp_path / "list.txt").write_text("utt1 Good morning.\n")
    command = [f"--text-file={tmp_path / 'list.txt'}", f"--output-dir={tmp_path / 'out'}"]
    assert synthesize(folder, *command) == 0
    assert "1 line of Kaldi's 'id text', the first id 'utt1' (--list-format text" in capsys.readouterr().err
    assert synthesize(folder, *command, "--list-format=text") == 0
    assert "1 line of text, each spoken whole to 1.wav (for names of your own write" in capsys.readouterr().err
    rows = [json.loads(line) for line in (tmp_path / "out/manifest.jsonl").read_text().splitlines()]
    assert [(row["id"], row["text"]) for row in rows] == [("utt1", "Good morning."), ("1", "utt1 Good morning.")]
    assert all("did not end by itself" in row["wrong"] for row in rows)
    assert synthesize(folder, "--text=Good.", f"--output={tmp_path / 'a.wav'}", "--list-format=kaldi") == 1
    assert "--list-format is for the lines of --output-dir" in capsys.readouterr().err


def test_strict_fails_where_speech_is_wrong_and_keeps_it(folder, tmp_path, capsys):
    out = tmp_path / "a.wav"
    assert synthesize(folder, "--text=Good.", f"--output={out}", "--strict") == 1 and out.is_file()
    assert "error: the speech did not end by itself" in capsys.readouterr().err
    audio, rate = soundfile.read(out)
    assert abs(audio[-1]) < 1e-4 < np.abs(audio[-rate // 50 :]).max()  # cut, and faded
    assert synthesize(folder, f"--text={LONG}", f"--output={out}", "--strict") == 1
    assert capsys.readouterr().err.count("error: 'Two is here.': the speech did not end") == 1
    command = [f"--text-file={folder / 'list.txt'}", f"--output-dir={tmp_path / 'out'}"]
    for spoken, kept in ((2, 0), (0, 2)):
        assert synthesize(folder, *command, "--strict") == 1
        printed = capsys.readouterr()
        assert f"{spoken} utterances spoken, {kept} kept, 0 failed; 2 cut off, silent or" in printed.out
        assert printed.err.count("ditar: error: ") == 2


def test_a_warning_that_is_true_of_every_sentence_is_said_once(folder, capsys):
    (folder / "long.txt").write_text("a\t" + 60 * f"{LONG} " + "\n", encoding="utf-8")
    own = ["synthesize", f"--model={folder / 'model'}", f"--prompt-audio={folder / 'good.wav'}", "--device=cpu"]
    own += ["--steps=1", "--temperature=0", "--max-retries=0"]
    assert main([*own, f"--text-file={folder / 'long.txt'}", f"--output-dir={folder / 'long'}"]) == 0
    error = capsys.readouterr().err
    assert error.count("what is said in the reference 'good' is not known") == 1
    assert "utterances, a the first" not in error
    (row,) = map(json.loads, (folder / "long/manifest.jsonl").read_text().splitlines())
    assert row["pieces"] > 1 and len(row["warnings"]) == len(set(row["warnings"]))
    main([*own, f"--text={LONG}", "--stream", f"--output={folder / 'long.wav'}"])
    assert capsys.readouterr().err.count("what is said in the reference 'good' is not known") == 1


def test_other_weights_of_the_shipped_model_are_another_setting(folder, monkeypatch):
    pipeline = tiny_pipeline()
    monkeypatch.setattr("ditar.synthesis.model_folder.SHIPPED_MODEL", folder / "model")
    before = model_settings(pipeline, None, "auto", "auto", num_inference_steps=1)
    assert before == model_settings(pipeline, None, "auto", "auto", num_inference_steps=1)
    weights = folder / "model/ditar/model.safetensors"
    os.utime(weights, ns=(0, 0))
    assert before != model_settings(pipeline, None, "auto", "auto", num_inference_steps=1)


def test_the_saved_scheduler_is_among_the_settings_where_no_option_says_else():
    tiny = tiny_pipeline()
    pipeline = ContinuousPipeline(tiny.vae, tiny.ditar, SamplingOptions(num_inference_steps=3, time_grid="sway"))
    settings = model_settings(pipeline, None, "auto", "auto", num_inference_steps=1)
    assert [settings[name] for name in ("num_inference_steps", "solver", "time_grid")] == [1, "ddim", "sway"]


def test_a_voice_is_made_listed_shown_and_used(folder, capsys):
    path = folder / "noise.safetensors"
    made = ["voice", "create", str(path), f"--prompt-audio={folder / 'good.wav'}", f"--model={folder / 'model'}"]
    assert main([*made, "--prompt-text=Hello there.", "--device=cpu"]) == 0
    assert main(["voice", "list", str(folder)]) == 0 and main(["voice", "show", str(path)]) == 0
    assert main(["voice", "show", str(path), "--json"]) == 0
    printed = capsys.readouterr().out
    assert f"{path}\tnoise\t1.00 s\tHello there." in printed and "transcript  Hello there." in printed
    assert json.loads(printed[printed.index("{") :])["channels"] == 8
    assert main(["voice", "show", "heart"]) == 0 and "The roses have just begun" in capsys.readouterr().out
    assert main(["voice", "show", "hart"]) == 1 and "did you mean 'heart'" in capsys.readouterr().err
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'a.wav'}") == 0
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'b.wav'}", f"--voice={path}") == 0
    assert (folder / "a.wav").read_bytes() == (folder / "b.wav").read_bytes()
    kept = path.read_bytes()
    assert main([*made, "--device=cpu"]) == 1
    assert f"{path} exists already; give another name, or --force" in capsys.readouterr().err
    assert path.read_bytes() == kept and main([*made, "--device=cpu", "--force"]) == 0
    assert "is not known" in capsys.readouterr().err
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'b.wav'}", f"--voice={path}") == 0
    assert "is not known" in capsys.readouterr().err


def test_a_voice_is_adapted_to_its_clip(folder, capsys):
    path, clip_options = folder / "adapted.safetensors", [f"--prompt-audio={folder / 'good.wav'}"]
    made = ["voice", "create", str(path), *clip_options, f"--model={folder / 'model'}", "--device=cpu", "--adapt"]
    assert main(made) == 1 and not path.exists()
    assert "what is said in its clip must be known; give the transcript, or 'auto'" in capsys.readouterr().err
    said = "--prompt-text=Hello there."
    assert main([*made, said]) == 0 and "voice 'adapted' of 1.00 s, learnt from its clip" in capsys.readouterr().out
    assert main(["voice", "show", str(path)]) == 0
    assert re.search("adapted for [0-9a-f]{16}\n", capsys.readouterr().out)
    spoken = []
    for options in ([f"--voice={path}"], [*clip_options, said, "--adapt"], [*clip_options, said, "--no-adapt"]):
        assert synthesize(folder, "--text=Good.", f"--output={folder / 'c.wav'}", *options) == 0
        spoken.append((folder / "c.wav").read_bytes())
    assert spoken[0] == spoken[1] != spoken[2]
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'c.wav'}", f"--voice={path}", "--adapt") == 0
    assert (folder / "c.wav").read_bytes() == spoken[0]
    capsys.readouterr()
    assert main([*made[:-1], said, "--no-adapt", "--force"]) == 0
    assert capsys.readouterr().out.endswith("voice 'adapted' of 1.00 s, heard only\n")
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'c.wav'}", f"--voice={path}", "--adapt") == 1
    assert "holds no sound to adapt to" in capsys.readouterr().err


def test_what_cannot_be_adapted_is_said_before_a_model_is_loaded(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("ditar.synthesis.pretrained.load_pipeline", lambda *_, **__: pytest.fail("loaded"))
    clip_options = [f"--prompt-audio={folder / 'good.wav'}", "--prompt-text=Hello there.", "--adapt"]
    shutil.copytree(folder / "model", tmp_path / "student")
    config = tmp_path / "student/ditar/config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"distilled_guidance": 4.0}))
    shutil.copytree(folder / "model", tmp_path / "tokens")
    index = tmp_path / "tokens/model_index.json"
    index.write_text(index.read_text().replace("DiTARPipeline", "TokenPipeline"))
    for model, message in (("student", "a distilled model learns no voices"), ("tokens", "draws tokens; leave it out")):
        options = ["--text=Good.", f"--output={tmp_path / 'a.wav'}", f"--model={tmp_path / model}", *clip_options]
        assert main(["synthesize", *options]) == 1 and message in capsys.readouterr().err
    options = ["--text=Good.", f"--output={tmp_path / 'a.wav'}", f"--model={folder / 'model'}", clip_options[0]]
    assert main(["synthesize", *options, "--adapt"]) == 1
    assert "what is said in its clip must be known" in capsys.readouterr().err


def test_a_voice_of_another_model_is_refused(folder, tmp_path, capsys):
    from dataclasses import replace

    from ditar.synthesis.voice_file import save_voice

    voice = tiny_pipeline().create_voice(clip(1.0), "Hi.", name="stranger")
    save_voice(replace(voice, vae="0123"), tmp_path / "v.safetensors")
    out = tmp_path / "a.wav"
    assert synthesize(folder, "--text=Good.", f"--output={out}", f"--voice={tmp_path / 'v.safetensors'}") == 1
    error = capsys.readouterr().err
    assert "'stranger' was made with the VAE 0123" in error and voice.vae in error and not out.exists()


def test_a_stream_is_the_audio_of_the_call_and_failures_are_told(folder, capsys):
    assert synthesize(folder, "--text=Good morning.", f"--output={folder / 'whole.wav'}") == 0
    capsys.readouterr()
    assert synthesize(folder, "--text=Good morning.", f"--output={folder / 'grown.wav'}", "--stream") == 1
    assert "error: 'Good morning.': the speech did not end by itself" in capsys.readouterr().err
    whole, grown = (soundfile.read(folder / name)[0] for name in ("whole.wav", "grown.wav"))
    np.testing.assert_allclose(grown, whole, atol=2e-4)


def test_raw_samples_go_to_standard_output_and_nothing_else_does(folder):
    process = start(folder, "--text=Good morning.", "--output=-")
    samples, errors = process.communicate(timeout=300)
    assert synthesize(folder, "--text=Good morning.", f"--output={folder / 'whole.wav'}") == 0
    whole = soundfile.read(folder / "whole.wav", dtype="int16")[0]
    streamed = np.frombuffer(samples, "<i2")
    assert process.returncode == 1 and b"-: " in errors
    np.testing.assert_allclose(streamed, whole, atol=4)


def test_text_and_clip_from_standard_input_and_audio_in_a_format_to_standard_output(folder, capsys, monkeypatch):
    def spoken(*more, stdin=b""):
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin)))
        monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=io.BytesIO(), isatty=lambda: False, flush=int))
        code = synthesize(folder, *more, "--output=-")
        return code, sys.stdout.buffer.getvalue()

    code, plain = spoken("--text=Good morning.")
    assert code == 1 and plain  # the tiny model never ends by itself
    assert spoken("--text-file=-", stdin=b"Good morning.") == (1, plain)
    assert spoken("--text=Good morning.", "--prompt-audio=-", stdin=(folder / "good.wav").read_bytes()) == (1, plain)
    for name in ("wav", "mp3", "ogg"):
        _, data = spoken("--text=Good morning.", f"--output-format={name}")
        audio, _ = soundfile.read(io.BytesIO(data))
        assert 0 <= len(audio) - len(plain) // 2 <= 4 * 576
    capsys.readouterr()
    assert spoken("--text-file=-", "--prompt-audio=-")[0] == spoken("--text=Hi.", "--prompt-audio=-")[0] == 1
    errors = capsys.readouterr().err
    assert "would read the same" in errors and "standard input holds no bytes" in errors


@pytest.mark.parametrize("ending", ["mp3", "opus", "ogg"])
def test_compressed_files(folder, ending):
    assert synthesize(folder, f"--text={LONG}", f"--output={folder / 'a'}.{ending}") == 0
    assert soundfile.info(folder / f"a.{ending}").duration > 3


def test_a_reader_that_goes_away_ends_the_stream_cleanly(folder):
    process = start(folder, f"--text={LONG * 200}", "--output=-")
    assert len(process.stdout.read(1000)) == 1000
    process.stdout.close()
    errors = process.stderr.read().decode()
    assert process.wait(timeout=300) == 0
    assert "the reader went away after" in errors and "Traceback" not in errors and "Exception ignored" not in errors


def test_ctrl_c_in_a_long_text_keeps_what_is_done_and_the_same_command_goes_on(folder):
    text = (folder / "book.txt")
    text.write_text("".join(f"Number {n} is here. " for n in range(300)), encoding="utf-8")
    command = [f"--text-file={text}", f"--output={folder / 'book.wav'}", "--batch-size=1"]
    process = start(folder, *command)
    note = folder / "book.wav.partial.jsonl"
    for _ in range(3000):
        if (note.is_file() and note.stat().st_size) or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert b"book.wav.partial.wav; the same command resumes" in errors and b"Traceback" not in errors
    done = note.read_text().splitlines()
    last = json.loads(done[-1])
    assert 0 < len(done) < 300
    assert soundfile.info(folder / "book.wav.partial.wav").frames >= last["start"] + last["samples"] > 0
    assert not (folder / "book.wav").exists()


def test_a_voice_that_ships_speaks_by_its_name(folder, capsys, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(folder / "data"))
    assert main(["voice", "list"]) == 0
    name, clip_path, transcript, _ = capsys.readouterr().out.splitlines()[0].split("\t")
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'named.wav'}", f"--voice={name}") == 0
    model = [f"--model={folder / 'model'}", "--device=cpu", "--steps=1", "--temperature=0"]
    given = [f"--prompt-audio={clip_path}", f"--prompt-text={transcript}"]
    assert main(["synthesize", *model, *given, "--text=Good.", f"--output={folder / 'given.wav'}"]) == 0
    assert (folder / "named.wav").read_bytes() == (folder / "given.wav").read_bytes()
    assert synthesize(folder, "--text=Good.", f"--output={folder / 'x.wav'}", "--voice=nobody") == 1
    assert "voice 'nobody' is not a file, and no voice has this name" in capsys.readouterr().err
