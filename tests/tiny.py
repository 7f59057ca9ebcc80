"""Tiny random models and clips, for tests of everything above them."""

import numpy as np
import torch

from ditar.config import BlockConfig, DiTARModelConfig
from ditar.model.ditar import DiTAR
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.vae.speech_vae import SpeechVAE


def tiny_vae(latent_channels=8, bandwidth_hz=8000):
    torch.manual_seed(0)
    vae = SpeechVAE(
        vocos={"width": 16, "layers": 1, "ffn": 16},
        spectral={"width": 16, "layers": 1, "ffn": 16},
        latent_channels=latent_channels,
        bandwidth_hz=bandwidth_hz,
    )
    vae.latent_mean.fill_(0.1)
    vae.latent_std.fill_(0.5)
    return vae


def tiny_pipeline(stop_bias=-20.0, **config):
    """Never stops (bias -20) or always stops after one patch (bias 20)."""
    block = BlockConfig(layers=1, width=16, heads=2, ffn=32)
    torch.manual_seed(0)
    ditar = DiTAR(DiTARModelConfig(block, block, block, latent_channels=8, **{"seconds_per_symbol": 0.02, **config}))
    torch.nn.init.constant_(ditar.stop_head.bias, stop_bias)
    pipeline = ContinuousPipeline(vae=tiny_vae(), ditar=ditar)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def clip(seconds=1.0):
    return (0.1 * np.random.default_rng(0).standard_normal(round(seconds * 24_000))).astype(np.float32)
