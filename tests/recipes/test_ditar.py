"""recipes/ditar.sh: what it checks before the first stage."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def run(*options, cwd=ROOT, python="true"):
    command = ["bash", str(ROOT / "recipes/ditar.sh"), "--python", python, *map(str, options)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=60, env=os.environ | {"PYTHON": ""})


def test_paths_start_where_the_user_stands(tmp_path):
    (tmp_path / "mine.yaml").write_text("steps: 1")
    for name in ("more.txt", "and more.txt"):
        (tmp_path / name).write_text("A sentence.")
    (tmp_path / "people").write_text("s1")
    given = ["--datadir", "d", "--expdir", "e", "--train-config", "mine.yaml", "--closed-set", "more.txt,and more.txt",
             "--listen-speakers", "people"]  # fmt: skip
    done = run(*given, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    marker = {path.name.split("-", 2)[2]: path.read_text() for path in (tmp_path / "e/default/.done").iterdir()}
    assert f"--config {tmp_path}/mine.yaml" in marker["ditar"] and f"{tmp_path}/d/test" in marker["decode"]
    assert "--config configs/vae/small.yaml" in marker["vae"]  # not here, so the repository's own
    assert f"--closed-set {tmp_path}/more.txt --closed-set {tmp_path}/and more.txt" in marker["score"]
    listening = f"--listen-speakers {tmp_path}/people --listen-recordings {tmp_path}/d/"
    assert listening in marker["ditar"]


def test_a_model_to_start_from_decides_what_is_not_given(tmp_path):
    def markers(name, *options):
        assert run("--expdir", tmp_path / name, *options).returncode == 0
        return {path.name.split("-", 2)[2]: path.read_text() for path in (tmp_path / name / "default/.done").iterdir()}

    tuned = markers("tuned", "--init", "shipped")
    new = markers("new", "--temperature", "0.1", "--steps", "8", "--time-grid", "sway")
    assert "--config configs/ditar/finetune.yaml" in tuned["ditar"] and "phones-train" in tuned
    assert f"--like {ROOT}/ditar/assets/model" in tuned["export"] and "--temperature" not in tuned["export"]
    assert "--config configs/ditar/small.yaml" in new["ditar"] and "phones-train" not in new
    assert "--temperature 0.1 --steps 8 --time-grid sway" in new["export"] and "--like" not in new["export"]


@pytest.mark.parametrize(("option", "value", "said"), [
    ("--init", "nowhere", "is not a model"), ("--vae-config", "nowhere.yaml", "no file 'nowhere.yaml'"),
    ("--listen-speakers", "nowhere", "--listen-speakers"), ("--tokenizer", "nowhere.json", "no file 'nowhere.json'"),
    ("--tokenizer", "pyproject.toml", "add --init-lm"),
    ("--decode-config", "nowhere.txt", "--decode-config"), ("--closed-set", "nowhere.txt", "--closed-set"),
    ("--stage", "1.5", "whole number"), ("--stop-stage", "last", "'last'"), ("--ngpu", "-1", "'-1'"),
])  # fmt: skip
def test_what_cannot_be_used_is_named_before_anything_is_made(tmp_path, option, value, said):
    done = run("--expdir", tmp_path / "e", option, value)
    assert done.returncode == 1 and said in done.stderr and len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "e").exists()


def write(path, name, **changes):
    """A configuration of the repository with other values of its sections."""
    config = yaml.safe_load((ROOT / "configs" / name).read_text(encoding="utf-8"))
    for section, values in changes.items():
        config[section] |= values
    path.write_text(yaml.safe_dump(config), encoding="utf-8")
    return path


@pytest.mark.parametrize(("options", "said"), [
    (["--temperature", "7"], "temperature must lie in [0, 1]"), (["--time-grid", "swey"], "'uniform', 'cosine', 'sway'"),
    (["--steps", "1", "--temperature", "0.5"], "temperature 0.5 needs at least 2 inference steps"),
    (["--recogniser", "ears"], "no recogniser is called 'ears'"), (["--language", "xx"], "is not known to espeak-ng"),
    (["--language", "de"], "hears English only, and 'de' is spoken; give a multilingual one"),
    (["--train-config", "{wrong}"], "wrong.yaml: model.latent_channels is 16, and the VAE of configs/vae/small.yaml has 64"),
    (["--last-config", "{wrong}", "--vae", "shipped"], "model.latent_channels is 16, and the VAE of"),
    (["--last-config", "{misspelt}"], "misspelt.yaml: unknown key 'loss.h_dropuot'; did you mean 'h_dropout'?"),
    (["--decode-config", "{decode}"], "unrecognized arguments: --stepps 3"),
])  # fmt: skip
def test_settings_of_the_last_stages_are_checked_before_the_first(tmp_path, options, said):
    """And not behind days of training."""
    files = {"wrong": write(tmp_path / "wrong.yaml", "ditar/small.yaml", model={"latent_channels": 16}),
             "misspelt": write(tmp_path / "misspelt.yaml", "ditar/small.yaml", loss={"h_dropuot": 0.1}),
             "decode": tmp_path / "decode"}  # fmt: skip
    files["decode"].write_text("--stepps 3\n")
    given = [option.format(**files) for option in options]
    extras = "import recipes.check_extras as c; c.MODULES = dict.fromkeys(c.MODULES, ())"  # whatever is installed here
    (tmp_path / "sitecustomize.py").write_text(extras)
    command = ["bash", "recipes/ditar.sh", "--python", sys.executable, "--expdir", str(tmp_path / "e"), *given]
    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0 and said in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert not (tmp_path / "e").exists()


def test_missing_extras_are_one_line_with_pips_command(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['lhotse'] = sys.modules['jiwer'] = None")
    given = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 60}
    env = os.environ | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    for program, extra in (("recipes/check_extras.py recipes eval", "'.[recipes,eval]'"),
                           ("recipes/download_corpus.py --corpus vctk --out x", "'.[recipes]'")):  # fmt: skip
        done = subprocess.run([sys.executable, *program.split()], env=env, **given)
        assert done.returncode == 1 and f"pip install {extra}" in done.stderr and "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_the_extras_that_are_checked_are_those_of_the_package():
    import tomllib

    from recipes.check_extras import MODULES

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra, modules in MODULES.items():
        lines = [*extras[extra], *(extras["eval"] if "ditar[eval]" in extras[extra] else ())]
        for module in modules:
            assert any(line.lower().startswith(module.replace("_", "-")) for line in lines)


def markers(folder):
    return {path.name.split("-", 2)[2]: path.read_text() for path in (folder / ".done").iterdir()}


def test_a_vae_that_exists_and_another_language(tmp_path):
    given = ["--datadir", tmp_path / "d", "--expdir", tmp_path / "e", "--vae", "shipped", "--language", "fr-fr",
             "--recogniser", "faster-whisper:base", "--align", "true"]  # fmt: skip
    done = run(*given)
    assert done.returncode == 0, done.stderr
    marker, vae = markers(tmp_path / "e/default"), f"--vae {ROOT}/ditar/assets/model/vae"
    assert "vae" not in marker and vae in marker["ditar"] and "--init" not in marker["ditar"]
    assert vae in marker["latents-train"] and "--statistics" not in marker["latents-train"]
    for name in ("vae-acceptance", "score"):
        assert marker[name].rstrip().endswith("--recogniser faster-whisper:base --language fr-fr")
    assert "--recogniser faster-whisper:base" in marker["ditar"] and "--language fr-fr" in marker["phones-train"]
    done = run(*given, "--init", "shipped")
    assert done.returncode == 1 and "give one" in done.stderr


def test_two_phases_of_each_model_and_two_tests(tmp_path):
    given = ["--datadir", tmp_path / "d", "--expdir", tmp_path / "e", "--vae-decoder-config", "configs/vae/decoder.yaml",
             "--last-config", "configs/ditar/finetune.yaml", "--audio-set", "more", "--align", "true",
             "--test-set", "t/test,clean", "--ref-set", "t/ref,clean"]  # fmt: skip
    done = run(*given)
    assert done.returncode == 0, done.stderr
    exp, data, marker = tmp_path / "e/default", tmp_path / "d", markers(tmp_path / "e/default")
    assert f"--train {data}/train {data}/more --valid" in marker["vae"]
    assert f"--init {exp}/vae/final --train {data}/train {data}/more " in marker["vae-decoder"]
    assert all(f"--vae {exp}/vae_decoder/final" in marker[name] for name in ("latents-train", "ditar", "export"))
    assert f"--init {exp}/ditar/final" in marker["ditar-last"] and f"--out {exp}/ditar_last " in marker["ditar-last"]
    assert f"--ditar {exp}/ditar_last/final" in marker["export"]
    assert "align_phones" in marker["phones-train"] and "align_phones" in marker["phones-val"]
    assert f"--data {data}/clean --references {data}/clean --out {exp}/decode_clean" in marker["decode_clean"]
    assert f"--output {exp}/score_clean" in marker["score_clean"] and f"--output {exp}/score" in marker["score"]
    assert marker["validate"].split().count(f"{data}/clean") == 1


@pytest.mark.parametrize("phase", ["train", "last"])
def test_poor_recordings_are_made_for_the_phase_that_reads_them(tmp_path, phase):
    """And for no other; without them the pipeline has no such step."""
    poor = write(tmp_path / "poor.yaml", "ditar/natural_last.yaml", data={"reference_poor": 0.3})
    both = {"train": "configs/ditar/natural.yaml", "last": "configs/ditar/natural_last.yaml"} | {phase: poor}
    given = [part for name, file in both.items() for part in (f"--{name}-config", file)]
    done = run("--expdir", tmp_path / "e", *given)
    assert done.returncode == 0, done.stderr
    exp, marker = tmp_path / "e/default", markers(tmp_path / "e/default")
    made = f"--out {exp}/latents/train_poor "
    assert made in marker["latents-train_poor"] and "--poor-recordings 0" in marker["latents-train_poor"]
    reading = {"train": "ditar", "last": "ditar-last"}[phase]
    assert [name for name in ("ditar", "ditar-last") if f"--poor {exp}/latents/train_poor " in marker[name]] == [reading]
    commented = (ROOT / "configs/ditar/natural.yaml").read_text(encoding="utf-8")
    commented = commented.replace("reference_poor: 0.0", "# reference_poor: 0.5\n  reference_poor: 0.0  # not 0.5")
    (tmp_path / "none.yaml").write_text(commented, encoding="utf-8")
    assert commented.count("0.5\n  reference_poor") == 1
    assert run("--expdir", tmp_path / "none", "--train-config", tmp_path / "none.yaml").returncode == 0
    assert "latents-train_poor" not in markers(tmp_path / "none/default")


def test_a_step_between_others_comes_and_goes(tmp_path):
    """What comes after it is made again each time, although without it all commands are those of the first run."""
    given = ["--expdir", tmp_path / "e", "--stage", "4"]
    for more in ([], ["--last-config", "configs/ditar/finetune.yaml"], []):
        done = run(*given, *more)
        assert "stage 6: export took" in done.stdout and "stage 7: decode took" in done.stdout, done.stdout
    assert "took" not in run(*given).stdout


@pytest.mark.parametrize(("option", "name", "step"), [("--train-config", "c.yaml", "4: ditar"),
                                                      ("--closed-set", "c.txt", "8: score"),
                                                      ("--listen-speakers", "c.txt", "4: ditar")])  # fmt: skip
def test_other_contents_of_a_file_of_settings_are_other_settings(tmp_path, option, name, step):
    given = ["--expdir", tmp_path / "e", "--stage", "4", option, tmp_path / name]
    for content in ("one", "two"):
        (tmp_path / name).write_text(content)
        assert f"stage {step} took" in run(*given).stdout
    assert "took" not in run(*given).stdout


def test_a_test_without_references(tmp_path):
    done = run("--expdir", tmp_path / "e", "--test-set", "a,b", "--ref-set", "c")
    assert done.returncode == 1 and "names 2 folders and --ref-set 1" in done.stderr


def test_raw_data_are_aligned_and_then_prepared(tmp_path):
    raw, data = tmp_path / "r", tmp_path / "d"
    given = ["--raw-datadir", raw, "--datadir", data, "--expdir", tmp_path / "e", "--align", "true", "--audio-set", "more/a"]
    done = run(*given, "--test-set", "t/test", "--ref-set", "t/ref")
    assert done.returncode == 0, done.stderr
    marker = markers(tmp_path / "e/default")
    assert f"--data {raw}/train " in marker["phones-train"] and f"--data {data}/train " in marker["text-train"]
    for name, step in (("train", "train"), ("t/test", "t_test"), ("t/ref", "t_ref"), ("more/a", "more_a")):
        assert f"prepare_audio.py --data {raw}/{name} --out {data}/{name} " in marker[f"audio-{step}"]
    order = {p.name.split("-", 2)[2]: int(p.name.split("-")[1]) for p in (tmp_path / "e/default/.done").iterdir()}
    assert order["phones-train"] < order["audio-train"] < order["text-train"] < order["vae"]
    assert f"{data}/train {data}/more/a" in marker["vae"]


def test_a_text_lm_to_begin_with_and_its_subwords(tmp_path):
    """A folder is found where the user stands, what is none there is a name on the hub."""
    (tmp_path / "qwen").mkdir()
    (tmp_path / "qwen/tokenizer.json").write_text("{}")
    given = ["--train-config", "configs/ditar/qwen2.5-0.5b.yaml", "--last-config", "configs/ditar/qwen2.5-0.5b.yaml"]
    done = run(*given, "--init-lm", "qwen", "--tokenizer", "qwen/tokenizer.json", "--expdir", "e", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    marker = markers(tmp_path / "e/default")
    for name in ("text-train", "text-val"):
        assert f"--tokenizer {tmp_path}/qwen/tokenizer.json" in marker[name]
    assert f"--init-lm {tmp_path}/qwen --subwords" in marker["ditar"]
    assert "--init-lm" not in marker["ditar-last"] and f"--init {tmp_path}/e/default/ditar/final" in marker["ditar-last"]
    done = run(*given, "--init-lm", "Qwen/Qwen2.5-0.5B", "--expdir", "h", cwd=tmp_path)
    marker = markers(tmp_path / "h/default")
    assert "--init-lm Qwen/Qwen2.5-0.5B" in marker["ditar"] and "--subwords" not in marker["ditar"]
    assert "--tokenizer" not in marker["text-train"]


def test_one_model_to_begin_with(tmp_path):
    done = run("--init", "shipped", "--init-lm", "Qwen/Qwen2.5-0.5B", "--expdir", tmp_path / "e")
    assert done.returncode == 1 and "--init and --init-lm both" in done.stderr and not (tmp_path / "e").exists()
