"""Going on from a checkpoint: with the settings and data that the run began with, but for some."""

import copy
from pathlib import Path
from typing import Any

from ditar.config import from_dict, to_dict
from ditar.train.checkpoint import CheckpointError, differences, load_checkpoint, read_state
from ditar.train.optimiser import WeightAverage
from ditar.train.sharded_checkpoint import is_sharded, load_sharded
from ditar.train.sharding import ShardedAverage, like, spread

# Of `optimiser`, what calms a run whose loss is no number any more: a run may go on with others.
CALMING = ("learning_rate", "clip_norm")
MAY_CHANGE = (*CALMING, "final_learning_rate", "precision")


def resume(
    path: Path, system: Any, average: WeightAverage | ShardedAverage, optimisers: list, mine: dict[str, Any], kind: type
) -> tuple[dict[str, Any], str]:
    """Restore everything from a checkpoint; returns its state, and which of the settings that may change have changed.
    CheckpointError if other settings or the data differ.

    A key of the configuration class `kind` that is newer than the checkpoint has its default there.
    """
    state = read_state(path)
    if missing := [name for name in ("trained_with", "sums", "logged", "best") if name not in state]:
        raise CheckpointError(f"{path} was written by another version (no {missing[0]!r}); give another --out")
    theirs = copy.deepcopy(state["trained_with"])
    theirs["config"] = to_dict(from_dict(theirs["config"], kind))
    asked, before = (of["config"]["optimiser"] for of in (mine, theirs))
    changed = differences(*({name: of[name] for name in MAY_CHANGE} for of in (asked, before)))
    before |= {name: asked[name] for name in MAY_CHANGE}
    # And what it reports, its length, and what older versions did not note.
    if not system.steps_place_data:
        before["steps"] = asked["steps"]
    seed = theirs["config"]["run"]["seed"]
    theirs["config"]["run"] = {**mine["config"]["run"], "seed": seed}
    if not theirs["config"].get("model", {}).get("trained_languages", True):
        theirs["config"]["model"]["trained_languages"] = mine["config"]["model"]["trained_languages"]
    if "vocos" in mine["config"].get("model", {}) and "vocos" in theirs["config"].get("model", {}):  # not in training
        theirs["config"]["model"]["vocos"]["formant_contrast"] = mine["config"]["model"]["vocos"]["formant_contrast"]
    theirs |= {name: value for name, value in mine.items() if name not in theirs}
    if different := differences(mine, theirs):
        raise CheckpointError(
            f"{path} was trained with other settings: {different}; give another --out (and --init for its weights), or "
            "the settings that it was trained with"
        )
    if is_sharded(path):
        tensors = {"model": system.loss.state_dict(), "average": average.tensors()}
        load_sharded(path, tensors, system.loss, optimisers)
    else:
        tensors = load_checkpoint(path, optimisers)
        spread(optimisers)
        mine = system.loss.state_dict()
        system.loss.load_state_dict({key: like(value, mine[key]) for key, value in tensors["model"].items()})
    average.load(tensors["average"], state["step"] + 1)
    system.epoch_starts = state.get("epoch_starts", system.epoch_starts)  # found again if it is not known
    return state, changed
