"""Distillation in the training loop: exact resume, what its validation says, whom it teaches."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from ditar.config import DistilConfig, DistilLossConfig, DiTARDataConfig, DiTARModelConfig, OptimiserConfig, RunConfig
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore, read_statistics
from ditar.model.ditar import DiTAR
from ditar.storage.weights import ModelError
from ditar.train.checkpoint import CheckpointError
from ditar.train.distil_system import DistilSystem
from ditar.train.ditar_system import DiTARSystem
from ditar.train.loop import train
from tests.data.test_batches import SYMBOLS, write_store
from tests.train.test_loop import BLOCK, make_config

CONFIG = DistilConfig(
    loss=DistilLossConfig(teacher_steps=2),
    data=DiTARDataConfig(batch_patches=96, max_seconds=2.0),
    optimiser=OptimiserConfig(steps=4, learning_rate=2e-3, precision="no", kind="muon"),
    run=RunConfig(log_every=1, validate_every=4, sample_every=99, checkpoint_every=2, keep_checkpoints=10),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> LatentStore:
    folder = tmp_path_factory.mktemp("latents")
    write_store(folder)
    return LatentStore(folder, *read_statistics(folder))


def make_teacher(seed=0) -> DiTAR:
    torch.manual_seed(seed)
    shape = DiTARModelConfig(BLOCK, BLOCK, BLOCK, latent_channels=8, symbols=SYMBOLS, alignment="monotonic")
    teacher = DiTAR(shape)
    torch.nn.init.normal_(teacher.locdit.out.weight, std=0.2)
    return teacher.eval()


def run(store, out, teacher=None, config=CONFIG) -> list[dict]:
    system = DistilSystem(config, store, store, make_teacher() if teacher is None else teacher)
    train(system, config.optimiser, config.run, out, config, cpu=True)
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def whole(store, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole")
    return out, run(store, out)


def losses(log: list[dict]) -> dict[int, float]:
    return {line["step"]: line["train/loss"] for line in log if "train/loss" in line}


def test_a_resumed_run_has_the_same_losses_and_weights(whole, store, tmp_path):
    out, log = whole
    shutil.copytree(out / "checkpoints/step-00000002", tmp_path / "checkpoints/step-00000002")
    resumed = run(store, tmp_path)
    assert losses(resumed) == {step: loss for step, loss in losses(log).items() if step > 2}
    first, second = (load_file(path / "final/model.safetensors") for path in (out, tmp_path))
    assert first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_monotonic_reading_without_times_is_refused(store, tmp_path):
    """Nothing would be trained, and every loss would be 0."""
    untimed = write_store(tmp_path, timed=False)
    assert not any(entry.timed for entry in untimed.entries) and all(entry.timed for entry in store.entries)
    with pytest.raises(DataError, match="no utterance .* has times of its symbols.*--align true"):
        DistilSystem(CONFIG, untimed, store, make_teacher())


def test_the_run_of_another_teacher_is_not_resumed(whole, store, tmp_path):
    shutil.copytree(whole[0] / "checkpoints", tmp_path / "checkpoints")
    with pytest.raises(CheckpointError, match="trained with other settings: data is"):
        run(store, tmp_path, make_teacher(seed=1))


def test_the_result_is_a_distilled_model_whose_lm_is_the_teachers(whole):
    student, teacher = DiTAR.from_pretrained(whole[0] / "final"), make_teacher()
    assert student.config == replace(teacher.config, distilled_guidance=4.0)
    theirs, mine = teacher.state_dict(), student.state_dict()
    moved = {name for name in theirs if not torch.equal(theirs[name], mine[name])}
    assert moved and all(name.startswith("locdit.") for name in moved)
    assert mine["locdit.jump.guidance.weight"].abs().sum() > 0


def test_validation_begins_at_the_teacher_without_guidance(whole, store):
    """Nearer to itself in more steps; the student, which is not trained, does not reach it."""
    system = DistilSystem(CONFIG, store, store, make_teacher())
    figures = system.figures(system.validate(system.model.eval(), 0))
    assert figures["teacher_1"] > figures["teacher_2"] > figures["teacher_4"] > 0
    assert figures["student_4"] > 1.5 * figures["teacher_4"]
    both = [system.validate(system.model, 0, rank, 2) for rank in (0, 1)]
    shared = system.figures([*both[0], *both[1]])
    assert shared == pytest.approx(figures, rel=1e-4)
    (logged,) = [line for line in whole[1] if "valid/validation" in line]
    assert logged["valid/teacher_2"] == pytest.approx(figures["teacher_2"], rel=1e-5)
    assert logged["valid/student_2"] != pytest.approx(figures["student_2"], rel=1e-5)


def test_a_distilled_model_is_not_taught_again(whole, store):
    student = DiTAR.from_pretrained(whole[0] / "final")
    with pytest.raises(ModelError, match="the teacher is a distilled model"):
        DistilSystem(CONFIG, store, store, student)
    config = make_config()
    for changed, init in ((config, student), (replace(config, model=student.config), None)):
        with pytest.raises(ModelError, match="cannot be trained as DiTAR is.*distil that with recipes/distil.py"):
            DiTARSystem(changed, store, store, init=init)


@pytest.mark.parametrize("kind", ["faithful", "distilled"])
def test_poor_references_are_read_in_training_and_not_in_validation(store, tmp_path, kind):
    write_store(tmp_path / "poor", values=lambda latents, symbols: latents + 9)
    poor = LatentStore(tmp_path / "poor", store.mean, store.std)
    data = replace(CONFIG.data, joined_share=1.0, reference_poor=1.0)

    def make(data, poor):
        if kind == "distilled":
            return DistilSystem(replace(CONFIG, data=data), store, store, make_teacher(), poor=poor)
        config = make_config()
        return DiTARSystem(replace(config, data=data), store, store, poor=poor)

    with_poor, without = make(data, poor), make(replace(data, reference_poor=0.0), None)
    batches = [system.batches.batch(0, 0, 2.0) for system in (with_poor, without)]
    assert batches[0].examples == batches[1].examples and not torch.equal(batches[0].latents, batches[1].latents)
    assert batches[0].latents[..., 2:].max() == 9 and batches[1].latents[..., 2:].max() == 0
    valid = [system.valid_batches.batch(0, 0, 2.0) for system in (with_poor, without)]
    assert torch.equal(valid[0].latents, valid[1].latents)
    assert with_poor.data_digest != without.data_digest  # another run than one without them
    narrow = LatentStore(tmp_path / "poor", store.mean[:5], store.std[:5])
    with pytest.raises(DataError, match="poor have 5 channels"):
        make(data, narrow)
