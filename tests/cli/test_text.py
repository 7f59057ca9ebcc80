"""`ditar text`, in this process."""

import io
import sys
from types import SimpleNamespace

import pytest

from ditar.cli import main


def test_it_prints_what_is_said_and_what_is_left_out(capsys):
    assert main(["text", "I paid $5/hr. <b>He</b> left."]) == 0
    lines = [line.split(None, 1) for line in capsys.readouterr().out.splitlines()]
    assert ["said", "I paid five dollars an hour."] in lines and ["said", "He left."] in lines
    assert "1 written   I paid $5/hr." in " ".join(map(" ".join, lines)).replace("written I", "written   I")
    assert any(words[0] == "symbols" and "dˈɑːlɚz" in words[1] for words in lines)
    assert any(words[0] == "left" and "'<b>', '</b>'" in words[1] for words in lines)


def test_files_and_standard_input(tmp_path, capsys, monkeypatch):
    (tmp_path / "a.txt").write_text("5 km", encoding="utf-8")
    assert main(["text", f"--text-file={tmp_path / 'a.txt'}"]) == 0
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO("5 m".encode())))
    assert main(["text", "--text-file=-"]) == 0
    out = capsys.readouterr().out
    assert "five kilometres" in out and "five metres" in out


def test_a_lexicon(tmp_path, capsys):
    lexicon = tmp_path / "lexicon.tsv"
    lexicon.write_text("tomato\ttəˈmɑːtəʊ\n", encoding="utf-8")
    assert main(["text", "A tomato. [pause:2] So.", f"--lexicon={lexicon}"]) == 0
    out = capsys.readouterr().out
    assert "ɐ təmˈɑːtəʊ." in out and "pause     2 s" in out
    lexicon.write_text("tomato\n", encoding="utf-8")
    for arguments in ([f"--lexicon={lexicon}"], [f"--lexicon={tmp_path / 'none'}"]):
        assert main(["text", "A tomato.", *arguments]) == 1
    errors = capsys.readouterr().err
    assert "lexicon.tsv:1: write word<TAB>pronunciation" in errors and "none does not exist" in errors


def test_what_cannot_be_said_fails_and_says_why(tmp_path, capsys):
    assert main(["text", "Hello.\n\n😀"]) == 1
    assert "refused" in capsys.readouterr().out
    for arguments in (["😀"], ["--language=klingon", "Hi."]):
        assert main(["text", *arguments]) == 1
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
    assert main(["text", f"--text-file={tmp_path / 'bad.txt'}"]) == 1
    errors = capsys.readouterr().err
    assert "GRINNING FACE" in errors and "klingon" in errors and "iconv -f LATIN1" in errors
    with pytest.raises(SystemExit):
        main(["text"])
