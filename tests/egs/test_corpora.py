"""egs of corpora that are prepared through lhotse, on small ones in the same layout: what follows the download."""

import json
import sys
import tarfile
import zipfile

import pytest
import soundfile

from ditar.data.validate import validate_data_dir
from recipes import lhotse_to_kaldi
from tests.egs.corpora import SENTENCES, chord, make_librispeech, make_libritts, make_ljspeech, make_vctk, run, table


def places(folder, corpus):
    return ["--corpus", corpus, "--datadir", folder / "data", "--expdir", folder / "exp", "--nj", "1", "--ngpu", "0"]


def test_vctk_holds_out_speakers_and_what_they_say(tmp_path):
    corpus = make_vctk(tmp_path / "VCTK-Corpus-0.92")
    chord(corpus / "wav48_silence_trimmed/p225/p225_001_mic2.flac", 16_000)  # nobody needs one rate, nor an age
    info = corpus / "speaker-info.txt"
    info.write_text("".join(line for line in info.read_text().splitlines(True) if not line.startswith("p226")))
    options = places(tmp_path, corpus)
    run("egs/vctk/run.sh", *options, "--val-speakers", "1", "--test-speakers", "1", "--stop-stage", "1")
    raw = tmp_path / "data/raw"
    assert {name: set(table(raw / name / "utt2spk").values()) for name in ("train", "val", "test")} == {
        "train": {"p225", "p226", "p300"}, "val": {"p301"}, "test": {"s5"},
    }  # fmt: skip
    assert table(raw / "train/text")["p225-001_mic2"] == "Please call her."
    assert "Please call her." not in table(raw / "val/text").values() and len(table(raw / "val/text")) == 2
    made = soundfile.info(tmp_path / "data/24k/test/wav/s5-002_mic2.wav")
    assert (made.samplerate, made.frames) == (24_000, pytest.approx(1.35 * 24_000, abs=500))
    assert (tmp_path / "data/24k/train/symbols").is_file()


def samples_of_a_rounded_end(rate, count, first):
    """Lengths that, divided by the rate and rounded as lhotse does, end behind themselves: every corpus has some."""
    found = (n for n in range(first, first + 1_000_000) if round(n / rate, 8) > n / rate)
    return [next(found) for _ in range(count)]


@pytest.mark.parametrize(("corpus", "make", "ending"), [("ljspeech", make_ljspeech, "*.wav"),
                                                        ("vctk", make_vctk, "*_mic2.flac")])  # fmt: skip
def test_clips_of_real_lengths_are_not_taken_for_missing_audio(tmp_path, corpus, make, ending):
    folder = make(tmp_path / "c")
    rate = {"ljspeech": 22_050, "vctk": 48_000}[corpus]
    paths = sorted(folder.rglob(ending))
    lengths = [212_893, *samples_of_a_rounded_end(rate, len(paths) - 1, 50_001)]
    for path, samples in zip(paths, lengths):
        chord(path, rate, samples=samples)
    held = ["--val-speakers", "1", "--test-speakers", "1"] if corpus == "vctk" else ["--val", "1", "--test", "1"]
    run(f"egs/{corpus}/run.sh", *places(tmp_path, folder), *held, "--stop-stage", "0")
    seconds = {}
    for name in ("train", "val", "test"):
        seconds |= table(tmp_path / "data/raw" / name / "utt2dur")
    seconds = {utt.replace("-", "_"): float(value) for utt, value in seconds.items()}
    for path, samples in zip(paths, lengths):
        assert seconds.pop(path.stem.replace("-", "_"), samples / rate) == pytest.approx(samples / rate, abs=1e-4)
    assert not seconds


