"""Measuring a tiny random model: what is measured adds up, variants are what they say, bad numbers are refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ditar.bench import BenchError, study
from ditar.bench.measure import PARTS, flops_by_part, measure, metered, speak
from ditar.bench.setup import Subject, Variant, check_variant, variants_of
from ditar.bench.study import bench
from ditar.bench.tables import bench_markdown, plot
from ditar.config.sampling import SamplingOptions
from ditar.text import TextError
from tests.tiny import tiny_pipeline

BASE = Variant(steps=2)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def subject():
    pipeline = tiny_pipeline(stop_bias=20.0)  # the length must not depend on the stop head
    return Subject(pipeline.ditar, pipeline.vae, "tiny")


def test_a_case_makes_exactly_what_is_asked_for_and_its_parts_add_up(subject):
    found = measure(subject, BASE, 2, 0.8)
    assert found["audio_s"] == pytest.approx(1.6)
    assert set(found["parts_s"]) == {*PARTS, "rest"}
    assert sum(found["parts_s"].values()) == pytest.approx(found["took_s"])
    assert all(seconds > 0 for seconds in found["parts_s"].values())
    assert found["peak_mib"] is None or found["peak_mib"] > 50


def test_the_meter_counts_calls_once_and_goes_away(subject):
    """A meter that advances by one inside each `embed_patches`, which `step` and `prefill` call."""
    model, clock = subject.model(BASE), [0.0]
    embed = model.embed_patches
    model.embed_patches = lambda patches: (clock.__setitem__(0, clock[0] + 1), embed(patches))[1]
    try:
        with metered(model, subject.vae, lambda: clock[0]) as parts:
            speak(model, subject.vae, subject.rows(BASE, 1, 0.5), BASE.guidance_steps)  # 5 patches, 4 of them read
    finally:
        del model.embed_patches
    assert parts == {"lm": 0, "encoder": 1 + 4, "locdit": 0, "vocoder": 0}
    assert "step" not in vars(model) and "denoise" not in vars(model.locdit) and "decode_features" not in vars(subject.vae.decoder)


def test_flops_follow_the_arithmetic(subject):
    base = flops_by_part(subject, BASE, 1.0)
    assert base["total"] == pytest.approx(sum(base[part] for part in PARTS), rel=0.02)  # the stop head stands outside
    double = flops_by_part(subject, replace(BASE, steps=4), 1.0)
    assert double["lm"] == base["lm"] and double["vocoder"] == base["vocoder"]
    assert 1.7 < double["locdit"] / base["locdit"] <= 2.0
    half = flops_by_part(subject, replace(BASE, guidance_scale=1.0), 1.0)
    assert half["locdit"] == pytest.approx(base["locdit"] / 2, rel=0.02)
    part = flops_by_part(subject, replace(BASE, guidance_steps=(0.0, 0.5)), 1.0)
    assert half["locdit"] < part["locdit"] < base["locdit"]


def test_flops_agree_with_ditar_info(monkeypatch):
    """The same arithmetic counted without running it, on the meta device, where torch counts attention by itself."""
    from ditar.config import DiTARConfig, load_config
    from ditar.model import info

    config = ROOT / "configs" / "ditar" / "tiny.yaml"
    subject = Subject.random(config, "cpu")
    monkeypatch.setattr(info, "OUTPUT_S", 1.0)
    monkeypatch.setattr(info, "TEXT_TOKENS", round(4.0 / subject.config.seconds_per_symbol))
    found = flops_by_part(subject, Variant(), 1.0)
    ours = (found["total"] - found["vocoder"]) / 1e3
    assert ours == pytest.approx(info.describe_ditar(load_config(config, DiTARConfig))["tflops"], rel=0.01)


def test_variants_share_their_weights(subject):
    cached = replace(BASE, prefix_cache=True)
    model, other = subject.model(BASE), subject.model(cached)
    assert other.locdit.prefix_cached and not model.locdit.prefix_cached
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values()))
    assert subject.model(replace(BASE, dtype="bfloat16")).dtype == torch.bfloat16
    assert subject.model(cached) is other
    assert flops_by_part(subject, cached, 0.5)["locdit"] < flops_by_part(subject, BASE, 0.5)["locdit"]


def test_a_whole_measurement(subject, monkeypatch):
    pytest.importorskip("matplotlib")
    variants = variants_of(
        {"steps": [2, 1], "guidance_scale": [2.0], "guidance_steps": [(0.0, 1.0), (0.0, 0.5)], "threads": [1]}
    )
    assert [v.changes(variants[0]) for v in variants] == ["base", "steps 1", "guidance steps 0 to 0.5"]
    timed, time_streams = [], study.time_streams

    def spy(subject, variant, *given, **also):
        timed.append(variant)
        return time_streams(subject, variant, *given, **also)

    monkeypatch.setattr(study, "time_streams", spy)
    result = bench(subject, variants, lengths=(0.4, 1.0), batch_sizes=(1, 2), repeats=2, streams=2, progress=False)
    assert result == json.loads(json.dumps(result)) | {"base": result["base"], "variants": result["variants"]}
    assert result["lengths"][0]["cost_ratio"] == 1 and len(result["batches"]) == 2 and len(result["variants"]) == 3
    for row in (*result["lengths"], *result["batches"], *result["variants"]):
        assert row["rtf"]["low"] <= row["rtf"]["median"] <= row["rtf"]["high"]
        assert sum(row["shares"].values()) == pytest.approx(1)
    waited = result["first_audio"]
    assert timed == variants and result["variants"][0]["first_audio"] == waited
    assert 0 < waited["p50_ms"] <= waited["p95_ms"] and waited["runs"] == 2
    table = bench_markdown(result)
    assert f"| {waited['p50_ms']:.0f}, {waited['p95_ms']:.0f} ms |" in table
    assert "| 0.4 s | base |" in table and "| steps 1 |" in table and "First audio" in table
    assert plot(result).startswith(b"\x89PNG")


def test_the_same_weights_as_onnx(monkeypatch, tmp_path, capsys):
    """Rows beside torch's; as many evaluations of each graph as steps and patches ask for."""
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from ditar.bench.exported import load_exported, measure_exported, time_exported_streams
    from ditar.cli import main
    from ditar.export.write import export_onnx

    tiny_pipeline(stop_bias=20.0, alignment="monotonic").save_pretrained(tmp_path)
    given = ["--lengths=0.4", "--batch-sizes=1", "--repeats=1", "--streams=1", "--device=cpu", "--json"]
    asked = ["--steps=2", "--distilled", "off", "on", "--onnx", "float32", "int8"]
    assert main(["bench", f"--model={tmp_path}", *given, *asked]) == 0
    result = json.loads(capsys.readouterr().out)
    lengths = [(row["seconds"], row["name"], row["cost_ratio"]) for row in result["lengths"]]
    assert lengths == [(0.4, name, 1.0) for name in ("base", "onnx float32", "onnx int8")]  # each by its own first
    rows = result["variants"]
    assert [row["name"] for row in rows] == [
        "base", "onnx float32", "onnx int8", "distilled on", "distilled on, onnx float32", "distilled on, onnx int8"
    ]  # fmt: skip
    for row in rows:
        assert sum(row["shares"].values()) == pytest.approx(1) and all(row["shares"][part] > 0 for part in PARTS)
        assert 0 < row["first_audio"]["p50_ms"] <= row["first_audio"]["p95_ms"] and row["first_audio"]["runs"] == 1
    assert rows[0]["gflop_per_audio_s"] == rows[1]["gflop_per_audio_s"] != rows[4]["gflop_per_audio_s"]

    subject = Subject.load(str(tmp_path), "cpu")
    variant = replace(BASE, distilled=True, onnx="float32")
    exported, seen = load_exported(subject, variant, export_onnx), []

    def spy(graph, inputs, run=exported.model.run):
        seen.append((graph, len(next(iter(inputs.values())))))
        return run(graph, inputs)

    monkeypatch.setattr(exported.model, "run", spy)
    found = measure_exported(subject, variant, exported, 2, 0.8)
    assert found["audio_s"] == pytest.approx(1.6) and seen.count(("locdit", 2)) == 2 * 8 and seen.count(("lm", 2)) == 8
    seen.clear()
    waited = time_exported_streams(variant, exported, 2)
    runs = [graph for graph, _ in seen]
    assert waited["runs"] == 2 and runs.count("vocoder") == 3 and "reference" not in runs  # the voice is made before
    with pytest.raises(BenchError, match="samples with ddim in float32, got unipc, float32; leave --onnx out"):
        check_variant(Variant(solver="unipc", onnx="int8"))


