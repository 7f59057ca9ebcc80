"""egs/ljspeech on a corpus of LJ Speech's own layout that is made here: every stage after the download. One recording
is speech, a voice that ships, so that its phones are found."""

import json

import pytest
import soundfile
import yaml

from ditar.audio.read import read_audio
from ditar.synthesis.model_folder import ASSETS
from tests.egs.corpora import ROOT, make_ljspeech, run

RUN = "egs/ljspeech/run.sh"
VOICE = ASSETS / "voices" / "eric.flac"
SAID = VOICE.with_suffix(".txt").read_text(encoding="utf-8").strip()


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ljspeech")
    config = yaml.safe_load((ROOT / "configs/ditar/finetune.yaml").read_text())
    config["data"] |= {"batch_patches": 100, "joined_share": 0.0, "max_seconds": 8.0, "first_seconds": 8.0}
    config["optimiser"] |= {"steps": 2}
    config["run"] |= {"validate_every": 2, "sample_every": 9, "checkpoint_every": 2}
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    (folder / "decode.txt").write_text("--limit 1 --steps 2\n")
    corpus = make_ljspeech(folder / "LJSpeech-1.1")
    table = corpus / "metadata.csv"
    table.write_text(table.read_text().replace("A bad dog. (1)|A bad dog.", f"{SAID} (1)|{SAID}"))
    soundfile.write(corpus / "wavs" / "LJ001-0001.wav", read_audio(VOICE, 22_050), 22_050)
    options = [
        *("--corpus", corpus, "--datadir", folder / "data", "--expdir", folder / "exp"),
        *("--val", "2", "--test", "2", "--nj", "1", "--ngpu", "0", "--init", "shipped", "--tag", "t"),
        *("--train-config", folder / "train.yaml", "--decode-config", folder / "decode.txt", "--stop-stage", "7"),
    ]
    run(RUN, *options)
    return folder, options


def test_every_stage_after_the_download_leaves_its_result(experiment):
    folder, _ = experiment
    train = (folder / "data/24k/train/text").read_text().splitlines()
    assert train == [f"LJ001-0001 {SAID}", "LJ001-0002 Good morning."]  # the normalised field
    info = soundfile.info(folder / "data/24k/train/wav/LJ001-0002.wav")
    assert info.samplerate == 24_000 and info.frames == pytest.approx(1.35 * 24_000, abs=500)
    assert (folder / "exp/t/model/model_index.json").is_file()
    (spoken,) = (folder / "exp/t/decode/wav").glob("*.wav")
    assert spoken.stem.startswith("LJ001-000")


def test_fine_tuning_keeps_the_vae_and_changes_ditar(experiment):
    from safetensors.torch import load_file

    folder, _ = experiment
    shipped, tuned = ROOT / "ditar/assets/model", folder / "exp/t/model"
    one, two = (load_file(model / "vae/diffusion_pytorch_model.safetensors") for model in (shipped, tuned))
    assert all((one[name] == two[name]).all() for name in one)
    one, two = (load_file(model / "ditar/model.safetensors") for model in (shipped, tuned))
    assert one.keys() == two.keys() and any((one[name] != two[name]).any() for name in one)
    heard = json.loads((tuned / "ditar/config.json").read_text())["trained_symbols"]
    assert {"h", "b", "ɹ"} & set(heard)


def test_it_resumes_where_it_stopped(experiment):
    _, options = experiment
    assert run(RUN, *options).count("is done already") == 15


def test_another_layout_is_named(tmp_path):
    said = run(RUN, "--corpus", tmp_path, "--datadir", tmp_path / "data", "--expdir", tmp_path, "--stage", "0", code=1)
    assert "no metadata.csv, no wavs" in said and "ljspeech" in said
