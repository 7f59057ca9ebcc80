"""A model on disk: its configuration and its weights, as `ditar.storage.weights` writes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from ditar.config import ConfigError, from_dict, to_dict
from ditar.storage.weights import CONFIG, ModelError, read_config, read_weights, write_model


class _Unfilled(TorchFunctionMode):
    """Random tensors that are made within are not filled."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        is_init = getattr(function, "__module__", "") == nn.init.__name__
        if is_init or function in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0] if args else kwargs["tensor"]
        return (torch.empty if function is torch.randn else function)(*args, **kwargs)


@contextmanager
def without_weights() -> Iterator[None]:
    """For making a model whose weights follow: its tensors are on the meta device, and nothing is drawn. (For random
    numbers there torch would import its compiler and sympy: two seconds.)"""
    with torch.device("meta"), _Unfilled():
        yield


class PretrainedModel(nn.Module):
    """A module built only from a `config` of the class `config_class`."""

    config_class: type
    config: Any

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.parameters()).dtype

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        return next(self.parameters()).device

    def save_pretrained(self, folder: str | Path, dtype: torch.dtype | None = None) -> None:
        """Write config.json and model.safetensors, weights in `dtype` (None: unchanged)."""
        write_model(folder, to_dict(self.config), self.state_dict(), dtype)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """Read what `save_pretrained` wrote, as float32 in evaluation mode. ModelError says what is wrong."""
        try:
            config = from_dict(read_config(folder), cls.config_class)
            with without_weights():
                model = cls(config)
        except ConfigError as error:
            raise ModelError(f"{Path(folder) / CONFIG} is not a configuration of {cls.__name__}: {error}") from None
        read_weights(folder, model)
        return model.eval()
