"""The natural teacher: symbols to tokens and times, who speaks, what is said, resuming, and the data directories.

A fake speaker stands in for the model; the last tests need the real one, in the folder that DITAR_TEACHER names.
"""

import itertools
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import soundfile

from ditar.data.kaldi import read_data_dir
from ditar.data.validate import validate_data_dir

LOCAL = Path(__file__).parents[2] / "egs/natural/local"
RATE_HZ = 24_000
WRITTEN = {
    "wordnet": [f"Sentence {w} is old and wise." for w in ("one", "two", "three")],
    "fortunes": ["Fame is a bee."],
}


@pytest.fixture(scope="module")
def local():
    """The programs of egs/natural/local, as modules."""
    sys.path[:0] = [str(LOCAL)]
    try:
        import clips
        import fetch_teacher
        import kokoro
        import make_teacher
        import teacher_plan
        import teacher_texts
        import teacher_voices

        yield SimpleNamespace(
            clips=clips, fetch=fetch_teacher, kokoro=kokoro, make=make_teacher, plan=teacher_plan, texts=teacher_texts,
            voices=teacher_voices,
        )  # fmt: skip
    finally:
        sys.path.remove(str(LOCAL))


@pytest.fixture
def sentences(local, monkeypatch):
    """Texts without the packages that carry written ones."""
    monkeypatch.setattr(local.texts, "wordnet_sentences", lambda: WRITTEN["wordnet"])
    monkeypatch.setattr(local.texts.sentences, "fortune_sentences", lambda high: WRITTEN["fortunes"])


