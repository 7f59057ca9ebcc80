import json
import sys

import pytest

from recipes import prepare_text

PHONES = [["ax", 0.1, 0.2], ["d", 0.2, 0.3], ["ao", 0.3, 0.5], ["g", 0.5, 0.6]]


@pytest.fixture
def prepare(tmp_path, monkeypatch, capsys):
    """prepare(*options) -> (exit code, what stderr said, lines of `symbols` or None)."""

    def prepare(*options):
        (tmp_path / "symbols").unlink(missing_ok=True)
        monkeypatch.setattr(sys, "argv", ["prepare_text.py", "--data", str(tmp_path), *options])
        code = prepare_text.main()
        made = tmp_path / "symbols"
        rows = [json.loads(line) for line in made.read_text().splitlines()] if made.exists() else None
        return code, capsys.readouterr().err, rows

    return prepare


def write(folder, texts, phones):
    (folder / "text").write_text("".join(f"{utt} {text}\n" for utt, text in texts.items()))
    rows = ({"utt": utt, "phones": rows} for utt, rows in phones.items())
    (folder / "phones").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_symbols_and_their_times(tmp_path, prepare):
    write(tmp_path, {"u1": "A dog.", "u2": "A cat."}, {"u1": PHONES})
    code, _, (first, second) = prepare()
    assert (tmp_path / "language").read_text() == "en-us\n"
    assert code == 0 and "".join(first["symbols"]) == "ɐ dˈɑːɡ." and first["times"][0] == [0.1, 0.2]
    assert second["utt"] == "u2" and second["times"] is None


def test_times_of_who_spoke_the_symbols(tmp_path, prepare, capsys):
    write(tmp_path, {"u1": "A dog.", "u2": "A dog.", "u3": "A dog."}, {"u1": PHONES, "u3": PHONES})
    symbols = list("ɐ dˈɑːɡ.")
    times = [[n / 10, (n + 1) / 10] for n in range(len(symbols) - 1)] + [None]
    rows = [{"utt": "u1", "symbols": symbols, "times": times}, {"utt": "u2", "symbols": list("ə dˈɑːɡ."), "times": times}]
    (tmp_path / "symbol_times").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, _, (first, second, third) = prepare()
    assert code == 0 and first == rows[0]  # rather than those of its phones
    assert "".join(second["symbols"]) == "ɐ dˈɑːɡ." and second["times"] is None  # it spoke others
    assert third["times"][0] == [0.1, 0.2]


def test_a_language_that_is_none_is_one_error_before_any_work(tmp_path, prepare, monkeypatch):
    write(tmp_path, {f"u{n}": "A dog." for n in range(30)}, {})
    monkeypatch.setattr(prepare_text, "WorkerPool", lambda *_, **__: pytest.fail("the work began"))
    code, said, rows = prepare("--language", "en-ux", "--skip-bad")
    assert code == 1 and rows is None
    assert said.count("\n") == 1 and said.startswith("prepare_text: error: language 'en-ux' is not known")


def test_an_unknown_phone_is_a_bad_utterance(tmp_path, prepare):
    write(tmp_path, {"u1": "A dog.", "u2": "A dog."}, {"u1": PHONES, "u2": [["qq", 0.1, 0.2]]})
    code, said, rows = prepare("--skip-bad")
    assert code == 0 and [row["utt"] for row in rows] == ["u1"]
    assert "1 utterances cannot be prepared" in said and "u2: phone 'qq' is not ARPAbet" in said
    code, said, rows = prepare()
    assert code == 1 and rows is None and "'qq'" in said and "error: repair their lines in text or phones" in said


def test_nothing_left_is_an_error_whatever_the_option(tmp_path, prepare):
    write(tmp_path, {"u1": "\U0001f600", "u2": "?!"}, {})
    code, said, rows = prepare("--skip-bad")
    assert code == 1 and rows is None and f"no utterance of {tmp_path} can be prepared" in said
    write(tmp_path, {}, {})
    code, said, rows = prepare("--skip-bad")
    assert code == 1 and rows is None and "no utterance" in said


def test_a_text_that_nobody_can_say_in_the_time_is_a_bad_utterance(tmp_path, prepare):
    write(tmp_path, {"u1": "A dog.", "u2": "A dog that is far too long for its clip.", "u3": "A."}, {})
    (tmp_path / "utt2dur").write_text("u1 0.5\nu2 0.5\nu3 20\n")
    code, said, rows = prepare()
    assert code == 1 and rows is None and "u1" not in said
    assert "u2: its text has 46 symbols and the clip lasts 0.50 s, 92.0 symbols a second, and people speak" in said
    assert "u3: its text has 4 symbols and the clip lasts 20.00 s, 0.2 symbols a second" in said
    assert [row["utt"] for row in prepare("--skip-bad")[2]] == ["u1"]


def test_subwords_of_a_tokenizer(tmp_path, prepare):
    tokenizers = pytest.importorskip("tokenizers", reason="the tokenizer is made here")
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters = tokenizers.pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(["A dog.", "A cat."], tokenizers.trainers.BpeTrainer(initial_alphabet=letters))
    made.save(str(tmp_path / "tokenizer.json"))
    write(tmp_path, {"u1": "A dog.", "u2": "A cat, 2 cats."}, {"u1": PHONES})
    code, _, (first, second) = prepare("--tokenizer", tmp_path.joinpath("tokenizer.json").as_posix())
    assert code == 0 and first == {"utt": "u1", "symbols": ["A", "Ġdog", "."], "times": None}
    assert "".join(second["symbols"]).replace("Ġ", " ") == "A cat, two cats."
    (tmp_path / "broken.json").write_text("nonsense")
    code, said, rows = prepare("--tokenizer", str(tmp_path / "broken.json"))
    assert code == 1 and rows is None and "'nonsense'... is not the content of a tokenizer.json" in said