def test_the_text_of_first_audio(subject, monkeypatch):
    """It is spoken as given, and one that cannot be spoken is refused before anything is measured."""
    said, request = [], study.SpeechRequest
    monkeypatch.setattr(study, "SpeechRequest", lambda text, *a, **k: (said.append(text), request(text, *a, **k))[1])
    options = {"lengths": (0.4,), "batch_sizes": (1,), "repeats": 1, "streams": 1, "progress": False}
    result = bench(subject, [BASE], text="Ten boats.", **options)
    assert set(said) == {"Ten boats."} and result["text"] == "Ten boats."
    assert "1 requests of 10 characters" in bench_markdown(result)
    monkeypatch.setattr(study, "measure", lambda *given: pytest.fail("measured"))
    monkeypatch.setattr(study, "time_streams", lambda *given, **also: pytest.fail("spoken"))
    with pytest.raises(TextError):
        bench(subject, [BASE], text=" ", **options)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (Variant(steps=0), r"in \[1, 1000\], got 0"),
        (Variant(guidance_scale=0.5), r"guidance_scale must be in \[1, 100\], got 0.5"),
        (Variant(guidance_steps=(0.5, 0.2)), "LOW,HIGH of 0,1, got 0.5,0.2"),
        (Variant(threads=0), "threads must be at least 1, got 0"),
    ],
)
def test_bad_variants_are_refused(variant, message):
    with pytest.raises(BenchError, match=message):
        check_variant(variant)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lengths": (0.0,)}, "lengths must be above 0"),
        ({"batch_sizes": (0,)}, "batch size must be at least 1, got 0"),
        ({"repeats": 0}, "repeats must be at least 1"),
        ({"lengths": ()}, "at least one variant, one length"),
        ({"variants": [replace(BASE, onnx="int8")]}, "the base, which torch speaks, got one of onnx 'int8'"),
    ],
)
def test_bad_plans_are_refused_before_anything_is_measured(subject, options, message):
    with pytest.raises(BenchError, match=message):
        bench(subject, **{"variants": [BASE], "progress": False} | options)


