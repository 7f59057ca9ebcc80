"""One broken directory for each of Kaldi's rules, and what `ditar validate-data` says of it."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ditar.cli import main
from ditar.data.kaldi import Utterance, write_data_dir


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Two speakers of two utterances each, with every table that is known."""
    home = tmp_path_factory.mktemp("good")
    rows = []
    for utt in ("ann-1", "ann-2", "bob-1", "bob-2"):
        soundfile.write(home / f"{utt}.wav", np.zeros(2400, dtype=np.float32), 24_000)
        phones = [("hh", 0.0, 0.05), ("ay", 0.05, 0.1)] if utt[0] == "a" else None
        spoken = (["s", "ɪ"], [[0.0, 0.05], None]) if utt == "bob-1" else None
        rows.append(Utterance(utt, utt[:3], home / f"{utt}.wav", f"say {utt[-1]}", 0.1, phones, 8000, spoken))
    write_data_dir(home / "data", rows)
    (home / "data/spk2gender").write_text("ann f\nbob m\n")
    return home / "data"


@pytest.fixture
def data(good, tmp_path):
    return Path(shutil.copytree(good, tmp_path / "data"))


def edit(path, old, new):
    content = path.read_bytes().decode()
    assert old in content
    path.write_bytes(content.replace(old, new, 1).encode())


def validate(*arguments):
    return main(["validate-data", *map(str, arguments)])


