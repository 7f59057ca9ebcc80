"""Tiny random codecs and token LMs that speak, for tests of everything above them."""

from dataclasses import replace

import torch

from ditar.baseline.lm import TokenLM
from ditar.config import BaselineConfig, load_config
from ditar.synthesis.token_pipeline import TokenPipeline
from ditar.vae.codec import MatchedCodec
from ditar.vae.speech_vae import SpeechVAE
from tests.baseline.examples import ROOT
from tests.vae.test_speech_vae import TINY


def tiny_codec(seed=0):
    """3 codebooks of 16 codes at 40 Hz."""
    torch.manual_seed(seed)
    vae = SpeechVAE(**TINY, quantiser={"codebooks": 3, "codebook_size": 16})
    with torch.no_grad():
        vae(0.1 * torch.randn(2, 6000, generator=torch.Generator().manual_seed(1)), codebook_seed=0)
    return MatchedCodec(vae)


def tiny_token_pipeline(end=None, codec=None, **changes):
    """`end`: None as it comes, True at the first chance, False never. `changes` of the LM's configuration."""
    codec = tiny_codec() if codec is None else codec
    torch.manual_seed(0)
    config = load_config(ROOT / "tiny_matched.yaml", BaselineConfig).model
    filled = {"symbols": (), "seconds_per_symbol": 0.02, "codec_fingerprint": codec.fingerprint}
    model = TokenLM(replace(config, **{**filled, **changes}))
    pipeline = TokenPipeline(codec=codec, token_lm=model)
    pipeline.set_progress_bar_config(disable=True)
    if end is not None:
        model.logits = _with_end(model.logits, 1e4 if end else -1e4)
    return pipeline


def _with_end(original, value):
    def logits(hidden, kind):
        found = original(hidden, kind)
        found[:, 0, :, kind.end_id] = value
        return found

    return logits