class FakeSpeaker:
    """0.2 s of silence, 0.05 s of tone a symbol, 0.3 s of silence; what it is given is remembered."""

    spoken: ClassVar[list] = []
    stop_after = None

    def __init__(self, folder):
        pass

    def speak(self, symbols, timbre, prosody, speed=1.0):
        if self.stop_after is not None and len(self.spoken) >= self.stop_after:
            raise KeyboardInterrupt
        self.spoken.append((timbre, prosody))
        tone = 0.3 * np.sin(np.arange(len(symbols) * RATE_HZ // 20) * 0.1 * (1 + len(symbols) % 7))
        wave = np.concatenate([np.zeros(RATE_HZ // 5), tone, np.zeros(3 * RATE_HZ // 10)]).astype(np.float32)
        times = [None if s == "ː" else (0.2 + 0.05 * i, 0.25 + 0.05 * i) for i, s in enumerate(symbols)]
        return SimpleNamespace(waveform=wave, times=times)


@pytest.fixture
def fake(local, sentences, monkeypatch):
    monkeypatch.setattr(local.make, "Kokoro", FakeSpeaker)
    monkeypatch.setattr(FakeSpeaker, "spoken", [])
    monkeypatch.setattr(FakeSpeaker, "stop_after", None)
    monkeypatch.setattr(local.make, "require_files", lambda folder: None)
    return FakeSpeaker


def run(local, out, hours=0.05, **options):
    out.mkdir(exist_ok=True)
    settings = {"ready": [], "texts": None, "seed": 0, "nj": 1, "progress": False} | options
    local.make.run(Path("model"), out, hours, **settings)


def test_symbols_become_tokens_and_groups_share_them(local):
    read, ranges = local.kokoro.tokens(["b", "ˈ", "ɜ", "ː", "d", " ", "t", "ʃ", "ɚ", "ə", "l", "o", "ʊ", "ɔ", "ː", "ɹ"])
    assert "".join(read) == "bˈɜɹd ʧəɹᵊlOɔɹ"
    assert ranges[2] == ranges[3] == (2, 4)  # ɜː
    assert ranges[6] == ranges[7] == (6, 7)  # tʃ
    assert ranges[8] == (7, 9) and ranges[9] == ranges[10] == (9, 11)
    assert ranges[11] == ranges[12] == (11, 12)  # oʊ
    assert ranges[14] is None  # the length of ɔ has no token
    covered = sorted(i for first, last in {r for r in ranges if r} for i in range(first, last))
    assert covered == list(range(len(read)))


def test_times_follow_the_durations_and_unknown_symbols_have_none(local, monkeypatch):
    teacher = local.kokoro.Kokoro.__new__(local.kokoro.Kokoro)
    teacher._vocabulary = {"h": 1, "I": 2, ".": 3}
    teacher._audio, teacher._tokens_input, teacher._style_input, teacher._speed_input = (
        "audio",
        "tokens",
        "style",
        "speed",
    )
    teacher.style = lambda timbre, prosody, count: np.full(256, count, dtype=np.float32)

    def session(outputs, inputs):
        assert inputs["tokens"].tolist() == [[0, 1, 2, 3, 0]] and inputs["style"][0, 0] == 3
        return np.zeros(20 * 600, dtype=np.float32), np.array([[8.0, 2.0, 4.0, 5.0, 1.0]])

    teacher._session = SimpleNamespace(run=session)
    speech = teacher.speak(["h", "ˈ", "a", "ɪ", "☃", "."], [("a", 1.0)], "a")
    # 75 ms before what the durations say
    assert speech.times == [(0.125, 0.175), None, (0.175, 0.275), (0.175, 0.275), None, (0.275, 0.4)]
    assert len(speech.waveform) == 20 * 600
    with pytest.raises(local.kokoro.TeacherError, match="0 tokens in one sentence"):
        teacher.speak(["☃"], [("a", 1.0)], "a")


def test_silence_is_cut_to_a_constant_and_times_move_with_it(local):
    wave = np.zeros(RATE_HZ, dtype=np.float32)
    wave[12_000:18_000] = 0.5
    cut, times = local.clips.trim(wave, RATE_HZ, [(0.5, 0.6), None, (0.6, 0.75), (0.75, 1.0), (0.0, 0.1)])
    assert len(cut) / RATE_HZ == pytest.approx(0.1 + 0.25 + 0.2, abs=0.011)
    assert times == [(0.1, 0.2), None, (0.2, 0.35), (0.35, 0.55), (0.0, 0.0)]
    silent = np.zeros(100, dtype=np.float32)
    assert local.clips.trim(silent, RATE_HZ, [None]) == (pytest.approx(silent), [None])


def test_what_is_too_loud_is_made_softer(local, tmp_path):
    local.clips.write_clip(tmp_path / "a" / "b.wav", np.array([0.0, 2.0, -1.0, 0.0], dtype=np.float32), RATE_HZ)
    wave, _ = soundfile.read(tmp_path / "a" / "b.wav")
    assert wave == pytest.approx([0.0, 1.0, -0.5, 0.0], abs=1e-4)
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.wav"]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_test_voice_has_no_part_in_any_other(local, seed):
    taken = {frozenset(("af_alloy", "am_adam"))}
    training, validation = local.voices.training_voices(seed, taken), local.voices.validation_voices(seed, taken)
    assert len(training) == 845 and len(validation) == 20 and len(local.voices.BASES) == 45
    kept_out = {*local.voices.TEST, *local.voices.COPIES}
    assert not any(voice.roles & kept_out for voice in training + validation)
    assert {voice.pair for voice in validation}.isdisjoint({voice.pair for voice in training} | taken)
    mixtures = [voice for voice in training + validation if len(voice.timbre) == 2]
    assert all(0.25 <= weight <= 0.75 for voice in mixtures for _, weight in voice.timbre)
    assert all(sum(weight for _, weight in voice.timbre) == pytest.approx(1.0) for voice in mixtures)
    assert 0.2 < sum(voice.prosody not in voice.pair for voice in mixtures) / len(mixtures) < 0.45
    assert len({voice.speaker for voice in training + validation}) == 865
    assert len({(frozenset(voice.timbre), voice.prosody) for voice in mixtures}) == len(mixtures)


def test_any_prefix_is_a_cross_section(local, sentences):
    items = list(itertools.islice(local.plan.training(0, (), set()), 3 * 890))
    assert items[:1000] == list(itertools.islice(local.plan.training(0, (), set()), 1000))
    assert items[:50] != list(itertools.islice(local.plan.training(1, (), set()), 50))
    assert len({item.voice.speaker for item in items[:890]}) == 845
    by_voice = [sum(i.voice.speaker == name for i in items) for name in ("b_af_heart", "t000")]
    assert by_voice == [6, 3]
    assert len({item.utt for item in items}) == len(items)


def test_texts_are_different_plain_and_not_those_of_tests(local, sentences):
    held_out = local.texts.held_out_keys()
    assert len(held_out) == 300
    said = list(itertools.islice(local.texts.natural_sentences("0", held_out), 3000))
    key = local.texts.sentences.key
    assert len({key(s) for s in said}) == len(said) and held_out.isdisjoint(key(s) for s in said)
    assert all(s[0].isupper() and s[-1] in ".?!" and s.isascii() and len(s.split()) <= 25 for s in said)
    assert set(WRITTEN["wordnet"]) < set(said)
    assert {s[-1] for s in said} == set(".?!") and sum("," in s for s in said) > 300


def test_examples_of_a_dictionary(local):
    assert local.texts.as_sentence("he said that i'm late") == "He said that I'm late."
    assert local.texts.as_sentence("what time is it now") == "What time is it now?"
    assert local.texts.as_sentence("the war was over") == "The war was over."
    for phrase in ("a masterful speaker", "odorous jasmine flowers", "he is 42", "it is", "He works for NASA now"):
        assert local.texts.as_sentence(phrase) is None


def test_texts_of_ones_own(local, tmp_path):
    held_out = local.texts.read_lines(local.texts.HELD_OUT)[0]
    (tmp_path / "texts").write_text(f"One.\n\nTwo.\n{held_out}\nTwo.\n")
    said = list(itertools.islice(local.plan.training(0, (), set(), tmp_path / "texts"), 6))
    assert sorted(item.text for item in said) == ["One."] * 3 + ["Two."] * 3
    small = local.plan.small_parts(0, (), set(), tmp_path / "texts")
    assert {item.text for item in small if item.part == "val"} == {"One.", "Two."}
    (tmp_path / "texts").write_text(held_out)
    with pytest.raises(ValueError, match="has no line to speak"):
        next(local.plan.training(0, (), set(), tmp_path / "texts"))


def test_a_corpus_has_valid_directories_and_resumes_exactly(local, fake, tmp_path, capsys):
    run(local, tmp_path / "whole")
    for folder, count in (("test", 60), ("test_ref", 6), ("val", 60)):
        assert validate_data_dir(tmp_path / "whole" / folder, audio=True) == []
        assert len(read_data_dir(tmp_path / "whole" / folder)) == count
    rows = read_data_dir(tmp_path / "whole/data")
    assert 180 <= sum(row.duration_s for row in rows) < 190
    assert all(row.utt.startswith(f"{row.speaker}-") and row.path.is_file() for row in rows)
    first = rows[0]
    symbols, times = first.symbol_times
    assert len(symbols) == len(times)
    known = [time for time in times if time]
    assert known == sorted(known) and known[-1][1] <= first.duration_s
    assert "0 left out by the judge" in capsys.readouterr().out

    fake.spoken.clear()
    fake.stop_after = 140  # in the training part
    with pytest.raises(KeyboardInterrupt):
        run(local, tmp_path / "torn")
    with (tmp_path / "torn/made.jsonl").open("a") as journal:
        journal.write('{"utt": "t0')
    fake.stop_after = None
    run(local, tmp_path / "torn")
    assert len(fake.spoken) == 126 + len(rows)  # none twice
    for name in ("text", "utt2dur", "symbol_times"):
        assert (tmp_path / "torn/data" / name).read_text() == (tmp_path / "whole/data" / name).read_text()
    wave, rate = soundfile.read(tmp_path / "torn/wav" / first.speaker / f"{first.utt}.wav", dtype="int16")
    assert rate == RATE_HZ and (wave == soundfile.read(first.path, dtype="int16")[0]).all()

    fake.spoken.clear()
    run(local, tmp_path / "whole", hours=0.06)  # more of the same
    more = read_data_dir(tmp_path / "whole/data")
    assert len(fake.spoken) == len(more) - len(rows) > 0 and {r.utt for r in rows} < {r.utt for r in more}
    with pytest.raises(ValueError, match="begun with another plan"):
        run(local, tmp_path / "whole", hours=0.06, seed=1)


def test_what_the_judge_doubts_is_left_out(local, fake, tmp_path, capsys):
    run(local, tmp_path)
    before = [row.utt for row in read_data_dir(tmp_path / "data")]
    fine = {"word_error": 0.2, "distillmos": 3.0, "heard": ""}
    scores = {utt: fine for utt in before} | {
        before[0]: fine | {"word_error": 0.21},
        before[1]: fine | {"distillmos": 2.9},
    }
    test = read_data_dir(tmp_path / "test")[0].utt
    scores[test] = fine | {"word_error": 1.0}
    with (tmp_path / "scores.jsonl").open("w") as stream:
        stream.writelines(json.dumps({"utt": utt} | score) + "\n" for utt, score in scores.items())
    assert local.make.main(["--out", str(tmp_path), "--finish-only", "--hours", "0.05"]) == 0
    assert [row.utt for row in read_data_dir(tmp_path / "data")] == before[2:]
    assert len(read_data_dir(tmp_path / "test")) == 60  # nothing of the test
    assert "2 left out by the judge" in capsys.readouterr().out


def ready_part(folder, rows):
    for row in rows:
        path = folder / "audio" / row["voice"] / f"{row['utt']}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.concatenate([np.zeros(4_800), 0.3 * np.sin(np.arange(48_000) * 0.1)]), RATE_HZ)
    (folder / "utts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


READY = {
    "utt": "m001-00001", "voice": "m001", "text": "Well met, my friend.", "seconds": 2.2, "symbols": ["w", "ː"],
    "times": [[0.2, 2.2], None], "speed": 1.0, "timbre": [["af_alloy", 0.5], ["am_adam", 0.5]],
    "prosody": "am_adam",
}  # fmt: skip


def test_damaged_clips_of_a_ready_part_are_left_out_until_they_can_be_read(local, fake, tmp_path, capsys):
    rows = [READY | {"utt": f"m001-{number:05d}"} for number in range(10)]
    ready_part(tmp_path / "ready", rows)
    first, second = (tmp_path / f"ready/audio/m001/m001-0000{number}.flac" for number in (3, 4))
    whole = first.read_bytes()
    for path in (first, second):
        path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match="2 of 10 clips of .* cannot be read; see whether (?s:.*)m001-00003"):
        run(local, tmp_path / "out", hours=0.002, ready=[tmp_path / "ready"])
    first.write_bytes(whole)
    run(local, tmp_path / "out", hours=0.002, ready=[tmp_path / "ready"])
    said = capsys.readouterr().out
    assert "1 clips cannot be read and are left out" in said and "m001-00004" in said
    assert "1 could not be spoken or read" in said
    made = {r.utt for r in read_data_dir(tmp_path / "out/data")}
    assert "m001-00003" in made and "m001-00004" not in made


def test_a_ready_part_is_taken_over_but_nothing_of_the_test(local, fake, tmp_path, capsys):
    row = READY
    held_out = local.texts.read_lines(local.texts.HELD_OUT)[5]
    rows = [
        row,
        row | {"utt": "m002-00001", "voice": "m002", "prosody": "am_onyx"},
        row | {"utt": "m003-00001", "voice": "m003", "timbre": [["am_onyx", 0.5], ["am_adam", 0.5]]},
        row | {"utt": "m004-00001", "voice": "m004", "text": held_out},
    ]
    ready_part(tmp_path / "ready", rows)
    run(local, tmp_path / "out", hours=0.002, ready=[tmp_path / "ready"])
    assert "1 utterances, 3 left out as they belong to the test" in capsys.readouterr().out
    made = {r.utt: r for r in read_data_dir(tmp_path / "out/data")}
    assert made["m001-00001"].duration_s == pytest.approx(2.1, abs=0.011) and len(made) > 1
    assert made["m001-00001"].symbol_times == (["w", "ː"], [[0.025, 2.025], None])
    assert "Well met, my friend." not in [r.text for utt, r in made.items() if utt != "m001-00001"]
    run(local, tmp_path / "out", hours=0.002, ready=[tmp_path / "ready"])  # all is there


def test_the_references_of_the_test_are_decoys(local):
    texts = local.plan.reference_texts(0)
    decoys = set(local.texts.read_lines(local.texts.DECOYS))
    assert len(texts) >= len(local.voices.TEST)
    for text in texts:
        pieces = [line for line in decoys if line in text]
        assert 11 <= len(text.split()) <= 14 and sum(len(p.split()) for p in pieces) >= len(text.split())


def test_errors_say_what_to_do(local, sentences, tmp_path, capsys):
    assert (
        local.make.main(["--model", str(tmp_path), "--out", str(tmp_path / "o"), "--hours", "1", "--ready", "no"]) == 1
    )
    assert "utts.jsonl does not exist; --ready takes a folder" in capsys.readouterr().err
    assert local.make.main(["--out", str(tmp_path / "none"), "--finish-only"]) == 1
    assert "nothing is made there yet" in capsys.readouterr().err
    out = ["--out", str(tmp_path / "new"), "--hours", "0.01", "--nj", "2"]  # before processes each say so, and break
    assert local.make.main(["--model", str(tmp_path), *out]) == 1
    said = capsys.readouterr().err
    assert f"{tmp_path / 'model.onnx'} does not exist; fetch it" in said and "Traceback" not in said
    pytest.importorskip("onnxruntime")
    with pytest.raises(local.kokoro.TeacherError, match="model.onnx does not exist; fetch it: fetch_teacher.py --out"):
        local.kokoro.Kokoro(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hours", "0"], "--hours must be a positive number, got 0.0"),
        (["--hours", "nan"], "--hours must be a positive number, got nan"),
        (["--hours", "1"], "--model and --hours are needed"),
        (["--model", "m", "--hours", "1", "--nj", "0"], "argument --nj: must be a whole number from 1 on, got '0'"),
    ],
)
def test_options_are_checked(local, arguments, said, capsys):
    with pytest.raises(SystemExit):
        local.make.main(["--out", "x", *arguments])
    assert said in capsys.readouterr().err


def small_source(local, folder, onnx):
    """A folder as somebody would give it, with a graph of two nodes for a model."""
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [
            helper.make_node("Clip", ["style"], [local.kokoro.DURATIONS]),
            helper.make_node("Neg", [local.kokoro.DURATIONS], ["audio"]),
        ],
        "small",
        [helper.make_tensor_value_info("style", kind, [1, 256])],
        [helper.make_tensor_value_info("audio", kind, [1, 256])],
    )
    folder.mkdir()
    onnx.save(helper.make_model(graph), str(folder / "kokoro-v1.0.onnx"))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"ə": 83}}}))
    names = (*local.voices.BASES, *local.voices.TEST)
    with (folder / "voices-v1.0.bin").open("wb") as stream:
        np.savez(stream, **{name: np.full((510, 1, 256), i, dtype=np.float32) for i, name in enumerate(names)})


