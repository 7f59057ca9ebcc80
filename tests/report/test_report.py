"""RESULTS.md: sections between marks, what a result must say, and that nothing is written when one is wrong."""

import json
import re
from pathlib import Path

import pytest

from ditar.cli.report import kinds
from ditar.report import ReportError
from ditar.report.results import read_result, render
from ditar.report.sections import begin, end, put
from ditar.report.write import report as write_report

KINDS = kinds()


def report(*arguments, **options):
    write_report(*arguments, **options, kinds=KINDS)


MADE = {"date": "2026-11-21 10:00 UTC", "command": "ditar x --y", "commit": "abc123"}
TABLE = {
    "kind": "table", "version": 1, "provenance": {**MADE, "environment": {"cores": 2, "torch": "2.13", "gpu": None}},
    "columns": ["stage", "seconds"], "rows": [["train", 12.5], ["score", None]], "note": "On the small corpus.",
}  # fmt: skip


def write(folder, result, name="times.json"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(result))
    return folder / name


def test_a_section_says_where_it_comes_from(tmp_path):
    path = write(tmp_path, TABLE)
    section = render(read_result(path), path, "Times")
    assert section.startswith(
        "## Times\n\n2026-11-21 10:00 UTC, commit abc123; 2 cores, torch 2.13.\n\n```\nditar x --y\n```"
    )
    assert "On the small corpus.\n\n| stage | seconds |\n| --- | --- |\n| train | 12.5 |\n| score |  |\n" in section


def test_a_report_replaces_its_own_sections_only(tmp_path):
    document = tmp_path / "RESULTS.md"
    document.write_text("# Results\n\nBy hand, before.\n")
    one, two = write(tmp_path / "one", TABLE), write(tmp_path / "two", TABLE)
    report(document, [one, two], titles=["First", "Second"])
    document.write_text(document.read_text() + "\nBy hand, behind.\n")
    before = document.read_text()
    assert before.index("before.") < before.index("## First") < before.index("## Second") < before.index("behind.")
    write(tmp_path / "one", TABLE | {"rows": [["train", 99]]})
    report(document, [one])
    after = document.read_text()
    assert "| train | 99 |" in after and "## Table: one" in after and "## First" not in after
    untouched = before[before.index(end("one")) :]
    assert after.endswith(untouched) and after.startswith("# Results\n\nBy hand, before.\n")
    report(document, [one])
    assert document.read_text() == after and not list(tmp_path.glob(".*"))


def test_a_new_document_is_begun(tmp_path):
    report(tmp_path / "RESULTS.md", [write(tmp_path / "times", TABLE)])
    assert (tmp_path / "RESULTS.md").read_text().startswith(f"# Results\n\n{begin('times')}\n\n## Table: times\n")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "result of version 2, and this is the code of version 1; make the result again"),
        ({"version": None}, "result of version None"),
        ({"kind": "stew"}, "of the kind 'stew'; give a result of one of the kinds evaluation, sweep, bench, table"),
        ({"provenance": {}}, "does not say its date and command"),
        ({"rows": [["too", "many", "cells"]]}, "an incomplete result of the kind 'table'.*3 cells"),
        ({"columns": None}, "an incomplete result of the kind 'table'"),
        ({"plots": ["none.png"]}, "names a plot 'none.png' that is not next to it"),
    ],
)
def test_a_bad_result_changes_nothing(tmp_path, change, message):
    document = tmp_path / "RESULTS.md"
    document.write_text("# Results\n")
    good, bad = write(tmp_path / "good", TABLE), write(tmp_path / "bad", TABLE | change)
    with pytest.raises(ReportError, match=message):
        report(document, [good, bad])
    assert document.read_text() == "# Results\n" and not (tmp_path / "results").exists()


def test_what_is_no_result_is_refused(tmp_path):
    (tmp_path / "half.json").write_text('{"kind": "ta')
    for name, message in (("half.json", "half.json' cannot be read"), ("none.json", "none.json' does not exist; give")):
        with pytest.raises(ReportError, match=message):
            read_result(tmp_path / name)
    with pytest.raises(ReportError, match="kind None"):
        read_result(write(tmp_path, {"version": 1}))
    with pytest.raises(ReportError, match="kind None"):
        read_result(write(tmp_path, [1]))


