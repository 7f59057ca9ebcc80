"""Extraction of latents: any number of processes gives the same files, what was stopped goes on, bad input is listed."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from ditar.audio.read import read_audio
from ditar.audio.resample import low_pass
from ditar.data.latents import LatentStore, read_index, read_statistics
from ditar.data.shards import Latents, LatentWriter
from ditar.storage.lock import only_writer
from ditar.vae import SpeechVAE
from recipes import extract_latents
from tests.forked import RanksFailed, run_ranks
from tests.tiny import tiny_vae

pytest.importorskip("lhotse")
RATE = 24_000
UTTERANCES = [f"s{k % 2}-{k:02d}" for k in range(8)]


@pytest.fixture
def data(tmp_path):
    """A data directory of eight utterances of different lengths; extraction takes them in three shards."""
    folder, random = tmp_path / "data", np.random.default_rng(0)
    folder.mkdir()
    tables = {"wav.scp": "", "text": "", "utt2spk": "", "symbols": ""}
    for number, utt in enumerate(sorted(UTTERANCES)):
        wave = 0.1 * random.standard_normal(3000 + 700 * number)
        soundfile.write(tmp_path / f"{utt}.wav", wave.astype(np.float32), RATE)
        tables["wav.scp"] += f"{utt} {tmp_path / utt}.wav\n"
        tables["text"] += f"{utt} say {number}\n"
        tables["utt2spk"] += f"{utt} {utt[:2]}\n"
        times = [[0.0, 0.05], None] if number % 2 else None
        tables["symbols"] += json.dumps({"utt": utt, "symbols": ["ə", "."], "times": times}) + "\n"
    for name, content in (tables | {"language": "en-us\n"}).items():
        (folder / name).write_text(content)
    trained_vae().save_pretrained(tmp_path / "vae")
    return folder


def trained_vae() -> SpeechVAE:
    """As training writes it: without statistics."""
    vae = tiny_vae()
    vae.latent_mean.zero_(), vae.latent_std.fill_(1.0)
    return vae


@pytest.fixture
def extract(data, monkeypatch):
    def run(out, *options):
        values = ["--vae", data.parent / "vae", "--data", data, "--out", data.parent / out, "--shard-size", 3, *options]
        monkeypatch.setattr(sys, "argv", ["extract_latents", *map(str, values)])
        return extract_latents.main()

    return run


def contents(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def edit(path, old, new):
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new, 1))


def test_any_number_of_processes_gives_the_same_files(data, extract, tmp_path, capsys):
    assert extract("one", "--statistics") == 0
    assert extract("two", "--statistics", "--nj", 2) == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert extract("one", "--statistics", "--nj", 2) == 0
    assert "one is complete already" in capsys.readouterr().out

    mean, std = read_statistics(tmp_path / "one")
    store = LatentStore(tmp_path / "one", torch.zeros(8), torch.ones(8))
    assert {e.utt for e in store.entries} == set(UTTERANCES) and len(store.shards) == 3
    assert store.languages == ("en-us",)
    vae, posteriors = SpeechVAE.from_pretrained(tmp_path / "vae"), []
    for entry in store.entries:
        with torch.no_grad():
            # as the pipeline does with references: nothing above the VAE's bandwidth
            heard = low_pass(read_audio(tmp_path / f"{entry.utt}.wav"), vae.config.bandwidth_hz, 24_000)
            posteriors.append(vae.encode(torch.from_numpy(heard)[None]))
        assert torch.allclose(store.latents(entry.utt), posteriors[-1].mean[0], atol=2e-3)
        assert entry.symbols == ("ə", ".") and entry.text == f"say {sorted(UTTERANCES).index(entry.utt)}"
    means = torch.cat([p.mean[0] for p in posteriors]).double()
    noise = torch.cat([p.log_variance[0] for p in posteriors]).double().exp().mean(dim=0)
    assert torch.allclose(mean.double(), means.mean(dim=0), atol=1e-6)
    assert torch.allclose(std.double(), (means.var(dim=0, correction=0) + noise).sqrt(), rtol=1e-5)
    assert torch.equal(vae.latent_mean, mean) and torch.equal(vae.latent_std, std)
    order = [sorted(UTTERANCES).index(e.utt) for e in store.entries]
    assert order != sorted(order)  # a shard is no run of neighbours


def test_two_ranks_give_the_same_files_and_go_on_after_a_failure(data, extract, tmp_path):
    folders = ["--vae", tmp_path / "vae", "--data", data, "--out", tmp_path / "two"]
    program = ["recipes.extract_latents", *folders, "--shard-size", 3, "--statistics", "--nj", 2]

    assert extract("one", "--statistics") == 0
    whole, measured = contents(tmp_path / "one"), contents(tmp_path / "vae")
    trained_vae().save_pretrained(tmp_path / "vae")
    utt = next(e.utt for e in read_index(tmp_path / "one") if e.shard == "latents.000001.tar")  # of the second rank
    content, moment = (tmp_path / f"{utt}.wav").read_bytes(), (tmp_path / f"{utt}.wav").stat().st_mtime_ns
    (tmp_path / f"{utt}.wav").write_bytes(b"no audio")
    with pytest.raises(RanksFailed, match=f"repair them, or leave them out with --skip-bad:\n  {utt}: "):
        run_ranks(2, *program, output=tmp_path / "failed")
    assert not (tmp_path / "two/index.jsonl").exists()
    (tmp_path / f"{utt}.wav").write_bytes(content)
    os.utime(tmp_path / f"{utt}.wav", ns=(moment, moment))
    run_ranks(2, *program, output=tmp_path / "said")
    assert (tmp_path / "said").read_text().count("in 3 shards") == 1
    assert contents(tmp_path / "two") == whole and contents(tmp_path / "vae") == measured


def test_a_killed_process_is_named_and_the_rest_goes_on(extract, tmp_path, monkeypatch, capsys):
    assert extract("whole") == 0
    last = read_index(tmp_path / "whole")[-1].utt
    real = extract_latents.MeanEncoder.encode

    def killed(encoder, path):
        if Path(path).stem == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(encoder, path)

    with monkeypatch.context() as patch:
        patch.setattr(extract_latents.MeanEncoder, "encode", killed)  # the processes are forked
        assert extract("killed") == 1
    assert "a process was killed (is the memory full?)" in capsys.readouterr().err
    first = tmp_path / "killed/shar/latents.000000.tar"
    written = first.stat().st_mtime_ns
    assert not (tmp_path / "killed/index.jsonl").exists()
    assert extract("killed") == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole") and first.stat().st_mtime_ns == written


def spoil(data):
    """Every kind of bad utterance; returns what is said of each."""
    home, lines = data.parent, (data / "symbols").read_text().splitlines(keepends=True)
    (home / "s0-00.wav").unlink()
    (home / "s0-02.wav").write_bytes(b"")
    soundfile.write(home / "s0-04.wav", np.zeros(0, dtype=np.float32), RATE)
    soundfile.write(home / "s0-06.wav", np.zeros(599, dtype=np.float32), RATE)
    soundfile.write(home / "s1-01.wav", np.zeros(2 * RATE, dtype=np.float32), RATE)
    lines[5] = lines[5].replace(json.dumps("ə"), '"🙂"')
    (data / "symbols").write_text("".join(lines[:6] + lines[7:]))
    return {
        "s0-00": f"audio file {home}/s0-00.wav does not exist",
        "s0-02": "cannot be read as audio",
        "s0-04": "holds no samples",
        "s0-06": "has 599 samples at 24 kHz, less than one latent frame",
        "s1-01": "is 2.0 s long, the limit is 1 s",
        "s1-03": "the vocabulary lacks ['🙂']",
        "s1-05": "recipes/prepare_text.py (stage 1) left it out",
    }


def test_bad_utterances_are_refused_or_left_out_and_listed(data, extract, tmp_path, capsys):
    reasons = spoil(data)
    assert extract("out", "--max-seconds", 1) == 1
    said = capsys.readouterr().err
    assert "error: 3 utterances cannot be used; repair them, or leave them out with --skip-bad" in said
    assert all(f"{utt}: " in said and reasons[utt] in said for utt in ("s0-00", "s1-03", "s1-05"))
    assert not (tmp_path / "out").exists()

    assert extract("out", "--max-seconds", 1, "--skip-bad") == 0
    assert f"7 left out: {tmp_path}/out/skipped" in capsys.readouterr().out
    skipped = dict(line.split(maxsplit=1) for line in (tmp_path / "out/skipped").read_text().splitlines())
    assert list(skipped) == sorted(reasons)
    assert all(reasons[utt] in why for utt, why in skipped.items())
    assert [e.utt for e in read_index(tmp_path / "out")] == ["s1-07"]


def test_what_only_the_audio_tells_is_refused_too_and_repaired(data, extract, tmp_path, capsys):
    assert extract("whole") == 0
    victim = tmp_path / f"{read_index(tmp_path / 'whole')[-1].utt}.wav"
    content = victim.read_bytes()
    victim.write_bytes(b"no audio")
    assert extract("out") == 1
    assert f"1 utterances cannot be used; repair them, or leave them out with --skip-bad:\n  {victim.stem}: " in (
        capsys.readouterr().err
    )
    first = tmp_path / "out/shar/latents.000000.tar"
    written = first.stat().st_mtime_ns
    victim.write_bytes(content)
    assert extract("out") == 0
    assert first.stat().st_mtime_ns == written  # only what changed is done again
    for name in ("index.jsonl", "shar/latents.000002.tar"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_nothing_to_extract(data, extract, tmp_path, capsys):
    for utt in UTTERANCES:
        soundfile.write(tmp_path / f"{utt}.wav", np.zeros(599, dtype=np.float32), RATE)
    assert extract("out", "--skip-bad") == 1
    assert "8 utterances cannot be used" in capsys.readouterr().err and not (tmp_path / "out/index.jsonl").exists()
    (data / "wav.scp").write_text("")
    assert extract("out") == 1
    assert "wav.scp is empty" in capsys.readouterr().err
    (data / "symbols").unlink()
    assert extract("out") == 1
    assert "run recipes/prepare_text.py first" in capsys.readouterr().err


def test_another_encoder_or_vocabulary(data, extract, tmp_path, capsys):
    assert extract("out", "--statistics") == 0
    before = contents(tmp_path / "out")
    vae = SpeechVAE.from_pretrained(tmp_path / "vae")
    torch.nn.init.normal_(vae.encoder.out.weight)
    vae.latent_mean.zero_(), vae.latent_std.fill_(1.0)  # as training leaves them
    vae.save_pretrained(tmp_path / "vae")
    assert extract("out", "--statistics") == 0
    after = contents(tmp_path / "out")
    assert after.keys() == before.keys() and after["shar/latents.000001.tar"] != before["shar/latents.000001.tar"]
    config = (Path(__file__).parents[2] / "configs/ditar/tiny.yaml").read_text()
    assert "  symbols: []" in config
    (tmp_path / "own.yaml").write_text(config.replace("  symbols: []", '  symbols: ["_", "."]'))
    assert extract("own", "--config", tmp_path / "own.yaml") == 1
    assert "8 utterances cannot be used" in (said := capsys.readouterr().err) and "vocabulary lacks ['ə']" in said


def test_statistics_that_models_know_are_not_written_over(data, extract, tmp_path, capsys):
    assert extract("out", "--statistics") == 0
    before = (tmp_path / "vae/diffusion_pytorch_model.safetensors").read_bytes()
    lines = (data / "wav.scp").read_text().splitlines(keepends=True)
    (data / "wav.scp").write_text("".join(lines[:3]))
    assert extract("other", "--statistics") == 1
    assert f"{tmp_path}/vae has the statistics of other latents" in capsys.readouterr().err
    assert (tmp_path / "vae/diffusion_pytorch_model.safetensors").read_bytes() == before
    assert extract("other") == 0


def test_a_folder_that_cannot_be_written_is_named(extract, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert extract("file/out") == 1
    assert f"{tmp_path}/file/out" in capsys.readouterr().err


def test_parts_that_know_nothing_of_each_other_give_the_same_files(data, extract, tmp_path, capsys):
    """In any order, divided anyhow, one of them lost: the command without --part makes what is missing."""
    assert extract("one", "--statistics") == 0
    assert extract("parts", "--statistics", "--part", "0/2") == 1
    assert "was not begun; run the same command with --part begin first" in capsys.readouterr().err
    assert extract("parts", "--statistics", "--part", "begin") == 0
    for part in ("1/2", "3/5"):  # shard 1, and none
        assert extract("parts", "--statistics", "--part", part) == 0
    assert LatentWriter(tmp_path / "parts").unfinished(3) == [0, 2]
    assert extract("parts", "--statistics", "--part", "2/3", "--nj", 2) == 0
    assert not (tmp_path / "parts/index.jsonl").exists()
    assert extract("parts", "--statistics") == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "parts")
    assert extract("parts", "--statistics", "--part", "0/2") == 0
    assert "is complete already" in capsys.readouterr().out


def test_one_job_at_a_time(extract, tmp_path, capsys):
    """Parts of an array may be many, but neither their beginning nor the whole."""
    assert extract("out", "--part", "begin") == 0
    with only_writer(tmp_path / "out"):
        for options in ([], ["--part", "begin"]):
            assert extract("out", *options) == 1 and "is being written by another program" in capsys.readouterr().err
        assert extract("out", "--part", "0/2") == 0
    assert extract("out") == 0


def test_two_jobs_that_write_the_same_shard(tmp_path, monkeypatch):
    """A part that its scheduler started again before the first was gone: one writes while the other does."""
    made = [Latents("a", "a", np.ones((3, 4)), ["ə"], None, "say")]
    writer, cut = LatentWriter(tmp_path), LatentWriter._cut
    writer.begin({}, ["x"])

    def write_meanwhile(self, utterance):
        monkeypatch.setattr(LatentWriter, "_cut", cut)
        LatentWriter(tmp_path).write(0, made, {})
        return cut(self, utterance)

    monkeypatch.setattr(LatentWriter, "_cut", write_meanwhile)
    writer.write(0, made, {})
    assert writer.unfinished(1) == [] and sorted(path.name for path in (tmp_path / "shar").iterdir()) == [
        "cuts.000000.jsonl.gz", "latents.000000.tar"
    ]  # fmt: skip


def test_a_part_of_other_data_is_refused(data, extract, tmp_path, capsys):
    assert extract("parts", "--part", "begin") == 0
    edit(data / "text", "say 0", "say nothing")
    codes = [extract("parts", "--part", f"{number}/3") for number in range(3)]
    said = capsys.readouterr().err
    assert sorted(codes) == [0, 0, 1] and "was begun from other files or texts; run --part begin again" in said
    assert extract("parts", "--part", "begin", "--max-seconds", 5) == 0
    assert extract("parts", "--part", "0/3") == 1
    assert "was begun from something else" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["2/2", "a/b", "end", "1"])
def test_a_part_that_is_none_is_refused(extract, part, capsys):
    with pytest.raises(SystemExit):
        extract("parts", "--part", part)
    assert "must be begin, or K/N with K from 0 to N - 1" in capsys.readouterr().err


def test_poor_recordings_are_the_same_utterances_otherwise(data, extract, tmp_path, capsys):
    assert extract("clean", "--statistics") == 0
    assert extract("poor", "--poor-recordings", 1) == 0
    assert extract("again", "--poor-recordings", 1, "--nj", 2) == 0
    assert extract("other", "--poor-recordings", 2) == 0
    statistics = read_statistics(tmp_path / "clean")
    stores = {name: LatentStore(tmp_path / name, *statistics) for name in ("clean", "poor", "again", "other")}
    known = [(e.utt, e.frames, e.shard, e.symbols) for e in stores["clean"].entries]
    for utt, frames, *_ in known:
        clean, poor, again, other = (store.latents(utt) for store in stores.values())
        assert len(poor) == frames and torch.equal(poor, again)
        assert not torch.allclose(poor, clean, atol=0.01) and not torch.allclose(poor, other, atol=0.01)
    assert all([(e.utt, e.frames, e.shard, e.symbols) for e in store.entries] == known for store in stores.values())
    # Not one noise for all: the same sound in other files is another poor recording, and one in a copied folder is not.
    means = []
    for name in ("a/x.wav", "a/y.wav", "b/x.wav", "copy/a/x.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        shutil.copy(tmp_path / f"{utt}.wav", tmp_path / name)
        means.append(extract_latents.MeanEncoder(trained_vae().eval(), 30.0, 1).encode(tmp_path / name))
    assert not any(np.allclose(means[0], other, atol=0.01) for other in means[1:3])
    assert np.array_equal(means[0], means[3])
    # What is finished is told apart from what is asked for.
    assert extract("poor", "--poor-recordings", 1) == 0
    assert "is complete already" in capsys.readouterr().out
    assert extract("poor") == 0  # other settings: extracted anew
    assert torch.equal(LatentStore(tmp_path / "poor", *statistics).latents(utt), clean)
    assert extract("bad", "--poor-recordings", 1, "--statistics") == 1
    assert "extract these first, without --poor-recordings" in capsys.readouterr().err
    assert extract("bad", "--poor-recordings", -1) == 1
    assert "--poor-recordings must be a whole number from 0 to 2^63 - 1, got -1" in capsys.readouterr().err
    assert not (tmp_path / "bad").exists()
