"""recipes/align_phones.py: phones in a data directory, and what has none."""

import json
import shutil
from pathlib import Path

import pytest
import soundfile

import ditar
from ditar.audio.read import read_audio
from ditar.data.kaldi import Utterance, read_data_dir, write_data_dir
from recipes import align_phones
from tests.egs.corpora import run

VOICES = Path(ditar.__file__).parent / "assets" / "voices"
TEXT = (VOICES / "heart.txt").read_text().strip()
PROGRAM = "recipes/align_phones.py"


@pytest.fixture
def data(tmp_path):
    """One utterance that fits its text, one that does not, one with phones and one with times of its speaker."""
    wav = tmp_path / "a.wav"
    soundfile.write(wav, read_audio(VOICES / "heart.flac"), 24_000)
    rows = [
        Utterance("a-1", "a", wav, TEXT, 3.0),
        Utterance("a-2", "a", wav, "Nobody had ever seen such an enormous elephant before that afternoon.", 3.0),
        Utterance("a-3", "a", wav, "Hi.", 3.0, phones=[("hh", 0.0, 0.1), ("ay", 0.1, 0.2)]),
        Utterance("a-4", "a", wav, "Hi.", 3.0, symbol_times=(list("hˈaɪ."), [[0.0, 0.1], *[[0.1, 0.2]] * 3, None])),
    ]
    write_data_dir(tmp_path / "data", rows)
    return tmp_path / "data"


def test_phones_of_what_fits(data):
    before = read_data_dir(data)
    said = run(PROGRAM, "--data", data, "--skip-bad")
    after = {row.utt: row for row in read_data_dir(data)}  # valid
    assert [name for name, _, _ in after["a-1"].phones if name != "pau"][:3] == ["ih", "f", "y"]
    assert after["a-2"].phones is None and after["a-3"] == before[2] and after["a-4"] == before[3]
    assert "1 of 2 utterances aligned; without phones: 1" in said
    assert (data / "unaligned").read_text().startswith("a-2 ")
    assert not (data / ".align_phones").exists()
    run("recipes/prepare_text.py", "--data", data)
    symbols = [json.loads(line) for line in (data / "symbols").read_text().splitlines()]
    assert [row["times"] is None for row in symbols] == [False, True, False, False]


def test_what_does_not_fit_is_an_error_and_nothing_is_done_twice(data):
    said = run(PROGRAM, "--data", data, code=1)
    assert "1 of 2 utterances cannot be aligned" in said and "--skip-bad" in said and "a-2 " in said
    journal = data / ".align_phones"
    lines = {line["utt"]: line for line in map(json.loads, journal.read_text().splitlines())}
    assert lines.keys() == {"a-1", "a-2"}
    lines["a-1"]["phones"] = [["m", 0.0, 0.5]]  # as if aligned so
    lines["a-2"]["text"] = "Then its text was another."
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in lines.values()) + '{"utt": "a-2", "te')
    shutil.copy(data / "text", data / "text.before")
    (data / "text").write_text((data / "text").read_text().replace("Nobody had ever", TEXT + " Nobody had ever"))
    run(PROGRAM, "--data", data, "--skip-bad")
    rows = read_data_dir(data)
    assert rows[0].phones == [("m", 0.0, 0.5)] and rows[1].phones is None


def test_what_ends_before_it_goes_on_loses_nothing(data, monkeypatch):
    journal, row = data / ".align_phones", read_data_dir(data)[0]
    journal.write_text(json.dumps({"utt": "a-1", "text": row.text, "phones": [["m", 0.0, 0.5]]}) + "\n")
    before = journal.read_text()

    def ends(*_):
        raise MemoryError

    monkeypatch.setattr(align_phones, "WorkerPool", ends)
    with pytest.raises(MemoryError):
        list(align_phones.align_all([row], journal, 1, "", "en-us"))
    assert journal.read_text() == before


def test_a_directory_that_is_not_there(tmp_path):
    assert "does not exist" in run(PROGRAM, "--data", tmp_path, code=1)


def test_another_language(tmp_path):
    """English, as a German would write it."""
    soundfile.write(tmp_path / "a.wav", read_audio(VOICES / "heart.flac"), 24_000)
    text = "If ju häf ö moment, ei kud schou ju sö gaden. Sö rousis häf dschast bigan tu blum."
    write_data_dir(tmp_path / "data", [Utterance("a-1", "a", tmp_path / "a.wav", text, 5.0)])
    assert "1 of 1 utterances aligned" in run(PROGRAM, "--data", tmp_path / "data", "--language", "de")
    run("recipes/prepare_text.py", "--data", tmp_path / "data", "--language", "de")
    row = json.loads((tmp_path / "data/symbols").read_text())
    times = dict(zip(row["symbols"], row["times"]))
    assert times["ʃ"] == pytest.approx([1.52, 1.67], abs=0.05)
    said = run(PROGRAM, "--data", tmp_path / "data", "--language", "dutch", code=1)
    assert "align_phones: error: language 'dutch' is not known" in said
