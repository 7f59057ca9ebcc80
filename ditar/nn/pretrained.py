"""A model on disk: its configuration and its weights, as `ditar.storage.weights` writes them."""

from pathlib import Path
from typing import Any, Self

import torch
from torch import nn

from ditar.config import ConfigError, from_dict, to_dict
from ditar.storage.weights import CONFIG, ModelError, read_config, read_weights, write_model


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
            with torch.device("meta"):
                model = cls(config)
        except ConfigError as error:
            raise ModelError(f"{Path(folder) / CONFIG} is not a configuration of {cls.__name__}: {error}") from None
        read_weights(folder, model)
        return model.eval()
