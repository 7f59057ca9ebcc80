"""The training loop on the smallest real system: a DiTAR on made-up latents."""

import copy
import errno
import json
import math
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ditar.config import BlockConfig, DiTARConfig, DiTARDataConfig, DiTARLossConfig, DiTARModelConfig, OptimiserConfig, RunConfig
from ditar.data.latents import LatentStore, read_statistics
from ditar.model.ditar import DiTAR
from ditar.storage.lock import InUseError, only_writer
from ditar.train.checkpoint import CheckpointError, checkpoints
from ditar.train.ditar_system import DiTARSystem
from ditar.train.loop import TrainingError, train
from ditar.train.optimiser import WeightAverage, learning_rate
from ditar.train.resume import CALMING, MAY_CHANGE
from tests.data.test_batches import SYMBOLS, write_store

BLOCK = BlockConfig(layers=2, width=32, heads=2, ffn=64)


def make_config(**optimiser) -> DiTARConfig:
    return DiTARConfig(
        model=DiTARModelConfig(BLOCK, BLOCK, BLOCK, latent_channels=8, symbols=SYMBOLS),
        loss=DiTARLossConfig(phoneme_weight=0.2, attention_weight=0.2, lm_noise=0.2, history_noise=0.1, helper_until=0.8),
        data=DiTARDataConfig(batch_patches=96, max_seconds=2.0),
        optimiser=OptimiserConfig(**{"steps": 6, "learning_rate": 2e-3, "precision": "no", "kind": "muon", **optimiser}),
        run=RunConfig(log_every=1, validate_every=3, sample_every=6, checkpoint_every=2, keep_checkpoints=10),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> LatentStore:
    folder = tmp_path_factory.mktemp("latents")
    write_store(folder)
    mean, std = read_statistics(folder)
    return LatentStore(folder, mean + 10, std * 20)


def run(config: DiTARConfig, store: LatentStore, out) -> list[dict]:
    system = DiTARSystem(config, store, store)
    train(system, config.optimiser, config.run, out, config, cpu=True)
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(log: list[dict]) -> dict[int, float]:
    return {line["step"]: line["train/loss"] for line in log if "train/loss" in line}


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return out, run(make_config(), store, out)


def test_a_run_writes_what_it_says(whole):
    out, log = whole
    assert [p.name for p in checkpoints(out / "checkpoints")] == [f"step-{s:08d}" for s in (2, 4, 6)]
    assert any("valid/text_gain" in line for line in log)
    model = DiTAR.from_pretrained(out / "final")
    assert model.config.symbols == SYMBOLS
    last = out / "checkpoints" / "step-00000006"
    average, trained = (load_file(last / f"{name}.safetensors") for name in ("average", "model"))
    assert all(torch.equal(value, average[name]) for name, value in model.state_dict().items())
    assert any(not torch.equal(value, trained[f"model.{name}"]) for name, value in average.items())
    assert not any("helper" in name for name, _ in model.named_parameters())
    assert (out / "best" / "model.safetensors").is_file()


def test_resumed_run_has_the_same_losses_and_weights(whole, store, tmp_path):
    out, log = whole
    part = tmp_path / "part"
    shutil.copytree(out / "checkpoints" / "step-00000002", part / "checkpoints" / "step-00000002")
    resumed = run(make_config(), store, part)
    assert losses(resumed) == {s: v for s, v in losses(log).items() if s > 2}
    for name in ("model", "average"):
        first = load_file(out / "checkpoints" / "step-00000006" / f"{name}.safetensors")
        second = load_file(part / "checkpoints" / "step-00000006" / f"{name}.safetensors")
        assert all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("utterances", [1, 2])
def test_the_wrong_text_of_a_single_row_is_another_utterances(tmp_path, utterances):
    """Two utterances of two voices in batches of a row each; of a single one there is no gain to speak of."""
    config = make_config()
    store = write_store(tmp_path, utterances=utterances, speakers=2)
    system = DiTARSystem(replace(config, data=replace(config.data, batch_patches=1, joined_share=0.0)), store, store)
    torch.nn.init.normal_(system.model.locdit.out.weight)  # which begins at 0: no text would change anything
    figures = system.figures(system.validate(system.model.eval(), 1))
    assert figures["diffusion"] > 0
    assert ("text_gain" in figures) == (utterances > 1)
    assert figures.get("text_gain") != 0.0


def test_loss_falls(store, tmp_path):
    config = make_config(steps=60)
    log = losses(run(replace(config, run=replace(config.run, validate_every=99, checkpoint_every=99)), store, tmp_path))
    early, late = (sum(log[s] for s in steps) / 10 for steps in (range(1, 11), range(51, 61)))
    assert late < 0.8 * early


def test_accumulation_reads_other_batches(store):
    system = DiTARSystem(make_config(accumulation=2), store, store)
    names = [system.batch(0, part, ("model",)).utterances for part in (0, 1)]
    assert names[0] != names[1]


def test_nan_names_step_utterances_and_checkpoint(store, tmp_path):
    config = make_config(steps=5)
    system = DiTARSystem(config, store, store)
    original = system.batch

    def poisoned(step, part, phases, rank, ranks):
        batch = original(step, part, phases, rank, ranks)
        return replace(batch, latents=batch.latents * float("nan")) if step == 3 else batch

    system.batch = poisoned
    message = r"step 3 .*s\d-\d+.*last good checkpoint: .*step-00000002; resume with lower learning_rate or clip_norm"
    with pytest.raises(TrainingError, match=message):
        train(system, config.optimiser, config.run, tmp_path, config, cpu=True)


def test_the_remedy_for_a_loss_that_is_no_number_is_accepted_by_a_resume(whole, store, tmp_path, capsys):
    """What the error names, and what else calms a run."""
    out, log = whole
    part = tmp_path / "part"
    shutil.copytree(out / "checkpoints" / "step-00000002", part / "checkpoints" / "step-00000002")
    config = make_config()
    calmer = {"learning_rate": 1e-5, "clip_norm": 0.1, "final_learning_rate": 1e-6}
    assert set(CALMING) < set(calmer) < set(MAY_CHANGE)
    resumed = run(replace(config, optimiser=replace(config.optimiser, **calmer)), store, part)
    said = capsys.readouterr().out
    assert "with other settings: learning_rate is 0.002 there and 1e-05 here" in said and "clip_norm is" in said
    mine, theirs = losses(resumed), losses(log)
    assert mine[3] == theirs[3] and mine[6] != theirs[6]  # the first loss is before the first step


@pytest.mark.parametrize(
    ("part", "changed", "message"),
    [
        ("model", {"lm": replace(BLOCK, layers=3)}, r"config\.model\.lm\.layers is 2 there and 3 here"),
        ("loss", {"stop_weight": 0.5}, r"config\.loss\.stop_weight is 1\.0 there and 0\.5 here"),
        ("optimiser", {"weight_decay": 0.5}, r"config\.optimiser\.weight_decay is 0\.01 there and 0\.5 here"),
        ("run", {"seed": 1}, r"config\.run\.seed is 0 there and 1 here"),
    ],
)
def test_other_settings_are_refused_with_both_values(part, changed, message, whole, store):
    out, _ = whole
    config = make_config()
    other = replace(config, **{part: replace(getattr(config, part), **changed)})
    with pytest.raises(CheckpointError, match=message):
        run(other, store, out)


def test_a_checkpoint_older_than_a_key_goes_on_with_its_default(whole, store, tmp_path):
    out, _ = whole
    shutil.copytree(out, tmp_path / "older")
    path = checkpoints(tmp_path / "older" / "checkpoints")[-1] / "state.json"
    state = json.loads(path.read_text())
    del state["trained_with"]["config"]["model"]["locdit_prefix_cached"]
    path.write_text(json.dumps(state))
    run(make_config(), store, tmp_path / "older")
    cached = replace(make_config(), model=replace(make_config().model, locdit_prefix_cached=True))
    with pytest.raises(CheckpointError, match="locdit_prefix_cached is False there and True here"):
        run(cached, store, tmp_path / "older")


def test_other_data_is_refused(whole, store):
    out, _ = whole
    other = copy.copy(store)
    other.entries = store.entries[:-1]
    with pytest.raises(CheckpointError, match="data is '[0-9a-f]{24}' there and '[0-9a-f]{24}' here"):
        run(make_config(), other, out)


def test_other_held_out_data_is_refused(whole, store, tmp_path):
    """The best of two sets would be compared."""
    other, config = copy.copy(store), make_config()
    other.entries = store.entries[:-1]
    with pytest.raises(CheckpointError, match="held-out data is '[0-9a-f]{24}' there and '[0-9a-f]{24}' here"):
        train(DiTARSystem(config, store, other), config.optimiser, config.run, whole[0], config, cpu=True)
    shutil.copytree(whole[0], tmp_path / "older")  # which did not note it
    for state in tmp_path.glob("older/checkpoints/*/state.json"):
        kept = json.loads(state.read_text())
        del kept["trained_with"]["held-out data"]
        state.write_text(json.dumps(kept))
    train(DiTARSystem(config, store, other), config.optimiser, config.run, tmp_path / "older", config, cpu=True)


def test_a_validation_that_is_no_number_ends_the_run(store, tmp_path):
    config = make_config()
    system = DiTARSystem(config, store, store)
    system.figures = lambda found: {"validation": math.nan, "diffusion": math.nan}
    with pytest.raises(TrainingError, match="the validation at step 3 is no number .validation nan, diffusion nan"):
        train(system, config.optimiser, config.run, tmp_path, config, cpu=True)
    assert not (tmp_path / "best").exists() and "NaN" not in (tmp_path / "log.jsonl").read_text()


def test_length_and_reports_may_change_on_the_way(whole, store, tmp_path):
    out, _ = whole
    shutil.copytree(out / "checkpoints", tmp_path / "checkpoints")
    config = make_config(steps=7)
    log = run(replace(config, run=replace(config.run, validate_every=99)), store, tmp_path)
    assert [line["step"] for line in log if "train/loss" in line] == [7]


def test_a_resumed_run_plans_no_epoch_before_that_of_its_checkpoint(store, tmp_path):
    config = make_config(steps=7)
    config = replace(config, data=replace(config.data, batch_patches=300), run=replace(config.run, checkpoint_every=5))
    whole = run(config, store, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole/checkpoints/step-00000005", tmp_path / "part/checkpoints/step-00000005")
    system, planned = DiTARSystem(config, store, store), []
    plan = system.batches.plan
    system.batches.plan = lambda epoch, limit: planned.append(epoch) or plan(epoch, limit)
    train(system, config.optimiser, config.run, tmp_path / "part", config, cpu=True)
    other = DiTARSystem(config, store, store)
    other.batch(6, 0, ("model",))
    assert system.epoch_starts == other.epoch_starts
    inside = sum(start <= 4 for start in other.epoch_starts) - 1  # of the last step behind the checkpoint
    assert inside >= 2 and planned == list(range(inside, len(other.epoch_starts) - 1))
    log = [json.loads(line) for line in (tmp_path / "part/log.jsonl").read_text().splitlines()]
    assert losses(log) == {step: value for step, value in losses(whole).items() if step > 5}


def test_a_finished_run_is_left_as_it_is(whole, store):
    out, _ = whole
    written = {path: path.stat().st_mtime_ns for path in (out / "final").iterdir()}
    run(make_config(), store, out)
    assert {path: path.stat().st_mtime_ns for path in (out / "final").iterdir()} == written


@pytest.mark.parametrize(("how", "first"), [("before it", 0), ("within it", 0), ("disk full", 0), ("disk full", 1)])
def test_a_run_that_ends_before_its_last_model_is_written_writes_it(whole, store, tmp_path, monkeypatch, how, first):
    """Though there is one of fewer steps, or half of one: nobody may take it for that of the last step."""
    shutil.copytree(whole[0], tmp_path / "run")
    config, export = make_config(steps=8), DiTARSystem.export

    def fail(system, model, folder):
        if how != "before it":
            folder.mkdir()
            (folder / "config.json").write_text("{}")
        if how == "disk full":  # the second is how weights tell it
            raise OSError(errno.ENOSPC, "No space left on device") if first else OSError("No space left on device")
        raise KeyboardInterrupt

    def stopped(system, model, folder):
        (fail if "final" in folder.name else export)(system, model, folder)

    monkeypatch.setattr(DiTARSystem, "export", stopped)
    told = pytest.raises(CheckpointError, match="final cannot be written: No space left on device; free space and run")
    with told if how == "disk full" else pytest.raises(KeyboardInterrupt):
        run(config, store, tmp_path / "run")
    assert (tmp_path / "run/final/step").read_text() == "6\n"  # whole, as it was
    monkeypatch.undo()
    run(config, store, tmp_path / "run")
    shutil.copytree(whole[0], tmp_path / "other")
    run(config, store, tmp_path / "other")
    made, wanted = (load_file(tmp_path / name / "final/model.safetensors") for name in ("run", "other"))
    assert (tmp_path / "run/final/step").read_text() == "8\n"
    assert all(torch.equal(made[name], wanted[name]) for name in wanted)
    assert not list((tmp_path / "run").glob(".*.partial"))


def test_a_model_that_does_not_say_its_step_is_left_alone(whole, store, tmp_path):
    """Of an older version; to that of a VAE the statistics of its latents may have been added."""
    shutil.copytree(whole[0], tmp_path / "run")
    (tmp_path / "run/final/step").unlink()
    (tmp_path / "run/final/model.safetensors").write_bytes(b"kept")
    run(make_config(), store, tmp_path / "run")
    assert (tmp_path / "run/final/model.safetensors").read_bytes() == b"kept"


def test_training_starts_from_given_weights(whole, store, tmp_path):
    out, _ = whole
    trained = DiTAR.from_pretrained(out / "final")
    system = DiTARSystem(make_config(), store, store, init=trained)
    found, expected = system.model.state_dict(), trained.state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    config = make_config()
    other = replace(config, model=replace(config.model, history_patches=2))
    with pytest.raises(CheckpointError, match="history_patches is 1 there and 2 here"):
        DiTARSystem(other, store, store, init=trained)


def test_a_gradient_that_is_no_number_moves_nothing(store, tmp_path):
    config = make_config(steps=3)
    system = DiTARSystem(config, store, store)

    class Poison(torch.autograd.Function):  # a finite value with a gradient that is not
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            return gradient * float("nan")

    original = system.forward

    def poisoned(loss, phase, batch, step, counts):
        value, parts = original(loss, phase, batch, step, counts)
        return (Poison.apply(value) if step == 2 else value), parts

    system.forward = poisoned
    with pytest.raises(TrainingError, match=r"gradient norm of the model is nan at step 2 .*step-00000002"):
        train(system, config.optimiser, config.run, tmp_path, config, cpu=True)
    assert all(torch.isfinite(p).all() for p in system.model.parameters())


def test_the_best_figure_survives_a_kill_after_its_checkpoint(whole, store, tmp_path):
    """Killed while step 6 was validated: it is validated on resume, and what was best before stays the measure."""
    out, log = whole
    shutil.copytree(out / "checkpoints", tmp_path / "checkpoints")
    kept = [line for line in log if line["step"] < 6]
    kept[-1] = kept[-1] | {"valid/validation": -1.0}  # better than anything
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in kept))
    resumed = run(make_config(), store, tmp_path)
    assert any(line["step"] == 6 and "valid/validation" in line for line in resumed)
    assert not (tmp_path / "best").exists()


