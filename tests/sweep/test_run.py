"""Synthesis of a grid on a tiny random model: what lands on disk, interruption and resuming, refusals."""

import json

import pytest
import soundfile

from ditar.storage.json_lines import append_json_lines, read_log
from ditar.sweep import SweepError
from ditar.sweep.grid import Grid, TokenGrid
from ditar.sweep.items import WAVS, batches, items, wav_path
from ditar.sweep.pairs import Pair
from ditar.sweep.run import open_sweep, synthesise
from ditar.sweep.speak import task
from ditar.synthesis.utterance_list import MANIFEST
from tests.tiny import clip, tiny_pipeline

FIXED = {"model": "tiny", "max_retries": 0, "language": "en-us"}
GRID = Grid(temperature=(0.5, 1.0), steps=(2, 3), seed=(0, 1))


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline(stop_bias=20.0)


@pytest.fixture
def pairs(tmp_path):
    soundfile.write(tmp_path / "clip.wav", clip(), 24_000)
    return [Pair("a", "Hi.", tmp_path / "clip.wav", "Hello."), Pair("b", "Good day.", tmp_path / "clip.wav", "Hello.")]


@pytest.fixture
def calls(pipeline, monkeypatch):
    """Sizes of the batches that the pipeline was given."""
    seen, batch = [], pipeline.batch

    def spy(requests, **options):
        seen.append(len(requests))
        return batch(requests, **options)

    monkeypatch.setattr(pipeline, "batch", spy)
    return seen


def sweep(pipeline, pairs, out, grid=GRID, **options):
    open_sweep(out, FIXED, pairs)
    return synthesise(pipeline, grid, pairs, out, FIXED, **{"batch_size": 3, "progress": False, **options})


def test_every_output_is_on_disk_with_its_line(pipeline, pairs, calls, tmp_path):
    records = sweep(pipeline, pairs, tmp_path / "out")
    assert calls == [3, 3, 2] * 2
    wanted = items(GRID, pairs)
    assert set(records) == {item.name for item in wanted} and len(wanted) == 16
    for item in wanted:
        audio, rate = soundfile.read(wav_path(tmp_path / "out", item))
        record = records[item.name]
        assert rate == 24_000 and record["seconds"] == len(audio) / rate
        assert record["seeds"] == [item.noise_seed] and record["stopped"] and record["attempts"] == 1
    assert {row["id"]: row for row in read_log(tmp_path / "out" / MANIFEST)} == records


def test_an_output_is_what_the_pipeline_says_alone(pipeline, pairs, tmp_path):
    sweep(pipeline, pairs, tmp_path / "out")
    item = items(GRID, pairs)[0]
    alone = pipeline(
        item.pair.text, item.pair.reference, item.pair.transcript,
        seed=item.noise_seed, temperature=0.5, num_inference_steps=2, max_retries=0,
    )  # fmt: skip
    audio, _ = soundfile.read(wav_path(tmp_path / "out", item), dtype="float32")
    assert len(audio) == len(alone.audio) and abs(audio - alone.audio.clip(-1, 1)).max() < 1e-3


def test_an_interruption_costs_one_batch_and_the_rest_goes_on(pipeline, pairs, calls, tmp_path, monkeypatch):
    spied = pipeline.batch

    def interrupted(requests, **options):
        if len(calls) == 2:
            raise KeyboardInterrupt
        return spied(requests, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "batch", interrupted)
        sweep(pipeline, pairs, tmp_path / "out")
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / WAVS).rglob("*.wav")}
    assert len(kept) == 6 and calls == [3, 3]
    records = sweep(pipeline, pairs, tmp_path / "out")
    assert sum(calls) == 16 and len(records) == 16
    assert all(path.stat().st_mtime_ns == time for path, time in kept.items())
    # A larger grid keeps them all; the same grid makes nothing.
    larger = Grid(temperature=(0.5, 1.0), steps=(2, 3), seed=(0, 1, 2))
    assert len(sweep(pipeline, pairs, tmp_path / "out", larger)) == 24 and sum(calls) == 24
    assert len(sweep(pipeline, pairs, tmp_path / "out")) == 16 and sum(calls) == 24


def test_what_is_gone_is_made_again(pipeline, pairs, calls, tmp_path):
    sweep(pipeline, pairs, tmp_path / "out")
    wav_path(tmp_path / "out", items(GRID, pairs)[5]).unlink()
    calls.clear()
    sweep(pipeline, pairs, tmp_path / "out")
    assert calls == [1]