def test_good_directories_are_summed_up(data, capsys):
    assert validate(data) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{data}: 4 utterances, 2 speakers, 0.00 h\n" and printed.err == ""


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("text", "bob-2 say 2\n", "bob-2 say 2", ":4: the last line does not end with a newline; add one"),
        ("text", "say 1\n", "say 1\r\n", ":1: a carriage return; convert the file with dos2unix"),
        ("text", "ann-1 say", "\ufeffann-1 say", ":1: a byte order mark; take it out, e.g. with dos2unix --remove-bom"),
        ("text", "ann-2 say 2", "ann-2", ":2: expected '<key> <value>', got 'ann-2'; add the value"),
        ("text", "bob-1 say", "bob-1 </s>", ":3: bob-1: '</s>' must not be in a text; take it out"),
        ("text", "ann-1 say", "ann-1 <s>", ":1: ann-1: '<s>' must not be in a text; take it out"),
        ("text", "ann-1 say", "ann-1 #0", ":1: ann-1: '#0' must not be in a text; take it out"),
        ("text", "ann-1 say 1", "ann-1 say\u00a01", ":1: ann-1: white space U+00A0; write plain spaces"),
        ("text", "ann-1 say 1\n", "", "utt2spk:1: utterance 'ann-1' is not in {}/text; all tables hold the same ones"),
        ("text", "bob-2", "bob-3", ":4: utterance 'bob-3' is not in {}/utt2spk; all tables hold the same ones"),
        ("utt2bandwidth", "bob-1 8000", "bob-1 wide", ":3: bob-1: 'wide' is not a frequency in Hz; write half the rate"),
        ("utt2bandwidth", "bob-2", "bob-3", ":4: bob-3 is not in utt2spk; take the line out"),
        ("symbol_times", ", null]", "]", ":1: expected {{\"utt\": ..., \"symbols\": [...], \"times\": "),
        ("symbol_times", "0.05", '"x"', ":1: expected {{\"utt\": ..., \"symbols\": [...], \"times\": "),
        ("symbol_times", "bob-1", "bob-3", ":1: utterance 'bob-3' is not in utt2spk; take the line out"),
        ("wav.scp", "ann-1", "zoe-1", ":2: 'ann-2' comes after 'zoe-1'; sort the file with LC_ALL=C sort"),
        ("wav.scp", "bob-2", "bob-3", ":4: utterance 'bob-3' is not in {}/utt2spk"),
        ("wav.scp", "bob-1.wav", "bob-1.wav |", ":3: bob-1: '{0}/../bob-1.wav |' is a command and no file; write its"),
        ("wav.scp", "{}/../bob-1.wav", "~/bob-1.wav", ":3: bob-1: '~/bob-1.wav': nothing replaces ~ in a table; write"),
        ("wav.scp", "bob-1.wav", "gone.wav", ":3: bob-1: {}/../gone.wav does not exist; take the utterance out"),
        ("utt2spk", "ann-2 ann", "ann-1 ann", ":2: 'ann-1' comes twice, first in line 1; keep one"),
        ("utt2spk", "ann-2 ann", "ann-2 bob", ":2: speaker 'bob' is not the prefix of 'ann-2'; name it bob-ann-2"),
        ("utt2spk", "ann-2 ann", "ann-2 ann x", ":2: expected '<utterance> <speaker>', got 'ann x' as speaker"),
        ("spk2utt", "ann ann-1 ann-2", "ann ann-1", ":1: speaker 'ann' lacks 'ann-2', unlike utt2spk; make it again"),
        ("spk2utt", "ann ann-1", "ann ann-0 ann-1", ":1: speaker 'ann' lists 'ann-0', unlike utt2spk; make it again"),
        ("spk2utt", "ann-1 ann-2", "ann-2 ann-1", ":1: speaker 'ann' has another order, unlike utt2spk; make it again"),
        ("spk2utt", "bob bob-1 bob-2\n", "", "utt2spk:3: speaker 'bob' is not in {}/spk2utt; make it again"),
        ("utt2dur", "bob-1 0.1000", "bob-1 -1", ":3: bob-1: '-1' is not a length in seconds; measure it again"),
        ("utt2dur", "bob-1 0.1000", "bob-1 nan", ":3: bob-1: 'nan' is not a length in seconds"),
        ("utt2dur", "bob-1 0.1000", "bob-1 0.9", ":3: bob-1: 0.9 s, and its audio lasts 0.10 s; measure it again"),
        ("text", "bob-1 say 1", "bob-1 say 1 and then so much more", ":3: bob-1: its text has 21 letters and the clip "
         "lasts 0.10 s, 210.0 letters a second, and people speak 5 to 25"),
        ("utt2dur", "bob-2", "bob-3", ":4: utterance 'bob-3' is not in {}/utt2spk"),
        ("spk2gender", "ann f", "ann w", ":1: ann: expected m or f, got 'w'"),
        ("spk2gender", "bob m\n", "", "spk2utt:2: speaker 'bob' is not in {}/spk2gender"),
        ("phones", "0.05, 0.1", "0.05, 0.01", ":1: ann-1: the phone times run backwards; align it again"),
        ("phones", "ann-2", "ann-9", ":2: utterance 'ann-9' is not in utt2spk; take the line out"),
        ("phones", '"phones"', "phones", ":1: not a JSON object"),
        ("phones", '"phones"', '"sounds"', ':1: expected {{"utt": ..., "phones": [[name, start_s, end_s], ...]}}'),
        ("phones", '["hh", 0.0, ', '["hh", ', ':1: expected {{"utt": ..., "phones": [[name, start_s, end_s], ...]}}'),
    ],
)
def test_each_rule_names_file_line_and_remedy(data, name, old, new, message, capsys):
    scp = data / "wav.scp"
    scp.write_text(scp.read_text().replace(f"{scp.read_text().split()[1].rsplit('/', 1)[0]}/", f"{data}/../"))
    for wav in ("ann-1", "ann-2", "bob-1", "bob-2"):
        soundfile.write(data.parent / f"{wav}.wav", np.zeros(2400, dtype=np.float32), 24_000)
    assert validate(data) == 0
    edit(data / name, old.format(data), new)
    assert validate(data) == 1
    said = capsys.readouterr().err.splitlines()
    message = message.format(data)
    expected = f"ditar: error: {data / name}{message}" if message[0] == ":" else f"ditar: error: {data}/{message}"
    assert [line for line in said if line.startswith(expected)], said


def test_an_empty_line_is_one_fault(data, capsys):
    edit(data / "text", "\n", "\n\n")
    assert validate(data) == 1
    said = capsys.readouterr().err
    assert "text:2: expected '<key> <value>', got ''" in said and "utterance ''" not in said