def test_full_disk_keeps_older_checkpoints(store, tmp_path, monkeypatch):
    config = make_config(steps=4)
    import ditar.train.checkpoint as module

    real = module.save_file

    def full(tensors, path):
        if "00000004" in str(path):
            raise OSError(28, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(CheckpointError, match="No space left"):
        run(config, store, tmp_path)
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-00000002"]


def test_a_folder_that_cannot_be_written_is_refused_before_any_work(store, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="file/run cannot be written to: Not a directory; choose another --out"):
        run(make_config(), store, tmp_path / "file" / "run")


def test_a_second_run_in_a_folder_is_refused(whole, store):
    out, log = whole
    with only_writer(out), pytest.raises(InUseError, match=f"{out} is being written by another program; wait"):
        run(make_config(steps=8), store, out)
    assert [p.name for p in checkpoints(out / "checkpoints")][-1] == "step-00000006"
    assert run(make_config(), store, out) == log  # free again


def test_unreadable_checkpoint_says_what_to_do(whole, store, tmp_path):
    out, _ = whole
    shutil.copytree(out / "checkpoints", tmp_path / "checkpoints")
    weights = tmp_path / "checkpoints" / "step-00000006" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointError, match="delete that folder"):
        run(make_config(steps=8), store, tmp_path)


def test_schedule_warms_up_and_decays():
    config = OptimiserConfig(steps=100, learning_rate=1.0, final_learning_rate=0.1, warmup_steps=10)
    rates = [learning_rate(s, config) for s in range(101)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == pytest.approx(1.0) and rates[100] == pytest.approx(0.1)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert learning_rate(10**6, replace(config, final_learning_rate=None)) == 1.0


def test_average_follows_the_weights():
    module = torch.nn.Linear(2, 2)
    average, first = WeightAverage(module, 0.9), module.weight.clone()
    with torch.no_grad():
        module.weight.fill_(1.0)
    average.update_parameters(module)
    torch.testing.assert_close(average.module.weight, 0.1 * first + 0.9)  # the decay warms up: 1 / 10 at first
    for _ in range(199):
        average.update_parameters(module)
    assert torch.allclose(average.module.weight, torch.ones(2, 2), atol=1e-3)
