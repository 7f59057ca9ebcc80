"""The generated corpus: its plan, its voices, its sentences, and how its shell scripts take options."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from ditar.storage.json_lines import read_log

LOCAL = Path(__file__).parents[2] / "egs/generated/local"
RUN = LOCAL.parent / "run.sh"


@pytest.fixture(scope="module")
def corpus():
    """The programs of egs/generated/local, as modules."""
    sys.path.insert(0, str(LOCAL))
    try:
        import make_corpus

        yield make_corpus
    finally:
        sys.path.remove(str(LOCAL))


@pytest.fixture
def plan(corpus, monkeypatch):
    monkeypatch.setattr(corpus.sentences, "fortune_sentences", lambda: [f"Proverb {w} is old." for w in ("one", "two")])
    return corpus.plan(utterances=600, val=20, vae_test=24, seed=0)


def test_enough_voices_and_one_base_held_out(corpus):
    training = corpus.voices.training_voices(0)
    held_out = corpus.voices.held_out_voices(0)
    names = [v.speaker for v in training + held_out]
    assert len(training) >= 200 and len(set(names)) == len(names)
    assert not any(v.base == "ked" for v in training) and all(v.base == "ked" for v in held_out)
    assert len({len(name) for name in names}) == 1  # sorting by utterance then sorts by speaker


def test_splits_share_no_sentence_and_the_held_out_voice_never_trains(corpus, plan):
    by_split = {split: [i for i in plan if i.split == split] for split in corpus.SPLITS}
    assert {split: len(items) for split, items in by_split.items()} == {
        "train": 600, "val": 20, "vae_test": 24, "test": 100, "test_ref": 52,
    }  # fmt: skip
    keys = [corpus.sentences.key(i.sentence) for i in plan]
    assert len(set(keys)) == len(keys) == len({i.utt for i in plan})
    assert not any(i.voice.base == "ked" for i in by_split["train"] + by_split["val"])
    assert [i.sentence for i in by_split["test"]] == corpus.read_list("heldout.txt")


def test_some_voices_alone(corpus, monkeypatch):
    monkeypatch.setattr(corpus.sentences, "fortune_sentences", lambda: [])
    plan = corpus.plan(600, 4, 6, 0, ["slt000", "rms000"])
    assert {i.voice.speaker for i in plan if i.split == "train"} == {"slt000", "rms000"}
    with pytest.raises(ValueError, match="no training voice is called 'ked000'"):
        corpus.plan(600, 4, 6, 0, ["slt000", "ked000"])


def test_held_out_sentences_and_decoys(corpus):
    held_out, decoys = corpus.read_list("heldout.txt"), corpus.read_list("decoys.txt")
    keys = {corpus.sentences.key(s) for s in held_out + decoys}
    assert (len(held_out), len(decoys), len(keys)) == (100, 200, 300)
    assert all(4 <= len(s.split()) <= 12 for s in held_out)


@pytest.mark.parametrize(("size", "utterances"), [("full", 26_000), ("small", 400)])
def test_the_sizes_of_the_corpus_stand_in_conf_alone(corpus, size, utterances, monkeypatch, capsys):
    options = subprocess.run(
        ["bash", "-c", f". {RUN.parent}/conf/{size}.sh && echo $corpus_options"], capture_output=True, text=True
    ).stdout.split()
    monkeypatch.setattr(sys, "argv", ["make_corpus.py", "--out", "x", *options])
    assert corpus.parse_arguments().utterances == utterances
    for option in ("--utterances", "--val", "--vae-test"):
        place = options.index(option)
        monkeypatch.setattr(sys, "argv", ["make_corpus.py", "--out", "x", *options[:place], *options[place + 2 :]])
        with pytest.raises(SystemExit):
            corpus.parse_arguments()
        assert f"required: {option}" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_named(corpus, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("")
    sizes = ["--utterances", "40", "--val", "2", "--vae-test", "2"]
    monkeypatch.setattr(sys, "argv", ["make_corpus.py", "--out", str(tmp_path / "file/data"), *sizes])
    monkeypatch.setattr(corpus.engines, "check_programs", lambda: None)
    monkeypatch.setattr(corpus, "plan", lambda *_: [])
    assert corpus.main() == 1 and "file/data" in capsys.readouterr().err


def test_the_seed_decides(corpus, plan, monkeypatch):
    assert corpus.plan(600, 20, 24, 0) == plan
    assert corpus.plan(600, 20, 24, 1) != plan


def test_any_prefix_of_the_work_is_a_cross_section(corpus, plan):
    work = corpus.tasks(plan, 0)
    assert sorted(i.utt for task in work for i in task) == sorted(i.utt for i in plan)
    first = [i.voice.base for task in work[: len(work) // 4] for i in task]
    assert {"slt", "rms", "awb", "kal", "hts", "ked"} <= set(first) and len(set(corpus.voices.ACCENTED) & set(first)) > 5
    assert all(len({i.voice for i in task}) == 1 for task in work)


def test_grammar_sentences_are_plain(corpus):
    draw = random.Random(0)
    made = [corpus.sentences.grammar_sentence(draw) for _ in range(500)]
    assert all(s[0].isupper() and s[-1] in ".?!" and s.isascii() and "{" not in s for s in made)
    assert len(set(made)) > 480
    assert corpus.sentences._split("This IS_x [odd]. He went home. see 42 things.\n\t\t-- Someone", 3, 14) == [
        "He went home."
    ]


def test_finish_leaves_constant_silences_and_one_level(corpus):
    rate = 16_000
    time = np.arange(rate) / rate
    wave = np.where((time > 0.3) & (time < 0.7), 0.02 * np.sin(2 * np.pi * 200 * time), 0.0).astype(np.float32)
    phones = [("pau", 0.0, 0.3), ("aa", 0.3, 0.5), ("n", 0.5, 0.7), ("pau", 0.7, 1.0)]
    for tract in (1.0, 0.9, 1.1):
        speech = corpus.engines.finish(wave, rate, phones, corpus.voices.Voice("slt001", "slt", tract=tract))
        assert speech.phones[0][1] == pytest.approx(0.05, abs=1e-3)
        assert speech.phones[-1][2] - speech.phones[0][1] == pytest.approx(0.4 / tract, abs=2e-3)
        assert len(speech.waveform) / 24_000 - speech.phones[-1][2] == pytest.approx(0.15, abs=1e-3)
        active = speech.waveform[int(0.1 * 24_000) : int(0.3 * 24_000)]
        assert 20 * np.log10(np.sqrt((active**2).mean())) == pytest.approx(-23, abs=0.5)
    assert corpus.engines.finish(wave, rate, phones[:1], corpus.voices.base_voice("slt")) is None


def test_a_timbre_moves_formants_and_keeps_pitch_and_time(corpus):
    timbre, rate = corpus.voices.timbre, 24_000
    pulses = np.zeros(rate, dtype=np.float32)
    pulses[::200] = 1.0  # 120 Hz
    pole = 0.97 * np.exp(2j * np.pi * 1000 / rate)
    wave = lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], pulses)  # one formant at 1 kHz
    flat = (0.0,) * len(timbre.COLOUR_HZ)

    def peak_hz(x):
        level = np.abs(np.fft.rfft(x[4000:-4000] * np.hanning(len(x) - 8000)))
        smooth = np.convolve(level, np.hanning(200), "same")
        return np.argmax(smooth) * rate / (len(x) - 8000)

    same = timbre.reshape(wave, rate, timbre.Timbre((1.0,) * 4, flat))
    assert np.abs(same - wave)[500:-500].max() < 1e-4 * np.abs(wave).max()
    moved = timbre.reshape(wave, rate, timbre.Timbre((1.12,) * 4, flat))
    assert peak_hz(wave) == pytest.approx(1000, rel=0.06) and peak_hz(moved) == pytest.approx(1120, rel=0.06)
    harmonics = np.abs(np.fft.rfft(moved * np.hanning(len(moved))))[: 20 * 120]
    assert all(np.argmax(harmonics[n * 120 - 50 : n * 120 + 50]) == 50 for n in (5, 8, 10))  # 1 Hz a bin
    louder = timbre.reshape(wave, rate, timbre.Timbre((1.0,) * 4, (6.0,) * len(timbre.COLOUR_HZ)))
    assert np.abs(louder[500:-500]).max() == pytest.approx(np.abs(wave[500:-500]).max() * 10**0.3, rel=0.01)


def test_a_blend_takes_on_the_other_speakers_formant_and_keeps_pitch_and_loudness(corpus):
    timbre, rate = corpus.voices.timbre, 16_000

    def speaker(formant_hz, period, lag_s):
        pulses = np.zeros(rate, dtype=np.float32)
        pulses[round(lag_s * rate) :: period] = 1.0
        pole = 0.96 * np.exp(2j * np.pi * formant_hz / rate)
        return lfilter([1.0], [1.0, -2 * pole.real, abs(pole) ** 2], pulses).astype(np.float32)

    mine, theirs = speaker(900, 160, 0.0), speaker(1800, 100, 0.2)
    times, their_times = np.array([0.0, 0.5, 0.75]), np.array([0.2, 0.7, 0.95])  # they say it 0.2 s later
    level = {
        share: np.abs(np.fft.rfft(timbre.blend(mine, theirs, rate, share, times, their_times)[4000:8000]))
        for share in (0.0, 0.5, 1.0)
    }
    harmonics = slice(25, None, 25)  # of 100 Hz, 4 Hz a bin
    assert np.abs(level[0.0] - np.abs(np.fft.rfft(mine[4000:8000]))).max() < 1e-3 * level[0.0].max()
    assert (np.argmax(level[0.0][harmonics]) + 1) * 100 == pytest.approx(900, abs=100)
    assert (np.argmax(level[1.0][harmonics]) + 1) * 100 == pytest.approx(1800, abs=100)
    between = level[1.0][17 * 25 : 19 * 25]  # from 1700 to 1900 Hz: still mine at heart, a harmonic every 100 Hz
    assert np.argmax(between[10:40]) + 10 == 25
    ratio = [level[share][18 * 25] / level[share][9 * 25] for share in (0.0, 0.5, 1.0)]
    assert ratio[0] < ratio[1] < ratio[2]


def test_three_training_voices_in_four_have_a_timbre_and_held_out_ones_none(corpus):
    derived = [v for v in corpus.voices.training_voices(0) if v.base in corpus.voices.NATURAL and not v.is_base]
    assert 0.7 < sum(v.timbre is not None for v in derived) / len(derived) < 0.8
    assert len({v.timbre for v in derived if v.timbre}) == sum(v.timbre is not None for v in derived)
    assert all(v.timbre is None and v.blend is None for v in corpus.voices.held_out_voices(0))
    blended = [v for v in derived if v.blend]
    assert len(blended) == 280 and all(v.blend[0] != v.base for v in blended)


def test_resumes_after_a_torn_line(corpus, tmp_path):
    log = tmp_path / "made.jsonl"
    log.write_text(json.dumps({"utt": "slt000-00001"}) + '\n{"utt": "slt0')
    corpus.progress(iter([[{"utt": "slt000-00002"}]]), 1, log)
    assert [row["utt"] for row in read_log(log)] == ["slt000-00001", "slt000-00002"]


def test_missing_programs_are_named_with_their_package(corpus, monkeypatch):
    monkeypatch.setattr(corpus.engines.shutil, "which", lambda program: None)
    with pytest.raises(corpus.engines.EngineError, match="apt-get install -y flite festival .*espeak-ng"):
        corpus.engines.check_programs()


@pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")
def test_flite_speaks_with_phone_times(corpus):
    plain, lower = corpus.voices.base_voice("kal"), corpus.voices.Voice("kal001", "kal", 80.0, 1.2, 0.95)
    for voice in (plain, lower):
        (speech,) = corpus.engines.synthesise(voice, ["Good morning."])
        assert [name for name, _, _ in speech.phones][:3] == ["g", "uh", "d"]
        assert len(speech.waveform) / 24_000 == pytest.approx(speech.phones[-1][2] + 0.15, abs=2e-3)


def run(*options):
    return subprocess.run(["bash", str(RUN), *options], capture_output=True, text=True, timeout=60)


def test_help_and_unknown_options():
    shown = run("--help")
    assert shown.returncode == 0 and "--stop-stage" in shown.stdout
    for wrong, message in ((["--nonsense", "1"], "--nonsense"), (["--stage"], "needs a value"), (["x"], "'x'"),
                           (["--size", "huge"], "'huge'"), (["--baseline", "yes"], "true or false, got 'yes'"),
                           (["--clips", "nowhere"], "has no wav.scp"),
                           (["--stage", "two"], "--stage must be a whole number, got 'two'"),
                           (["--stop-stage", "3x"], "'3x'"), (["--nj", "0"], "--nj"),
                           (["--train-config", "no.yaml"], "there is no file 'no.yaml'")):  # fmt: skip
        failed = run(*wrong)
        assert failed.returncode == 1 and message in failed.stderr


def test_options_with_dash_or_underscore_and_done_markers(tmp_path):
    recipe = Path(__file__).parents[2] / "recipes/ditar.sh"

    def once(command, *options):
        given = ["--expdir", str(tmp_path), "--tag=t", "--data-cmd", command, *options, "--python", "true"]
        return subprocess.run(["bash", str(recipe), *given], capture_output=True, text=True, timeout=60)

    log = tmp_path / "log"
    for options in (("--stop-stage", "0"), ("--stop_stage=0",)):
        assert once(f"echo made >> {log}", *options).returncode == 0
    assert log.read_text() == "made\n"  # the second time the marker held it back
    assert once(f"echo other >> {log}", "--stop-stage", "0").returncode == 0
    assert log.read_text() == "made\nother\n"  # another command runs again
    assert once("false", "--stop-stage", "0").returncode == 1


def test_a_stage_that_runs_again_makes_the_later_ones_run_again(tmp_path):
    recipe = Path(__file__).parents[2] / "recipes/ditar.sh"
    done = tmp_path / "t/.done"

    def once(*options):
        given = ["--expdir", str(tmp_path), "--tag=t", "--python", "true", *options]
        subprocess.run(["bash", str(recipe), *given], check=True, capture_output=True, timeout=60)

    once()
    assert {m.name.split("-")[0] for m in done.iterdir()} == set("01234678")
    once("--stage", "2", "--stop-stage", "3", "--vae-config", "configs/vae/quick.yaml")
    assert {m.name.split("-")[0] for m in done.iterdir()} == set("0123")


def test_ablations_take_short_utterances_of_few_voices(tmp_path):
    from ditar.data.kaldi import Utterance, write_data_dir
    from tests.egs import corpora

    for split, voices in (("train", ("slt000", "rms000", "bdl000")), ("vae_test", ("slt000", "rms000")),
                          ("test", ("ked000",)), ("test_ref", ("ked000",))):  # fmt: skip
        rows = [Utterance(f"{v}-{split}{n}", v, tmp_path / f"{v}-{split}{n}.wav", "A bad dog.", 1.0 + n)
                for v in voices for n in range(4)]  # fmt: skip
        write_data_dir(tmp_path / "corpus" / split, rows)
    options = ["--corpus", "corpus", "--expdir", "exp", "--speakers", "slt000,rms000", "--stop-stage", "0"]
    corpora.run("egs/generated/ablate.sh", *options, cwd=tmp_path)
    folders = {name: tmp_path / "exp/data" / name for name in ("train", "val", "test")}
    kept = {name: list(corpora.table(folder / "utt2dur").items()) for name, folder in folders.items()}
    assert [utt for utt, _ in kept["train"]] == [f"{v}-train{n}" for v in ("rms000", "slt000") for n in range(3)]
    assert len(kept["val"]) == 4 and all(1.2 <= float(s) <= 3 for _, s in kept["val"])
    assert len(kept["test"]) == 3 and (tmp_path / "exp/vae/config.json").is_file()
    said = corpora.run("egs/generated/ablate.sh", "--model", "nowhere", code=1, cwd=tmp_path)
    assert "no vae/ in it" in said
