"""The command line as a person meets it: in a process of its own where it matters."""

import json
import os
import re
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from ditar.cli import build_parser, main
from tests.tiny import clip, tiny_pipeline

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model, which never stops (so every output comes with a warning), and clips good and bad."""
    home = tmp_path_factory.mktemp("cli")
    tiny_pipeline().save_pretrained(home / "model")
    good = clip(1.0)
    soundfile.write(home / "good.wav", good, 24_000)
    soundfile.write(home / "stereo48.wav", np.stack([clip(2.0), clip(2.0)], axis=1), 48_000)
    soundfile.write(home / "good.mp3", good, 24_000, format="MP3")
    soundfile.write(home / "silent.wav", np.zeros(48_000), 24_000)
    soundfile.write(home / "short.wav", clip(0.1), 24_000)
    soundfile.write(home / "long.wav", clip(90.0), 24_000)
    good[100] = np.nan
    soundfile.write(home / "nan.wav", good, 24_000, subtype="FLOAT")
    (home / "text.wav").write_text("not audio at all " * 50)
    (home / "sentence.txt").write_text("Good morning.\n", encoding="utf-8")
    (home / "latin1.txt").write_bytes("caf\u00e9".encode("latin-1"))
    tiny_pipeline().save_pretrained(home / "broken")
    weights = home / "broken" / "ditar" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    return home


def synthesize(folder, **options):
    """Run `ditar synthesize` in this process; options override a good command."""
    good = {
        "text": "Good morning.",
        "prompt_audio": folder / "good.wav",
        "prompt_text": "Hello there.",
        "model": folder / "model",
        "output": folder / "out.wav",
        "steps": 2,
        "temperature": 0,  # one attempt
        "device": "cpu",
    }
    named = {f"--{k.replace('_', '-')}": v for k, v in (good | options).items() if v is not None}
    arguments = [k if v is True else f"{k}={v}" for k, v in named.items()]
    return main(["synthesize", *arguments])


@pytest.mark.parametrize("prompt", ["good.wav", "stereo48.wav", "good.mp3"])
def test_it_writes_a_file_that_holds_speech(folder, prompt, capsys):
    assert synthesize(folder, prompt_audio=folder / prompt) == 0
    audio, rate_hz = soundfile.read(folder / "out.wav")
    assert rate_hz == 24_000 and len(audio) > 24_000
    printed = capsys.readouterr()
    assert "out.wav" in printed.out and "s of speech" in printed.out and "warning" in printed.err


@pytest.mark.parametrize(
    "options, message",
    [
        ({"text": ""}, "at least one word"),
        ({"text": "   \n"}, "at least one word"),
        ({"text": "\U0001f600\U0001f389"}, "U+1F600 GRINNING FACE"),
        ({"prompt_audio": "{}/silent.wav"}, "silent.wav is silent"),
        ({"prompt_audio": "{}/short.wav"}, "0.10 s of speech, at least 0.5 s"),
        ({"prompt_audio": "{}/long.wav"}, "the limit is 30 s; cut it at a pause"),
        ({"prompt_audio": "{}/nan.wav"}, "not numbers"),
        ({"prompt_text": "{}/sentence.txt"}, "sentence.txt' is the name of a file; give what is in it"),
        ({"output": None, "output_dir": "{}/o", "output_format": "mp3"}, "--output-dir writes WAV files: leave it out"),
        ({"prompt_audio": "{}/text.wav"}, "text.wav cannot be read as audio"),
        ({"prompt_audio": "{}/missing.wav"}, "missing.wav does not exist"),
        ({"voice": "{}/good.wav"}, "give --voice, or --prompt-audio and --prompt-text, not both"),
        ({"voice": "{}/no.safetensors", "prompt_audio": None, "prompt_text": None}, "no.safetensors does not exist"),
        ({"voice": "{}/latin1.txt", "prompt_audio": None, "prompt_text": None}, "latin1.txt (4 bytes) is not a voice"),
        ({"voice": "nobody", "prompt_audio": None, "prompt_text": None}, "voice 'nobody' is not a file"),
        ({"model": "{}"}, "model_index.json cannot be read"),
        ({"output": None, "output_dir": "{}/out"}, "--output-dir takes the lines of --text-file"),
        ({"text": None, "text_file": "{}/sentence.txt", "output": None, "output_dir": "{}/sentence.txt"}, "is a file; give"),
        ({"text": None, "text_file": "{}/sentence.txt", "output": None, "output_dir": "{}/no/out"}, "mkdir -p"),
        ({"output": "{}/out.flac", "stream": True}, "--stream writes a growing WAV file"),
        ({"output": "{}/out.flac", "output_format": "mp3"}, "--output-format is for --output -"),
        ({"prompt_audio": None}, "give both or neither"),
        ({"model": "{}/missing"}, "missing' does not exist"),
        ({"model": "{}/broken"}, "is not a whole safetensors file"),
        ({"output": "{}/no/such/out.wav"}, "no/such does not exist; create it with: mkdir -p"),
        ({"output": "{}/out.xyz"}, "must end in one of"),
        ({"language": "xx-nowhere"}, "xx-nowhere"),
        ({"solver": "unipc", "temperature": "0.5"}, "'unipc' allows temperature 1 only, got 0.5"),
        ({"temperature": 1.5}, "--temperature must be a number from 0 to 1 for this model, got 1.5"),
        ({"top_k": 5}, "--top-k is for models that draw tokens"),
        ({"output": "/proc/out.wav"}, "nothing can be written in the folder /proc"),
        ({"text": None, "text_file": "{}/missing.txt"}, "missing.txt does not exist"),
        ({"text": None, "text_file": "{}/latin1.txt"}, "latin1.txt is not UTF-8 text (byte 3); convert it with iconv -f"),
        ({"prompt_audio": "https://a.org/b.wav"}, "b.wav does not exist; download it first"),
        ({"text": "Hi \udcff there."}, "--text is not UTF-8 text (byte 0xff after 'Hi ')"),
        ({"prompt_text": "\udce9"}, "--prompt-text is not UTF-8 text (byte 0xe9 after '')"),
    ],
)
def test_bad_input_is_one_line_that_names_it(folder, options, message, capsys):
    options = {k: v.format(folder) if isinstance(v, str) else v for k, v in options.items()}
    before = set(os.listdir(folder))
    assert synthesize(folder, **options) == 1
    error = capsys.readouterr().err
    assert error.startswith("ditar: error: ") and error.count("\n") == 1 and message in error
    assert "Traceback" not in error and set(os.listdir(folder)) == before


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temperature": 101}, "from 0 to 100, got '101'"),
        ({"temperature": "nan"}, "from 0 to 100"),
        ({"stop_threshold": 2}, "from 0 to 1, got '2'"),
        ({"guidance_steps": "0.5,0.5"}, "0 <= LOW < HIGH <= 1, such as 0,0.5, got '0.5,0.5'"),
        ({"guidance_steps": "half"}, "got 'half'"),
        ({"max_retries": -1}, "a whole number from 0 to 100, got '-1'"),
        ({"guidance_scale": 0}, "from 1 to 100"),
        ({"steps": 0}, "from 1 to 1000"),
        ({"seed": -1}, "from 0 to"),
        ({"device": "magic"}, "must be auto, cpu, mps, cuda or cuda:N, got 'magic'"),
        ({"solver": "magic"}, "'magic' (choose from"),
        ({"time_grid": "magic"}, "'magic' (choose from"),
        ({"text_file": "a.txt"}, "not allowed with"),
        ({"output": None}, "required"),
    ],
)
def test_bad_use_exits_2_and_names_the_option(folder, options, message, capsys):
    with pytest.raises(SystemExit) as stop:
        synthesize(folder, **options)
    assert stop.value.code == 2 and message in capsys.readouterr().err


def test_solver_and_grid_are_handed_on(folder, monkeypatch):
    asked = []

    def fake(self, requests, **options):
        given = [options.get(name) for name in ("solver", "time_grid", "guidance_steps", "guidance_rise", "max_retries")]
        asked.append((*given, requests[0].stop_threshold))
        return [SimpleNamespace(audio=clip(0.1), sample_rate=24_000, warnings=[], wrong=None, timing=None) for _ in requests]

    monkeypatch.setattr("ditar.synthesis.pipeline.ContinuousPipeline.batch", fake)
    choice = {"solver": "dpm-solver++", "time_grid": "uniform", "temperature": 1}
    assert synthesize(folder, time_grid="cosine") == 0 and synthesize(folder, **choice) == 0
    assert synthesize(folder, stop_threshold=0.3, max_retries=0, guidance_steps="0,0.5", guidance_rise=4) == 0
    left, given = (None, None, None, None), ((0.0, 0.5), 4.0, 0, 0.3)
    assert asked == [(None, "cosine", *left), ("dpm-solver++", "uniform", *left), (None, None, *given)]


def test_text_from_a_file(folder, capsys):
    assert synthesize(folder) == 0
    said = (folder / "out.wav").read_bytes()
    assert synthesize(folder, text=None, text_file=folder / "sentence.txt") == 0
    assert (folder / "out.wav").read_bytes() == said


def test_unknown_key_in_a_configuration_is_named(tmp_path, capsys):
    text = (ROOT / "configs" / "ditar" / "tiny.yaml").read_text(encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(text.replace("patch_frames", "patch_framez"), encoding="utf-8")
    assert main(["info", str(tmp_path / "bad.yaml")]) == 1
    assert "unknown key 'model.patch_framez'; did you mean 'patch_frames'?" in capsys.readouterr().err
    assert main(["info", str(tmp_path / "missing.yaml")]) == 1
    assert "missing.yaml' does not exist" in capsys.readouterr().err
    assert main(["info", str(tmp_path)]) == 1
    assert "is a folder; give a configuration file" in capsys.readouterr().err
    assert main(["info", str(ROOT / "configs/accelerate/gpu.yaml")]) == 1
    assert "gpu.yaml is not a configuration of a model" in capsys.readouterr().err


def test_info_prints_parameters_and_flops(capsys):
    assert main(["info", str(ROOT / "configs" / "ditar" / "tiny.yaml"), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert {"aggregation_encoder", "lm", "locdit", "total"} <= set(info["parameters"]) and info["tflops"] > 0
    assert main(["info", str(ROOT / "configs" / "ditar" / "tiny.yaml")]) == 0
    assert "TFLOPs" in capsys.readouterr().out


def test_info_on_a_vae_and_on_a_baseline(capsys):
    assert main(["info", str(ROOT / "configs" / "vae" / "small.yaml"), "--json"]) == 0
    info = json.loads(capsys.readouterr().out)
    assert info["parameters"]["total"] == sum(info["parameters"][k] for k in ("encoder", "decoder", "quantiser"))
    assert 0 < info["gflops_per_second"]["decode"] < 10
    assert main(["info", str(ROOT / "configs" / "vae" / "small.yaml")]) == 0
    assert "GFLOPs per second of audio" in capsys.readouterr().out
    assert main(["info", str(ROOT / "configs" / "baseline" / "tiny_matched.yaml")]) == 0
    assert "TFLOPs" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("synthesize --txt hello", "ditar synthesize: error: unknown option --txt; did you mean '--text'?"),
        ("synthesize --text hello --outptu=a.wav", "unknown option --outptu; did you mean '--output'?"),
        ("info --jsn", "ditar info: error: unknown option --jsn; did you mean '--json'?"),
        ("voice create --promt-audio a.wav", "voice create: error: unknown option --promt-audio; did you mean '--pro"),
        ("evaluate out --zzzz", "ditar evaluate: error: unknown option --zzzz; see"),
        ("info a.yaml b.yaml", "unrecognized arguments: b.yaml"),
        ("synthesize --text hello", "one of the arguments --output --output-dir is required"),
        ("info", "required: "),
    ],
)
def test_an_unknown_option_comes_before_a_missing_one(arguments, said, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments.split())
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_an_option_that_is_given_twice_is_read_twice_and_not_more_often():
    arguments = "synthesize --script a --script-voice b=c --script-voice d=e --output f".split()
    options = build_parser().parse_args(arguments)
    assert options.script_voice == ["b=c", "d=e"]


def run(*arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(arguments, capture_output=True, text=True, env=environment, **options)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"], ["--version"], ["synthesize", "--help"], ["voice", "create", "--help"], ["info", "--help"],
        ["export", "--help"], ["serve", "--help"], ["finetune", "--help"],
    ],  # fmt: skip
)
def test_help_needs_no_torch_and_no_patience(arguments):
    code = (
        f"import sys\nfrom ditar.cli import main\ntry: main({arguments!r})\n"
        "finally: assert 'torch' not in sys.modules"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(sys.executable, "-c", code)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"default:\s+(None|False|\[\])", done.stdout)
    assert arguments[0] != "synthesize" or "same samples (default: 0)" in " ".join(done.stdout.split())
    assert arguments[0] != "export" or "[-h] --format {onnx}" in done.stdout  # what is required has no brackets
    assert ("ditar 0." if arguments == ["--version"] else "usage: ditar") in done.stdout
    # Processor time, which is wall time where nothing else runs: a busy machine is not the program's fault.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


@pytest.mark.parametrize("command", [["synthesize"], ["voice", "create"], ["serve"], ["finetune"]])
def test_every_option_of_what_users_begin_with_is_explained(command):
    parser = build_parser()
    for name in command:
        parser = next(a.choices for a in parser._actions if hasattr(a.choices, "values"))[name]
    assert parser.description
    assert [action.option_strings for action in parser._actions if not action.help] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["--text=Hi.", "--output=/no/such/folder/a.wav"],
        ["--text=Hi.", "--output=a.wav", "--prompt-audio=missing.wav", "--prompt-text=Hi."],
        ["--text=Hi.", "--output=a.wav", "--voice=missing.safetensors"],
        ["--text=Hi.", "--output=a.wav", "--model=missing"],
        ["--text=Hi.", "--output=a.wav", "--language=klingon"],
        ["--text-file=missing.txt", "--output=a.wav"],
        ["--text= ", "--output=a.wav"],
        ["--text=Hi.", "--output=a.wav", "--solver=unipc", "--temperature=0.5"],
        ["--text=Hi.", "--output=a.wav", "--temperature=1.5"],
        ["--text=Hi.", "--output=a.wav", "--temperature=0.5", "--steps=1"],
        ["--text=Hi.", "--output=a.wav", "--solver=unipc", "--time-grid=sway"],
        ["--text=Hi.", "--output=a.wav", "--top-p=0.5"],
        ["--text=Hi.", "--output=/proc/a.wav"],
        ["--text-file=list.txt", "--output-dir=out"],
        ["--text-file=good.txt", "--output-dir=/proc/out"],
        ["--text=Hi.", "--output=a.wav", "--model=tokens", "--steps=4"],
        ["--text=Hi.", "--output=a.wav", "--model=tokens", "--stop-threshold=0.5"],
        ["--text=Hi.", "--output=a.wav", "--model=tokens", "--guidance-steps=0,0.5"],
        ["--text=Hi.", "--output=a.wav", "--model=tokens", "--stream"],
        ["--text=Hi.", "--output=a.wav", "--model=tokens", "--prompt-audio=a.wav"],
        ["--text=Hi.", "--output=a.wav", "--model=list.txt"],
    ],
)
def test_bad_input_is_found_before_torch_is_imported(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tokens(tmp_path)
    (tmp_path / "list.txt").write_text("a\tHello.\na\tBye.\n")
    (tmp_path / "good.txt").write_text("a\tHello.\n")
    without_torch(monkeypatch)
    assert main(["synthesize", *arguments]) == 1
    assert "ditar.synthesis.long_text" not in capsys.readouterr().err
    assert sorted(os.listdir(tmp_path)) == ["good.txt", "list.txt", "tokens"]


def without_torch(monkeypatch):
    """The module behind which torch is cannot be imported, also where an earlier test did."""
    monkeypatch.setitem(sys.modules, "ditar.synthesis.long_text", None)


def tokens(folder):
    """What of a token LM's folder is looked at before torch is there."""
    (folder / "tokens").mkdir()
    (folder / "tokens/model_index.json").write_text('{"_class_name": "TokenPipeline"}')


