"""recipes/split_corpora.py: audio books into sets, by utterance and by book."""

import json

import pytest

from ditar.data.kaldi import read_data_dir
from tests.egs.corpora import chord, run, table

PROGRAM = "recipes/split_corpora.py"


@pytest.fixture
def books(tmp_path):
    """Two readers with one book each, of six sentences, one of which is in both; when phonemes of one are spoken."""
    for reader, book in (("ann", "un"), ("bob", "deux")):
        folder = tmp_path / "fr_FR/by_book/mix" / reader / book
        lines = ""
        for number in range(6):
            chord(folder / "wavs" / f"{book}_{number}.wav", 16_000, 0.6 + 0.1 * number)
            said = "C'est la fin." if number == 5 else f"Phrase {book} {'bis ' * number}dite à cinq heures."
            lines += f"{book}_{number}|{said.replace('cinq heures', '5 h')}|{said}\n"
        (folder / "metadata.csv").write_text(lines, "utf-8")
    row = {"utt": "un_0", "symbols": ["f", "."], "times": [[0.1, 0.2], None]}
    (tmp_path / "fr_FR/symbol_times").write_text(json.dumps(row) + "\n")
    return tmp_path / "fr_FR"


def test_by_utterance(books, tmp_path):
    said = run(PROGRAM, "--corpora", books, "--out", tmp_path / "raw", "--val", "2", "--test", "3")
    sets = {name: read_data_dir(tmp_path / "raw" / name) for name in ("train", "val", "test")}
    assert [len(sets[name]) for name in ("val", "test")] == [2, 3] and "2 speakers" in said
    utterances = [row.utt for rows in sets.values() for row in rows]
    assert len(set(utterances)) == len(utterances)
    texts = [{row.text.replace("5 h", "cinq heures") for row in rows} for rows in sets.values()]
    assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])
    assert "5 h" in sets["test"][0].text and not any("5 h" in row.text for row in sets["train"])
    assert {row.bandwidth_hz for row in sets["train"]} == {8000.0}


def test_by_book(books, tmp_path):
    run(PROGRAM, "--corpora", books, "--out", tmp_path / "raw", "--val", "1", "--test-books", "deux")
    assert set(table(tmp_path / "raw/test/utt2spk").values()) == {"bob"}
    assert len(table(tmp_path / "raw/test/text")) == 6
    train = read_data_dir(tmp_path / "raw/train")
    assert len(train) == 4 and "C'est la fin." not in {row.text for row in train}  # bob says it, too
    times = {row.utt: row.symbol_times for row in read_data_dir(tmp_path / "raw/val") + train}
    assert times.pop("ann-un_0") == (["f", "."], [[0.1, 0.2], None]) and set(times.values()) == {None}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--test-books", "trois"], "there is no book trois; the corpora have deux, un"),
        (["--val", "7", "--test", "8"], "cannot give 7 for val and some to learn from"),
    ],
)
def test_what_cannot_be_split_is_named(books, tmp_path, options, said):
    assert said in run(PROGRAM, "--corpora", books, "--out", tmp_path / "raw", *options, code=1)
    assert not (tmp_path / "raw").exists()


def test_a_file_that_is_no_audio_is_named(books, tmp_path):
    (books / "by_book/mix/ann/un/wavs/un_3.wav").write_bytes(b"none")
    assert "un_3.wav cannot be read as audio" in run(PROGRAM, "--corpora", books, "--out", tmp_path / "raw", code=1)
