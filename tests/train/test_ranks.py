"""What several ranks do together: a validation that is the same for any number of them, and a hung rank that is named."""

import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ditar.data.latents import LatentStore, read_statistics
from ditar.train import ranks, speech_system
from ditar.train.ditar_system import DiTARSystem
from ditar.train.errors import TrainingError
from ditar.train.loop import train
from ditar.train.token_system import TokenSystem, fill_in
from ditar.train.vae_system import VAESystem
from tests.data.test_batches import write_store
from tests.data.test_code_batches import write_codes
from tests.data.test_crops import write_tone
from tests.forked import RanksFailed, run_ranks
from tests.train import test_token_system, test_vae_system
from tests.train.test_loop import make_config

TIMEOUT_S = 8.0


def ditar_system(folder) -> DiTARSystem:
    write_store(folder)
    mean, std = read_statistics(folder)
    store = LatentStore(folder, mean + 10, std * 20)
    system = DiTARSystem(make_config(), store, store)
    torch.nn.init.normal_(system.model.locdit.out.weight)  # which begins at 0: no text would change anything
    return system


def token_system(folder) -> TokenSystem:
    config, store = test_token_system.make_config(), write_codes(folder)
    return TokenSystem(fill_in(config, store), store, store)


def vae_system(folder) -> VAESystem:
    write_tone(folder / "tone", 440)
    return VAESystem(test_vae_system.make_config(), [str(folder / "tone")], [str(folder / "tone")])


def figures(system, ranks: int) -> dict[str, float]:
    model = system.model.eval()
    found = [one for rank in range(ranks) for one in system.validate(model, 1, rank, ranks)]
    return system.figures(sorted(found, key=lambda one: one[0]))


@pytest.mark.parametrize("make", [ditar_system, token_system, vae_system])
def test_validation_is_the_same_for_any_number_of_ranks(make, tmp_path):
    system = make(tmp_path)
    alone = figures(system, 1)
    for count in (2, 3, 7):
        found = figures(system, count)
        assert found.keys() == alone.keys()
        assert found == pytest.approx(alone, rel=1e-4, abs=1e-5), count


@pytest.mark.parametrize("make", [ditar_system, token_system])
def test_validation_goes_in_pieces_that_fit(make, tmp_path, monkeypatch):
    system = make(tmp_path)
    alone, whole = figures(system, 1), len(system.validate(system.model, 1))
    monkeypatch.setattr(speech_system, "UNITS_AT_ONCE", 24)
    assert figures(system, 1) == pytest.approx(alone, rel=1e-4, abs=1e-5)
    assert len(system.validate(system.model, 1)) > whole


def test_a_rank_that_hangs_is_named(tmp_path):
    write_store(tmp_path / "latents")
    with pytest.raises(RanksFailed) as failed:
        run_ranks(3, "tests.train.test_ranks", tmp_path, output=tmp_path / "said", timeout=200)
    said = str(failed.value)
    assert "rank 0 of 3 waited for the others in step 2, at most 8 s (run.timeout_s): rank 1 does not answer" in said, said
    assert said.startswith("exit codes [1, None, 1];"), said  # the others ended by themselves


def test_processes_that_find_no_gpu_do_not_each_train_alone(monkeypatch):
    alone = SimpleNamespace(process_index=0, num_processes=1)  # what accelerate then says to each
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert ranks.Ranks(alone, TIMEOUT_S).count == 1
    monkeypatch.setenv("WORLD_SIZE", "16")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with pytest.raises(TrainingError, match=r"one of 16 processes .* no GPU .*CUDA_VISIBLE_DEVICES \(7\).* --cpu"):
        ranks.Ranks(alone, TIMEOUT_S)


def main(folder: str) -> None:
    """Three ranks of a run, of which the second stands still before its third step. They call the roll for 5 s, not 20."""
    ranks._ROLL_CALL = timedelta(seconds=5)
    mean, std = read_statistics(f"{folder}/latents")
    store = LatentStore(f"{folder}/latents", mean + 10, std * 20)
    config = make_config()
    config = replace(config, run=replace(config.run, timeout_s=TIMEOUT_S))

    class Hanging(DiTARSystem):
        def batch(self, step, part, phases, rank=0, ranks=1):
            if step == 2 and rank == 1:
                time.sleep(10**6)
            return super().batch(step, part, phases, rank, ranks)

    system = Hanging(config, store, store)
    train(system, config.optimiser, config.run, Path(folder) / "run", config, cpu=True)


if __name__ == "__main__":
    main(sys.argv[1])