@pytest.mark.parametrize("name", ["wav.scp", "text", "utt2spk", "spk2utt"])
def test_a_missing_or_empty_table(data, name, capsys):
    (data / name).write_text("")
    assert validate(data) == 1
    assert f"{data / name} is empty; make it again" in capsys.readouterr().err
    (data / name).unlink()
    assert validate(data) == 1
    assert f"{data / name} does not exist; every data directory has" in capsys.readouterr().err


def test_a_fault_of_one_table_does_not_hide_those_between_tables(data, capsys):
    edit(data / "text", "bob-2 say 2\n", "bob-2 say 2")  # no newline at the end
    edit(data / "text", "ann-2 say 2", "ann-2")
    edit(data / "utt2dur", "bob-2", "bob-3")
    edit(data / "spk2utt", "ann ann-1 ann-2", "ann ann-1")
    assert validate(data) == 1
    said = capsys.readouterr().err
    for fault in ("text:4: the last line", "text:2: expected '<key>", "utt2dur:4: utterance 'bob-3' is not in",
                  "utt2spk:4: utterance 'bob-2' is not in", "spk2utt:1: speaker 'ann' lacks 'ann-2'"):  # fmt: skip
        assert said.count(fault) == 1, said


def test_what_follows_from_a_fault_is_not_said_too(data, capsys):
    edit(data / "utt2spk", "ann-2 ann", "ann-2")
    edit(data / "utt2dur", "bob-2 0.1000", "bob-2")
    assert validate(data) == 1
    said = [line for line in capsys.readouterr().err.splitlines() if ".wav" not in line]  # no audio is there
    assert len(said) == 2 and "utt2spk:2: expected" in said[0] and "utt2dur:4: expected" in said[1]


def test_a_table_that_is_not_utf8(data, capsys):
    (data / "text").write_bytes((data / "text").read_bytes().replace(b"say 2", b"\xe9t\xe9", 1))
    assert validate(data) == 1
    assert f"{data / 'text'}:2: not UTF-8 text; convert it with iconv" in capsys.readouterr().err


def test_order_is_that_of_bytes(tmp_path, capsys):
    """As LC_ALL=C sorts, capitals stand before small letters; sorting by speaker must give the same order."""
    for name, table in {
        "utt2spk": "a-1 a\naB-1 aB\naa-1 aa\n",
        "spk2utt": "a a-1\naB aB-1\naa aa-1\n",
        "text": "a-1 x\naB-1 x\naa-1 x\n",
        "wav.scp": f"a-1 {tmp_path}/x.wav\naB-1 {tmp_path}/x.wav\naa-1 {tmp_path}/x.wav\n",
    }.items():
        (tmp_path / name).write_text(table)
    soundfile.write(tmp_path / "x.wav", np.zeros(2400, dtype=np.float32), 24_000)
    assert validate(tmp_path) == 0
    edit(tmp_path / "utt2spk", "a-1 a\n", "a-1 a-1\n")
    edit(tmp_path / "utt2spk", "aB-1 aB", "aB-1 a")
    capsys.readouterr()
    assert validate(tmp_path) == 1
    expected = f"{tmp_path / 'utt2spk'}:2: sorted by utterance, but speaker 'a' comes after 'a-1'; give all speakers"
    assert expected in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ann-2 ann-2 0.5 0.5", ":2: expected '<utterance> <recording> <start> <end>' in seconds, start before end"),
        ("ann-2 ann-2 0.5", ":2: expected '<utterance> <recording> <start> <end>' in seconds"),
        ("ann-2 ann-2 zero 0.5", ":2: expected '<utterance> <recording> <start> <end>' in seconds"),
        ("ann-2 other 0 0.5", ":2: recording 'other' is not in {}/wav.scp"),
        ("ann-2 ann-1 0 0.5", "wav.scp:2: recording 'ann-2' is not in {}/segments"),
        ("ann-2 ann-2 0 0.9", ":2: ann-2 ends at 0.9 s, and its recording 'ann-2' lasts 0.10 s; correct the time"),
        ("ann-3 ann-2 0 0.5", ":2: utterance 'ann-3' is not in {}/utt2spk"),
    ],
)
def test_segments(data, line, message, capsys):
    lines = [f"{u} {u} 0 0.05" for u in ("ann-1", "ann-2", "bob-1", "bob-2")]
    (data / "segments").write_text("".join(f"{line}\n" for line in lines))
    assert validate(data) == 0
    assert "segments: cut it into files before training" in capsys.readouterr().out
    lines[1] = line
    (data / "segments").write_text("".join(f"{line}\n" for line in lines))
    assert validate(data) == 1
    message = message.format(data)
    where = f"{data / 'segments'}{message}" if message[0] == ":" else f"{data}/{message}"
    assert f"ditar: error: {where}" in capsys.readouterr().err


