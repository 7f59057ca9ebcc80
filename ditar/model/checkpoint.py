"""A model on disk: config.json and model.safetensors, as `ditar.nn.weights` writes and reads them."""

from ditar.nn.weights import CONFIG, WEIGHTS, ModelError, read_config, read_weights, write_model

__all__ = ["CONFIG", "WEIGHTS", "ModelError", "read_config", "read_weights", "write_model"]