def test_another_split_of_a_corpus_that_was_aligned(tmp_path, monkeypatch):
    """Phones of utterances that are in another set now are no fault, and those of the others are kept."""
    raw = tmp_path / "raw"
    arguments = ["", "--corpus=ljspeech", f"--folder={make_ljspeech(tmp_path / 'c')}", f"--out={raw}", "--nj=1"]

    def split(test):
        monkeypatch.setattr(sys, "argv", [*arguments, "--hold-out=utterances", "--val=1", f"--test={test}"])
        assert lhotse_to_kaldi.main() == 0
        for name in ("train", "val", "test"):
            assert validate_data_dir(raw / name) == []

    split(test=1)
    for name in ("train", "val"):
        lines = [json.dumps({"utt": utt, "phones": [["ah", 0.1, 0.2]]}) for utt in table(raw / name / "text")]
        (raw / name / "phones").write_text("".join(f"{line}\n" for line in lines))
    split(test=2)
    kept = [json.loads(line)["utt"] for line in (raw / "train/phones").read_text().splitlines()]
    assert kept == list(table(raw / "train/text")) == [f"LJ001-000{number}" for number in (1, 2, 3)]
    assert not (raw / "val/phones").exists() and list(table(raw / "val/text")) == ["LJ001-0004"]


def test_what_a_corpus_lacks_stops_it_or_is_left_out(tmp_path):
    folder = make_ljspeech(tmp_path / "c")
    (folder / "wavs/LJ001-0002.wav").unlink()
    options = [*places(tmp_path, folder), "--val", "1", "--test", "1", "--stop-stage", "0"]
    said = run("egs/ljspeech/run.sh", *options, code=1)
    assert "LJ001-0002.wav" in said and "--skip-bad" in said
    assert "must be true or false, got 'maybe'" in run("egs/ljspeech/run.sh", "--skip-bad=maybe", code=1)
    assert "LJ001-0002.wav" in run("egs/ljspeech/run.sh", "--skip-bad", *options)
    assert len(table(tmp_path / "data/raw/train/text")) == 3


