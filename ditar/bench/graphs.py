"""CUDA graphs: what one patch takes of LocDiT, its steps, as one recorded launch each instead of a hundred."""

import dataclasses
import functools
from collections.abc import Callable

import torch
from torch import Tensor

from ditar.bench import BenchError
from ditar.model.ditar import DiTAR
from ditar.model.locdit import LocDiTContext

Recorded = Callable[[], Tensor]


def record_on_gpu(function: Recorded, device: torch.device) -> Recorded:
    """A CUDA graph of `function`, which reads and writes the same memory of `device` at every call; replaying it returns
    the same tensor. It is run before that on a side stream, as recording wants it."""
    with torch.cuda.device(device):  # streams are the current device's, and what others do is not recorded
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                function()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            result = function()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay


class RecordedDenoise:
    """LocDiT's `denoise` as a recording for each number of rows: inputs are copied to the places that it reads."""

    def __init__(self, denoise: Callable[[Tensor, Tensor, LocDiTContext], Tensor], record: Callable[[Recorded], Recorded]):
        self.denoise, self.record = denoise, record
        self._made: dict[tuple, tuple[list[Tensor], Recorded]] = {}
        self._context: dict[tuple, LocDiTContext] = {}  # the one whose tensors are in place

    def __call__(self, noisy: Tensor, time: Tensor, context: LocDiTContext) -> Tensor:
        """See `LocDiT.denoise`."""
        if context.speaker is not None:  # adapted voices are not what is measured
            return self.denoise(noisy, time, context)
        given = [noisy, time, context.condition, context.history, *context.tables]
        given += [] if context.spoken is None else [context.spoken]
        key = tuple(tuple(tensor.shape) for tensor in given)
        if key not in self._made:
            mine = [tensor.clone() for tensor in given]
            spoken = None if context.spoken is None else mine[6]
            there = dataclasses.replace(
                context, condition=mine[2], history=mine[3], tables=(mine[4], mine[5]), spoken=spoken
            )
            self._made[key] = mine, self.record(lambda: self.denoise(mine[0], mine[1], there))
        mine, replay = self._made[key]
        same = self._context.get(key) is context  # the steps of a patch share it
        for place, tensor in list(zip(mine, given))[: 2 if same else None]:
            place.copy_(tensor)
        self._context[key] = context
        return replay().clone()  # solvers of several steps keep it


def with_graphs(model: DiTAR, record: Callable[[Recorded], Recorded] | None = None) -> DiTAR:
    """The model, whose LocDiT now replays what `record` made (None: CUDA graphs). BenchError: no GPU, or LocDiT's prefix
    cache, whose slots move."""
    if record is None:
        if model.device.type != "cuda":
            raise BenchError(f"CUDA graphs need a GPU, and the model is on {model.device}; leave --cuda-graphs off")
        record = functools.partial(record_on_gpu, device=model.device)
    if model.config.locdit_prefix_cached:
        raise BenchError("CUDA graphs are for LocDiT without its prefix cache; leave --prefix-cache off")
    model.locdit.denoise = RecordedDenoise(model.locdit.denoise, record)
    return model