def test_the_base_samples_as_the_model_was_saved(monkeypatch, tmp_path):
    from ditar.cli import main
    from ditar.synthesis.pipeline import ContinuousPipeline

    pipeline = tiny_pipeline(stop_bias=20.0)
    sampling = SamplingOptions(solver="dpm-solver++", num_inference_steps=3)
    ContinuousPipeline(pipeline.vae, pipeline.ditar, sampling).save_pretrained(tmp_path)
    seen = []
    monkeypatch.setattr(study, "bench", lambda subject, variants, **_: seen.extend(variants) or {})
    main(["bench", f"--model={tmp_path}", "--device=cpu", "--guidance-scale", "2", "1", "--json"])
    assert [(v.steps, v.solver, v.guidance_scale) for v in seen] == [(3, "dpm-solver++", 2), (3, "dpm-solver++", 1)]
    solver = Subject.load(str(tmp_path), "cpu").rows(seen[0], 1, 0.5)[0].solver
    assert type(solver).__name__ == "DiffusersSolver" and len(solver.times) == 4


def test_a_model_of_another_language_is_measured_in_it(tmp_path):
    pipeline = tiny_pipeline(stop_bias=20.0, trained_languages=("fr-fr",))
    pipeline.save_pretrained(tmp_path)
    subject = Subject.load(str(tmp_path), "cpu")
    once = {"lengths": (0.2,), "batch_sizes": (1,), "repeats": 1, "streams": 1, "progress": False}
    assert bench(subject, [BASE], **once)["first_audio"]["runs"] == 1