@pytest.mark.parametrize(("corpus", "make", "file", "options", "left"), [
    ("ljspeech", make_ljspeech, "wavs/LJ001-0003.wav", ["--hold-out=utterances", "--val=1", "--test=1"], 3),
    ("vctk", make_vctk, "wav48_silence_trimmed/p225/p225_002_mic2.flac",
     ["--hold-out=speakers", "--val=1", "--test=1"], 7),
    ("libritts", make_libritts, "train-clean-100/84/1001/84_1001_000001_000000.wav",
     ["--set=train=train-clean-100"], 5),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_named_and_left_out(
    tmp_path, corpus, make, file, options, left, monkeypatch, capsys
):
    folder = make(tmp_path / "c")
    (folder / file).write_text("junk")
    if corpus == "vctk":  # what lacks its audio ends lhotse there, too
        (folder / "wav48_silence_trimmed/p226/p226_002_mic2.flac").unlink()
    arguments = ["", f"--corpus={corpus}", f"--folder={folder}", f"--out={tmp_path / 'raw'}", "--nj=1", *options]
    monkeypatch.setattr(sys, "argv", arguments)
    assert lhotse_to_kaldi.main() == 1
    said = capsys.readouterr().err
    assert f"{file} cannot be read as audio (Format not recognised)" in said and "--skip-bad leaves out" in said
    monkeypatch.setattr(sys, "argv", [*arguments, "--skip-bad"])
    assert lhotse_to_kaldi.main() == 0 and f"{file} cannot be read as audio" in capsys.readouterr().err
    train = table(tmp_path / "raw/train/wav.scp")
    assert len(train) == left and all(path.startswith(str(folder)) for path in train.values())


@pytest.mark.parametrize(("change", "said"), [
    (lambda content: b"\xef\xbb\xbf" + content, "metadata.csv:1: a byte order mark"),
    (lambda content: content + content.split(b"\n")[1] + b"\n", "metadata.csv:7: 'LJ001-0002' comes twice, first in"),
    (lambda content: content + b"\n", "metadata.csv:7: expected <name>|<text>|<text as it is said>, got ''"),
    (lambda content: content.replace(b" (1)|Good morning.", b""), "metadata.csv:2: expected"),
    (lambda content: content.replace(b"morning", b"matin\xe9e", 1), "metadata.csv:2: not UTF-8"),
])  # fmt: skip
def test_a_line_that_lhotse_cannot_read_is_named(tmp_path, change, said, capsys, monkeypatch):
    table = make_ljspeech(tmp_path / "c") / "metadata.csv"
    table.write_bytes(change(table.read_bytes()))
    arguments = ["", "--corpus=ljspeech", f"--folder={tmp_path / 'c'}", f"--out={tmp_path / 'raw'}"]
    monkeypatch.setattr(sys, "argv", [*arguments, "--hold-out=utterances", "--val=1", "--test=1"])
    assert lhotse_to_kaldi.main() == 1 and said in capsys.readouterr().err


def test_what_validation_would_refuse_is_left_out_with_the_rest(tmp_path):
    """Audio without samples, which stops lhotse; cut off audio and a text too long for its clip, which do not."""
    folder = make_ljspeech(tmp_path / "c")
    chord(folder / "wavs/LJ001-0001.wav", 22_050, samples=0)
    cut = folder / "wavs/LJ001-0002.wav"
    cut.write_bytes(cut.read_bytes()[:20_000])
    chord(folder / "wavs/LJ001-0003.wav", 22_050, samples=500)
    options = [*places(tmp_path, folder), "--val", "1", "--test", "1", "--stop-stage", "0"]
    said = run("egs/ljspeech/run.sh", "--skip-bad", *options)
    for number, fault in ((1, "holds no samples"), (2, "is cut off"), (3, "do not belong together")):
        assert any(f"LJ001-000{number}" in line and fault in line for line in said.splitlines()), said
    assert str(folder) in said and not any("/tmp" in line and str(tmp_path) not in line for line in said.splitlines())
    assert list(table(tmp_path / "data/raw/train/text")) == ["LJ001-0004"]
    assert "holds no samples" in run("egs/ljspeech/run.sh", *options, code=1)


def test_libritts_makes_its_sets_of_parts(tmp_path):
    options = places(tmp_path, make_libritts(tmp_path / "LibriTTS"))
    said = run("egs/libritts/run.sh", *options, "--parts", "train-clean-100", "--stop-stage", "1")
    train = table(tmp_path / "data/24k/train/text")
    # by utterance and by speaker the same order, where 84_1001 and 844_1001 have two
    assert list(train)[0] == "84-1001_000000_000000" and list(train)[3] == "844-1001_000000_000000"
    assert list(train.values()) == SENTENCES[:3] * 2
    assert set(table(tmp_path / "data/24k/test/utt2spk").values()) == {"61", "260"}
    assert "6 utterances, 2 speakers" in said


def test_libritts_names_the_parts_that_are_missing(tmp_path):
    options = places(tmp_path, make_libritts(tmp_path / "LibriTTS"))
    said = run("egs/libritts/run.sh", *options, "--stage", "0", "--stop-stage", "0", code=1)
    assert "no train-clean-360" in said and "stage -1" in said


@pytest.mark.parametrize(("options", "said"), [
    (["--set=train=dev-clean", "--set=train=test-clean"], "--set names a set twice (train, train)"),
    (["--set=val=dev-clean", "--most=vla=1"], "--most vla: there is no such set; the sets are val"),
])  # fmt: skip
def test_sets_that_would_be_lost(tmp_path, options, said, monkeypatch, capsys):
    folder = make_libritts(tmp_path / "c")
    arguments = ["", "--corpus=libritts", f"--folder={folder}", f"--out={tmp_path / 'raw'}", "--nj=1", *options]
    monkeypatch.setattr(sys, "argv", arguments)
    assert lhotse_to_kaldi.main() == 1 and said in capsys.readouterr().err and not (tmp_path / "raw").exists()


def test_librispeech_pc_speaks_each_line_in_its_references_voice(tmp_path):
    corpus = make_librispeech(tmp_path / "LibriSpeech")
    pairs = [("121-77-0000", "121-77-0001"), ("1188-77-0002", "1188-77-0000"), ("121-77-0000", "121-77-0002")]
    spoken = {
        name: text for s in ("121", "1188") for name, text in zip((f"{s}-77-000{i}" for i in range(3)), SENTENCES)
    }
    (tmp_path / "list.lst").write_text("".join(f"{a}\t1.2\t{spoken[a]}\t{b}\t1.2\t{spoken[b]}\n" for a, b in pairs))
    (tmp_path / "decode.txt").write_text("--limit 2 --steps 2\n")
    options = ["--corpus", corpus, "--list", "list.lst", "--decode-config", "decode.txt", "--datadir", "data",
               "--expdir", "exp", "--nj", "1", "--stop-stage", "7"]  # fmt: skip
    run("egs/librispeech_pc/run.sh", *options, cwd=tmp_path)
    data = tmp_path / "data"
    assert table(data / "test/text") == {b: spoken[b] for _, b in pairs}  # with capitals and punctuation
    assert set(table(data / "test_ref/text")) == {"121-77-0000", "1188-77-0002"}
    decoded = tmp_path / "exp/shipped/decode"
    assert table(decoded / "references/utt2ref") == {b: a for a, b in pairs if b != "121-77-0002"}
    assert {path.stem for path in (decoded / "wav").glob("*.wav")} == {"121-77-0001", "1188-77-0000"}


def test_librispeech_pc_speaks_the_lines_whose_reference_is_there(tmp_path):
    """Some recordings, in the layout of collected corpora, and nobody who has said what is to be spoken."""
    folder = tmp_path / "real/test_clean"
    lines = "utt\tspeaker\trate\ttext\n"
    for utt in ("121-77-0000", "121-77-0009"):
        chord(folder / "audio/121" / f"{utt}.flac", 16_000)
        lines += f"{utt}\t121\t16000\tnot what the list has\n"
    (folder / "utterances.tsv").write_text(lines)
    pairs = [("121-77-0000", "121-77-0001"), ("1188-77-0002", "1188-77-0000"), ("121-77-0000", "121-77-0002")]
    (tmp_path / "list.lst").write_text("".join(f"{a}\t1.2\tA bad dog.\t{b}\t1.2\tGood night.\n" for a, b in pairs))
    (tmp_path / "decode.txt").write_text("--limit 1 --steps 2\n")
    options = ["--real", "real", "--list", "list.lst", "--decode-config", "decode.txt", "--datadir", "data",
               "--expdir", "exp", "--stop-stage", "8", "--evaluate-options", "--metrics outputs"]  # fmt: skip
    said = run("egs/librispeech_pc/run.sh", *options, cwd=tmp_path)
    assert "2 sentences of 3, 1 reference clips" in said
    data = tmp_path / "data"
    assert table(data / "test/text") == {"121-77-0001": "Good night.", "121-77-0002": "Good night."}
    assert table(data / "test_ref/text") == {"121-77-0000": "A bad dog."}
    assert [path.name for path in (tmp_path / "exp/shipped/decode/wav").glob("*.wav")] == ["121-77-0001.wav"]
    assert (tmp_path / "exp/shipped/score/scores.json").is_file()
    said = run("egs/librispeech_pc/run.sh", *options[2:], "--real", "nowhere", cwd=tmp_path, code=1)
    assert "holds no corpus" in said


@pytest.fixture(scope="module")
def whole_part(tmp_path_factory):
    folder = tmp_path_factory.mktemp("librispeech")
    run("recipes/lhotse_to_kaldi.py", "--corpus", "librispeech", "--folder", make_librispeech(folder / "c"), "--out",
        folder, "--set", "all=test-clean", "--nj", "1")  # fmt: skip
    return folder / "all"


@pytest.mark.parametrize(("line", "named"), [("a\t1\tA.\tb\t1\n", "six fields"), ("", "is empty"),
                                             ("121-77-0000\t1\tA.\t9-9-9\t1\tB.\n", "9-9-9"),
                                             ("121-77-0000\t1\tA.\t121-77-0001\t1\tB.\n" * 2, "twice")])  # fmt: skip
def test_a_list_that_does_not_fit(whole_part, tmp_path, line, named):
    (tmp_path / "list").write_text(line)
    program = "egs/librispeech_pc/local/cross_sentence.py"
    assert named in run(program, "--data", whole_part, "--list", tmp_path / "list", "--out", tmp_path, code=1)
    assert not (tmp_path / "test").exists()


def test_the_list_and_a_corpus_are_fetched(tmp_path):
    """The download stages, from a mirror on this disk."""
    part = make_librispeech(tmp_path / "made/LibriSpeech") / "test-clean"
    (tmp_path / "mirror/12").mkdir(parents=True)
    with tarfile.open(tmp_path / "mirror/12/test-clean.tar.gz", "w:gz") as archive:
        archive.add(part, "LibriSpeech/test-clean")
    made = tmp_path / "downloads/LibriSpeech"
    options = ["--corpus", "librispeech", "--out", made.parent, "--parts", "test-clean"]
    said = run("recipes/download_corpus.py", *options, "--mirror", (tmp_path / "mirror").as_uri())
    assert f"{made}\n" in said and len(list(made.rglob("*.flac"))) == 6
    run("recipes/download_corpus.py", *options, "--mirror", "file:///nowhere")  # it is there: nothing is fetched
    said = run("recipes/download_corpus.py", *options[:-1], "dev-clean", "--mirror", "file:///nowhere", code=1)
    assert "could not be fetched" in said and "--corpus" in said

    (tmp_path / "list").write_text("x")
    program = "egs/librispeech_pc/local/fetch_list.py"
    run(program, "--out", tmp_path / "a/b.lst", "--url", (tmp_path / "list").as_uri())
    assert (tmp_path / "a/b.lst").read_text() == "x"
    assert "--list" in run(program, "--out", tmp_path / "c.lst", "--url", (tmp_path / "none").as_uri(), code=1)
    assert not (tmp_path / "c.lst").exists()


def test_settings_are_checked_before_gigabytes_are_fetched(tmp_path):
    """Then the corpus is fetched, from a mirror on this disk, and read."""
    made = make_libritts(tmp_path / "made/LibriTTS")
    for part in ("train-clean-100", "dev-clean", "test-clean"):
        (tmp_path / "mirror/60").mkdir(parents=True, exist_ok=True)
        with tarfile.open(tmp_path / f"mirror/60/{part}.tar.gz", "w:gz") as archive:
            archive.add(made / part, f"LibriTTS/{part}")
            archive.add(made / "SPEAKERS.txt", "LibriTTS/SPEAKERS.txt")
    folder = tmp_path / "down loads/LibriTTS"
    options = [*places(tmp_path, folder), "--parts", "train-clean-100", "--mirror", (tmp_path / "mirror").as_uri()]
    (tmp_path / "decode.txt").write_text("--stepps 3\n")
    said = run("egs/libritts/run.sh", *options, "--decode-config", tmp_path / "decode.txt", code=2)
    assert "unrecognized arguments: --stepps 3" in said and not folder.exists()
    run("egs/libritts/run.sh", *options, "--stage", "0", "--stop-stage", "0", code=1)
    assert not folder.exists()
    run("egs/libritts/run.sh", *options, "--stop-stage", "0")
    assert len(table(tmp_path / "data/raw/train/text")) == 6


@pytest.mark.parametrize("inside", ["", "VCTK-Corpus-0.92/"])
def test_vctk_is_unpacked_with_or_without_a_folder_of_its_own(tmp_path, inside):
    with zipfile.ZipFile(tmp_path / "VCTK-Corpus-0.92.zip", "w") as archive:
        archive.writestr(f"{inside}speaker-info.txt", "ID")
        archive.writestr(f"{inside}txt/p225/p225_001.txt", "Hello.")
    run("recipes/download_corpus.py", "--corpus", "vctk", "--out", tmp_path / "d", "--mirror", tmp_path.as_uri())
    assert (tmp_path / "d/VCTK-Corpus-0.92/txt/p225/p225_001.txt").read_text() == "Hello."
    assert sorted(path.name for path in (tmp_path / "d").iterdir()) == ["VCTK-Corpus-0.92", "VCTK-Corpus-0.92.zip"]