def test_every_missing_or_empty_audio_file_is_listed(data, tmp_path, capsys):
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not audio " * 100)
    whole = tmp_path / "whole.wav"
    soundfile.write(whole, np.zeros(2400, dtype=np.float32), 24_000)
    (tmp_path / "half.wav").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    files = ("gone.wav", "empty.wav", "half.wav", "text.wav")
    utterances = ("ann-1", "ann-2", "bob-1", "bob-2")
    (data / "wav.scp").write_text("".join(f"{u} {tmp_path / f}\n" for u, f in zip(utterances, files)))
    assert validate(data) == 1
    said = capsys.readouterr().err.splitlines()
    promise = "is cut off (its header promises 4800 bytes of audio, but there are 2378)"
    reasons = ("does not exist", "is empty", promise, "cannot be read as audio")
    for number, (line, utt, file, why) in enumerate(zip(said, utterances, files, reasons, strict=True), 1):
        assert line.startswith(f"ditar: error: {data / 'wav.scp'}:{number}: {utt}: {tmp_path / file} {why}")
        assert line.endswith("; take the utterance out or repair it")


def test_audio_without_samples_is_named(data, tmp_path, capsys):
    soundfile.write(tmp_path / "none.wav", np.zeros(0, dtype=np.float32), 24_000)
    rows = (data / "wav.scp").read_text().splitlines()
    (data / "wav.scp").write_text("\n".join([*rows[:3], f"bob-2 {tmp_path / 'none.wav'}"]) + "\n")
    assert validate(data) == 1 and "none.wav holds no samples; take" in capsys.readouterr().err


def test_audio_is_opened_though_a_table_is_wrong(data, capsys):
    """So that a user repairs everything in one round."""
    edit(data / "text", "ann-2 say 2\n", "ann-2\n")
    edit(data / "wav.scp", "bob-1.wav", "bob-7.wav")
    assert main(["validate-data", str(data)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and "ann-2" in said[0] and "bob-7.wav does not exist" in said[1]


def test_good_directories_are_named_beside_bad_ones(good, data, tmp_path, capsys):
    edit(data / "text", "say 1\n", "say #0\n")
    assert validate(good, data, tmp_path / "nowhere") == 1
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1 and printed.out.startswith(f"{good}: 4 utterances")
    assert f"{tmp_path / 'nowhere'} is not a folder" in printed.err and printed.err.count("\n") == 2


def test_splits_must_not_overlap(good, data, capsys):
    assert validate(good, data) == 1
    said = capsys.readouterr().err
    assert f"{data / 'utt2spk'}:1: 'ann-1' is in {good} too; splits must not overlap" in said and said.count("\n") == 4


def test_manifests_are_for_lhotse(data, tmp_path, capsys):
    lhotse = pytest.importorskip("lhotse")
    assert validate(data, "--manifests", tmp_path / "manifests") == 0
    assert [c.id for c in lhotse.CutSet.from_file(tmp_path / "manifests/data.jsonl.gz")][::3] == ["ann-1", "bob-2"]
    edit(data / "text", "say 1\n", "say #0\n")
    assert validate(data, "--manifests", tmp_path / "bad") == 1 and not (tmp_path / "bad").exists()


def test_it_needs_no_torch(good):
    code = "import sys\nfrom ditar.cli import main\nmain(sys.argv[1:])\nassert 'torch' not in sys.modules"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code, "validate-data", good], capture_output=True, text=True, cwd=root)
    assert done.returncode == 0 and "4 utterances" in done.stdout, done.stderr
