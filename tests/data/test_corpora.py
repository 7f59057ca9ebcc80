"""Corpora in the layouts in which they come, and what is wrong with a table."""

import numpy as np
import pytest
import soundfile

from ditar.data.corpora import folders_in, read_corpora
from ditar.data.errors import DataError
from ditar.data.kaldi import Utterance, write_data_dir

HEAD = "utt\tspeaker\trate\ttext_from\ttext\n"


def corpus(folder, lines, head=HEAD, ending=".opus"):
    """A table and an audio file, which is not opened, for each of its lines."""
    folder.mkdir(parents=True)
    (folder / "utterances.tsv").write_text(head + "".join(lines), encoding="utf-8")
    for line in lines:
        utt, speaker = line.split("\t")[:2]
        (folder / "audio" / speaker).mkdir(parents=True, exist_ok=True)
        (folder / "audio" / speaker / f"{utt}{ending}").touch()
    return folder


def test_one_folder_may_have_spaces_in_its_name(tmp_path):
    (tmp_path / "my own").mkdir()
    one = f"{tmp_path}/my own"
    assert folders_in(one) == [one] and folders_in(f"own={one}") == [f"own={one}"]
    assert folders_in(f"{tmp_path} b={tmp_path}/c ") == [str(tmp_path), f"b={tmp_path}/c"] and folders_in("") == []


def test_a_table_and_a_kaldi_directory_are_read_alike(tmp_path):
    corpus(tmp_path / "all/one", ["u1\ta\t16000\tcorpus\tIt is , he said.\n", "u2\tcv_unk_v\t24000\tnone\tno matter\n"])
    soundfile.write(tmp_path / "k.wav", np.zeros(160), 16_000)
    write_data_dir(tmp_path / "all/two", [Utterance("b-1", "b", tmp_path / "k.wav", "Yes.", 0.01, bandwidth_hz=4000)])
    one, nobody, two = read_corpora([tmp_path / "all"])
    assert (one.corpus, one.utt, one.speaker, one.text, one.rate_hz) == ("one", "u1", "a", "It is, he said.", 16_000)
    assert one.path == tmp_path / "all/one/audio/a/u1.opus"
    assert (nobody.speaker, nobody.text) == (None, "")
    assert (two.corpus, two.utt, two.speaker, two.rate_hz) == ("two", "b-1", "b", 8000)
    assert [clip.corpus for clip in read_corpora([f"libritts={tmp_path / 'all/two'}"])] == ["libritts"]


def test_quotation_marks_are_undoubled_only_where_a_spreadsheet_wrote_them(tmp_path):
    cells = ['"""Yes,"" he said."', 'Yes," he said."', '"Yes," he "said"', '"Plain."']
    folder = corpus(tmp_path / "c", [f"u{n}\ta\t16000\tcorpus\t{cell}\n" for n, cell in enumerate(cells)])
    texts = [clip.text for clip in read_corpora([folder])]
    assert texts == ['"Yes," he said.', 'Yes," he said."', '"Yes," he "said"', "Plain."]


def test_audio_books_of_css10(tmp_path):
    (tmp_path / "french/livre").mkdir(parents=True)
    for name in ("livre/livre_0000.wav", "livre/livre_0001.flac"):
        (tmp_path / "french" / name).touch()
    table = tmp_path / "french/transcript.txt"
    table.write_text(
        "\ufefflivre/livre_0000.wav|Il est 5 h .|Il est cinq heures .|2.1\nlivre/livre_0001.wav|Oui .||1.0\n", "utf-8"
    )
    one, two = read_corpora([f"css10={tmp_path / 'french'}"])
    assert (one.corpus, one.utt, one.speaker, one.book) == ("css10", "livre_0000", "css10", "livre")
    assert (one.text, one.written) == ("Il est cinq heures.", "Il est 5 h.")
    assert (two.text, two.path.name) == ("Oui.", "livre_0001.flac")
    table.write_text("livre/livre_0000.wav|Il est 5 h.\n")
    with pytest.raises(DataError, match=r"transcript.txt:1: expected 4 fields between |"):
        read_corpora([tmp_path / "french"])


def test_audio_books_of_m_ailabs(tmp_path):
    books = {"female/ann/un": "ann", "male/bob/deux": "bob", "mix/trois": None}
    for number, book in enumerate(books):
        folder = tmp_path / "fr_FR/by_book" / book
        (folder / "wavs").mkdir(parents=True)
        (folder / f"wavs/u{number}.wav").touch()
        (folder / "metadata.csv").write_text(f"u{number}|Le 1er.|Le premier.\n", "utf-8")
    clips = read_corpora([tmp_path])
    assert [(clip.speaker, clip.book) for clip in clips] == [("ann", "un"), ("bob", "deux"), (None, "trois")]
    assert {(clip.corpus, clip.text, clip.written) for clip in clips} == {("fr_FR", "Le premier.", "Le 1er.")}
    clips[1].path.unlink()
    with pytest.raises(DataError, match="metadata.csv:1: .*u1.wav does not exist"):
        read_corpora([tmp_path / "fr_FR"])


@pytest.mark.parametrize(
    "line, head, message",
    [
        ("u1\ta\t16k\tcorpus\tYes.\n", HEAD, "tsv:2: the rate must be .* got '16k'"),
        ("u1\ta\t16000\tcorpus\n", HEAD, "tsv:2: expected 5 columns, got 4"),
        ("u1\ta\n", "utt\tname\n", "tsv:1: no column speaker"),
    ],
)
def test_a_table_that_does_not_fit_is_named(tmp_path, line, head, message):
    with pytest.raises(DataError, match=message):
        read_corpora([corpus(tmp_path / "c", [line], head)])


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match="none holds no corpus"):
        read_corpora([tmp_path / "none"])
    folder = corpus(tmp_path / "all/c", ["u1\ta\t16000\tcorpus\tYes.\n"])
    with pytest.raises(DataError, match="a name can be given to a single one only"):
        read_corpora([f"x={tmp_path / 'all'}"])
    (folder / "audio/a/u1.opus").unlink()
    with pytest.raises(DataError, match="tsv:2: .*u1.opus does not exist"):
        read_corpora([folder])