def test_plots_come_along_and_old_ones_go(tmp_path):
    document, path = tmp_path / "RESULTS.md", write(tmp_path / "run", TABLE | {"plots": ["a.png", "b.png"]})
    for name in ("a", "b"):
        (tmp_path / "run" / f"{name}.png").write_bytes(name.encode())
    report(document, [path])
    assert "![a](results/run/a.png)" in document.read_text() and (tmp_path / "results/run/b.png").read_bytes() == b"b"
    write(tmp_path / "run", TABLE | {"plots": ["a.png"]})
    report(document, [path])
    assert [p.name for p in (tmp_path / "results/run").iterdir()] == ["a.png"] and "b.png" not in document.read_text()


@pytest.mark.parametrize("settings", [{"paths_from": "../.."}, {}, None], ids=["new", "old", "without"])
@pytest.mark.parametrize("place", [".", "notes/of/mine"])
def test_links_to_audio_open_from_the_document(tmp_path, monkeypatch, settings, place):
    """Where the report lies, whichever folder the judging and the report were begun in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / "exp/wav").mkdir(parents=True)
    (tmp_path / "exp/wav/a b.wav").touch()
    cases = [{"value": 1.0, "utt": "a b", "audio": audio, "text": "Hello.", "heard": None}
             for audio in ("exp/wav/a b.wav", str(tmp_path / "exp/wav/a b.wav"))]  # fmt: skip
    result = {"kind": "evaluation", "version": 1, "provenance": MADE, "utterances": 1, "metrics": {}, "original": None,
              "against": None, "tools": {}, "worst": {"wer": cases}, "settings": settings}  # fmt: skip
    path = write(tmp_path / "exp/score", result, "scores.json")
    document = tmp_path / place / "RESULTS.md"
    if settings and settings.get("paths_from"):
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
    report(document, [path])
    links = re.findall(r"\[a b\]\(<(.*?)>\)", document.read_text())
    assert len(links) == 2 and all((document.parent / link).is_file() for link in links)
    assert all(not Path(link).is_absolute() for link in links)


def test_names_must_differ_and_be_words(tmp_path):
    path = write(tmp_path / "run", TABLE)
    with pytest.raises(ReportError, match="two results would be the section 'run'"):
        report(tmp_path / "RESULTS.md", [path, path])
    with pytest.raises(ReportError, match="2 names for 1 results"):
        report(tmp_path / "RESULTS.md", [path], ["a", "b"])
    with pytest.raises(ReportError, match="letters, digits.*got 'a -->'"):
        report(tmp_path / "RESULTS.md", [path], ["a -->"])
    with pytest.raises(ReportError, match="there is no folder"):
        report(tmp_path / "none" / "RESULTS.md", [path])


def test_a_document_that_cannot_be_read_is_named(tmp_path):
    path, document = write(tmp_path / "run", TABLE), tmp_path / "RESULTS.md"
    document.write_bytes(b"caf\xe9\n")
    with pytest.raises(ReportError, match="RESULTS.md' cannot be read .*give a Markdown file in UTF-8"):
        report(document, [path])
    assert document.read_bytes() == b"caf\xe9\n"
    with pytest.raises(ReportError, match="run' cannot be read"):
        report(tmp_path / "run", [path])


def test_broken_marks_are_refused():
    for broken in (begin("a"), end("a"), f"{end('a')}\n{begin('a')}", f"{begin('a')}\n{end('a')}\n{begin('a')}"):
        with pytest.raises(ReportError, match="marks of section 'a' do not come in one pair"):
            put(f"# Results\n{broken}\n", "a", "text")
    # A name that begins like another is another.
    whole = put(put("", "a", "one"), "a.b", "two")
    assert put(whole, "a", "three").count("two") == 1 and "one" not in put(whole, "a", "three")


def test_a_result_is_not_written_over(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("{}")
    with pytest.raises(OSError, match="RESULTS.md would overwrite .*scores.json, which is the file of a result"):
        report(tmp_path / "." / "scores.json", [path])
    assert path.read_text() == "{}"