def test_the_range_of_the_temperature_is_that_of_the_kind_of_model(tmp_path, monkeypatch, capsys):
    tokens(tmp_path)
    without_torch(monkeypatch)
    arguments = ["synthesize", "--text=Hi.", f"--output={tmp_path / 'a.wav'}", "--temperature=1.5"]
    assert main(arguments) == 1 and "from 0 to 1 for this model" in capsys.readouterr().err
    assert main([*arguments, f"--model={tmp_path / 'tokens'}", "--top-k=5"]) == 1
    assert "ditar.synthesis.long_text" in capsys.readouterr().err  # all is in order up to there


def test_raw_samples_are_not_written_to_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["synthesize", "--text=Hi.", "--output=-"]) == 1
    assert "standard output is a terminal; pipe it" in capsys.readouterr().err


def test_the_checks_need_no_torch(folder):
    reference = [f"--prompt-audio={folder / 'good.wav'}", "--prompt-text=Hi."]
    arguments = ["synthesize", "--text= ", "--output=a.wav", *reference]
    code = f"import sys\nfrom ditar.cli import main\nassert main({arguments!r}) == 1\nassert 'torch' not in sys.modules"
    assert run(sys.executable, "-c", code).returncode == 0


def test_interrupted_is_130_and_leaves_nothing(folder, monkeypatch, capsys):
    import ditar.synthesis.pipeline

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ditar.synthesis.pipeline.ContinuousPipeline, "from_pretrained", interrupted)
    assert synthesize(folder, output=folder / "never.wav") == 130
    assert capsys.readouterr().err == "ditar: interrupted\n" and not (folder / "never.wav").exists()


def test_text_from_standard_input_in_a_process_of_its_own(folder):
    done = run(
        sys.executable, "-m", "ditar.cli", "synthesize", "--text-file=-", f"--model={folder / 'model'}", "--steps=2",
        f"--prompt-audio={folder / 'good.wav'}", "--prompt-text=Hello there.", f"--output={folder / 'stdin.flac'}",
        "--temperature=0", input="Good morning.\n",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert soundfile.info(folder / "stdin.flac").samplerate == 24_000


def test_a_bench_of_no_model_ends_before_torch_is_imported(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ditar.bench.setup", None)
    assert main(["bench", "--model=missing"]) == 1 and "model folder 'missing' does not exist" in capsys.readouterr().err


def test_what_the_system_says_of_a_file_comes_without_its_number(capsys):
    assert main(["bench", "--output=/proc/none/bench"]) == 1
    assert capsys.readouterr().err == "ditar: error: /proc/none: No such file or directory\n"


def test_no_command_shows_the_commands(capsys):
    assert main([]) == 2
    assert "synthesize" in capsys.readouterr().out
