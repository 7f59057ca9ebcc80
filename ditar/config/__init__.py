"""Typed configurations, a module for each system, and strict reading of their YAML files."""

from ditar.config.baseline import (
    BaselineConfig,
    BaselineDataConfig,
    BaselineLossConfig,
    BaselineModelConfig,
    BaselineRunConfig,
    SamplingConfig,
    StreamsConfig,
)
from ditar.config.distil import DistilConfig, DistilLossConfig
from ditar.config.ditar import DiTARConfig, DiTARDataConfig, DiTARLossConfig, DiTARModelConfig
from ditar.config.files import load_config, nearest_kind, to_dict
from ditar.config.ranges import ConfigError, from_dict
from ditar.config.sampling import SamplingOptions
from ditar.config.training import OptimiserConfig, RunConfig
from ditar.config.transformer import BlockConfig
from ditar.config.vae import (
    OobleckEncoderConfig,
    QuantiserConfig,
    SpectralEncoderConfig,
    VAEConfig,
    VAEDataConfig,
    VAELossConfig,
    VAEModelConfig,
    VocosConfig,
)

__all__ = [
    "BaselineConfig",
    "BaselineDataConfig",
    "BaselineLossConfig",
    "BaselineModelConfig",
    "BaselineRunConfig",
    "BlockConfig",
    "ConfigError",
    "DiTARConfig",
    "DiTARDataConfig",
    "DiTARLossConfig",
    "DiTARModelConfig",
    "DistilConfig",
    "DistilLossConfig",
    "OobleckEncoderConfig",
    "OptimiserConfig",
    "QuantiserConfig",
    "RunConfig",
    "SamplingConfig",
    "SamplingOptions",
    "SpectralEncoderConfig",
    "StreamsConfig",
    "VAEConfig",
    "VAEDataConfig",
    "VAELossConfig",
    "VAEModelConfig",
    "VocosConfig",
    "from_dict",
    "load_config",
    "nearest_kind",
    "to_dict",
]