def test_another_clip_in_the_same_file_is_another_voice(pipeline, pairs, calls, tmp_path):
    sweep(pipeline, pairs, tmp_path / "out")
    calls.clear()
    sweep(pipeline, pairs, tmp_path / "out")
    assert calls == []
    soundfile.write(tmp_path / "clip.wav", clip(0.8), 24_000)
    sweep(pipeline, pairs, tmp_path / "out")
    assert sum(calls) == 16


def test_a_folder_of_another_sweep_is_refused(pipeline, pairs, calls, tmp_path):
    sweep(pipeline, pairs, tmp_path / "out", Grid(steps=(2,), seed=(0,)))
    before = (tmp_path / "out" / "settings.json").read_text()
    with pytest.raises(SweepError, match="with model 'tiny', but this one has 'other'"):
        open_sweep(tmp_path / "out", {**FIXED, "model": "other"}, pairs)
    with pytest.raises(SweepError, match="pair 'a' was .*'Hi.'.* now it is .*'Bye.'"):
        open_sweep(tmp_path / "out", FIXED, [Pair("a", "Bye.")])
    for other in ('{"model": "m", "utterances": {}}', "[]", "{"):
        (tmp_path / "settings.json").write_text(other)  # of recipes/decode.py, for example
        with pytest.raises(SweepError, match="settings.json is no sweep's; choose another folder"):
            open_sweep(tmp_path, FIXED, pairs)
    assert (tmp_path / "out" / "settings.json").read_text() == before


def test_a_bad_grid_or_text_is_refused_before_the_first_synthesis(pipeline, pairs, calls, tmp_path):
    with pytest.raises(SweepError, match="temperature must lie in"):
        sweep(pipeline, pairs, tmp_path / "out", Grid(temperature=(1.0, 1.5), steps=(2,)))
    with pytest.raises(SweepError, match="pair 'c' cannot be spoken.*30 s is the limit"):
        sweep(pipeline, [*pairs, Pair("c", "word " * 900, *list(vars(pairs[0]).values())[2:])], tmp_path / "out")
    with pytest.raises(SweepError, match="pair 'd' has no word to recognise in '€'"):
        sweep(pipeline, [*pairs, Pair("d", "€", *list(vars(pairs[0]).values())[2:])], tmp_path / "other")
    assert not calls and not list(tmp_path.rglob(f"{WAVS}/*.wav"))


def test_a_grid_of_the_other_system_is_refused(pipeline, pairs, calls, tmp_path):
    with pytest.raises(SweepError, match="a grid over temperature, top_k, guidance_scale is not for a DiTARPipeline"):
        sweep(pipeline, pairs, tmp_path / "out", TokenGrid())
    assert not calls


def test_settings_of_tokens_reach_the_pipeline():
    grid = TokenGrid(temperature=(0.5, 1.0), top_k=(20, 50), guidance_scale=(3.0,), seed=(0,))
    seen, voice = [], tiny_pipeline().create_voice(clip())
    for batch in batches(items(grid, [Pair("a", "Hi.")]), grid.PER_BATCH, 8):
        tasks = [task(grid, item, voice, 1, "en-us") for item in batch]
        (options,) = {tuple(one.batch_options.items()) for one in tasks}
        asked = [one.request_options for one in tasks]
        texts = [(one.text, o["temperature"], o["guidance_scale"]) for one, o in zip(tasks, asked)]
        seen.append((texts, dict(options)))
    texts = [("Hi.", 0.5, 3.0), ("Hi.", 1.0, 3.0)]
    assert seen == [(texts, {"top_k": k, "max_retries": 1}) for k in (20, 50)]


def test_half_a_line_of_a_killed_process_is_no_line(tmp_path):
    log = tmp_path / "log.jsonl"
    append_json_lines([{"name": "a"}], log)
    with open(log, "a", encoding="utf-8") as file:
        file.write('{"name": "b", "sec')
    assert [row["name"] for row in read_log(log)] == ["a"]
    append_json_lines([{"name": "c"}], log)
    assert [row["name"] for row in read_log(log)] == ["a", "c"]
    assert json.loads(log.read_text().splitlines()[-1]) == {"name": "c"}