def test_a_folder_of_ones_own_becomes_the_teacher(local, tmp_path, capsys):
    onnx = pytest.importorskip("onnx")
    small_source(local, tmp_path / "from", onnx)
    options = ["--out", str(tmp_path / "out"), "--from", str(tmp_path / "from")]
    assert local.fetch.main(options) == 0
    outputs = [output.name for output in onnx.load(str(tmp_path / "out/model.onnx")).graph.output]
    assert outputs == ["audio", local.kokoro.DURATIONS]
    assert json.loads((tmp_path / "out/vocab.json").read_text()) == {"vocab": {"ə": 83}}
    styles = np.fromfile(tmp_path / "out/voices/if_sara.bin", dtype="<f4")
    assert styles.shape == (510 * 256,) and (styles == len(local.voices.BASES) + 5).all()
    capsys.readouterr()
    assert local.fetch.main(options) == 0 and "is complete" in capsys.readouterr().out
    (tmp_path / "from/if_sara.bin").write_bytes(b"short")
    (tmp_path / "out/vocab.json").unlink()
    assert local.fetch.main(options) == 1
    assert "if_sara.bin has 5 bytes for the voice if_sara; a voice has 522240" in capsys.readouterr().err


@pytest.fixture(scope="module")
def teacher(local):
    folder = os.environ.get("DITAR_TEACHER")
    if not folder:
        pytest.skip("DITAR_TEACHER names no folder of fetch_teacher.py")
    return local.kokoro.Kokoro(folder)


def test_the_real_teacher_speaks_and_its_times_add_up(local, teacher):
    from ditar.text import Phonemiser

    symbols = Phonemiser("en-us")("Good morning.")
    speech = teacher.speak(symbols, [("af_heart", 0.6), ("am_adam", 0.4)], "af_heart")
    known = [time for time in speech.times if time]
    assert 0.8 < len(speech.waveform) / RATE_HZ < 3.0 and 0.02 < np.sqrt((speech.waveform**2).mean()) < 0.3
    assert known == sorted(known) and known[-1][1] <= len(speech.waveform) / RATE_HZ
    assert all(a[1] == b[0] or a == b for a, b in itertools.pairwise(known))
    assert [time is None for time in speech.times] == [symbol == "ː" for symbol in symbols]
