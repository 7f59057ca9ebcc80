"""egs/finetune: what is left out of a voice, and the table of what it gained."""

import json

import soundfile

from ditar.data.kaldi import read_data_dir
from ditar.evaluate.report import write_report
from tests.egs.corpora import run
from tests.finetune.voice import write_voice

RUN = "egs/finetune/run.sh"


def test_the_last_recordings_are_left_out(tmp_path):
    folder = write_voice(tmp_path / "my recordings")
    run(RUN, "--voices", f"ann={folder}:ann", "--datadir", tmp_path / "data", "--stop-stage", "0", cwd=tmp_path)
    train, test, reference = (read_data_dir(tmp_path / "data/ann" / name) for name in ("train", "test", "reference"))
    assert [row.utt for row in (*train, *test)] == [f"ann-{number}" for number in range(8)] and len(test) == 2
    assert reference[0].text in [row.text for row in train] and reference[0].symbol_times is None
    assert soundfile.info(test[0].path).samplerate == 24_000
    said = run(RUN, "--voices", f"bob={folder}:bob", "--datadir", tmp_path / "data", "--stop-stage", "0", code=1)
    assert "has no speaker 'bob'" in said
    bare = tmp_path / "bare"
    bare.mkdir()
    soundfile.write(bare / "a.wav", *soundfile.read(folder / "0.wav"))
    said = run(RUN, "--voices", f"eve={bare}", "--datadir", tmp_path / "data", "--stop-stage", "0", code=1)
    assert "a.wav has no transcript" in said and "write what is said in a.txt beside it" in said
    next(folder.glob("*.wav")).write_bytes(b"RIFF")
    said = run(RUN, "--voices", f"eve={folder}", "--datadir", tmp_path / "data", "--stop-stage", "0", code=1)
    assert ".wav" in said and "Traceback" not in said
    assert '--voices is missing; give "NAME=DIR ..."' in run(RUN, code=1)


def test_the_table(tmp_path):
    def metrics(wer):
        return {"wer": {"value": wer, "low": wer / 2, "high": 2 * wer, "utterances": 9}}

    systems = {
        "metrics": metrics(0.2),
        "against": {"metrics": metrics(0.4), "differences": {}, "wer_ratio": None},
        "original": {"metrics": metrics(0.1), "differences": {}, "wer_ratio": None},
    }
    result = {"version": 1, "utterances": 9, "tools": {}, "worst": {}, "speakers": 1, "runs": 0, **systems}
    write_report(tmp_path / "ann/lora16/score", result, [{"utt": str(n)} for n in range(9)])
    (tmp_path / "ann/lora16/model").mkdir()
    lines = [{"step": step, "validation": value} for step, value in ((0, 0.1), (50, 0.6), (100, 0.4), (150, 0.5))]
    made = {"validations": lines, "pieces": {"train": [30, 210.4]}, "took_s": 930}
    (tmp_path / "ann/lora16/model/finetune.json").write_text(json.dumps(made))
    options = ["--exp", tmp_path, "--voices", "ann", "--kinds", "lora16", "--out", tmp_path / "RESULTS.md"]
    run("egs/finetune/local/table.py", *options)
    line = (tmp_path / "RESULTS.md").read_text().splitlines()[2]
    assert line.startswith("| ann | lora16 | 210 s | 100 | 16 | 40.0 % (20.0 to 80.0) | 20.0 % (10.0 to 40.0) | 10.0 %")
    assert line.endswith("| 9 |")
