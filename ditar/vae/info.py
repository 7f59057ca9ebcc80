"""What a VAE's configuration amounts to: parameters per part, and the arithmetic of a second of audio."""

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ditar.config import VAEConfig, to_dict
from ditar.units import LATENT_RATE_HZ, SAMPLE_RATE_HZ
from ditar.vae.speech_vae import SpeechVAE

SECONDS = 10  # long enough that the ends hardly matter


def describe_vae(config: VAEConfig) -> dict:
    """{"parameters": {"encoder", "decoder", "quantiser", "total"}, "gflops_per_second": {"encode", "decode"}}.

    gflops_per_second (10^9, a multiplication and an addition count as two): of a second of audio, convolutions and
    matrix products as torch counts them on random weights; Fourier transforms are not counted.
    """
    model = SpeechVAE(**to_dict(config.model)).eval()
    parts = {"encoder": model.encoder, "decoder": model.decoder, "quantiser": model.residual_quantiser}
    parameters = {name: _count(part) for name, part in parts.items()}
    parameters["total"] = _count(model)
    encode = model.quantise if model.is_codec else model.encode
    cost = {
        "encode": _flops(encode, torch.zeros(1, SECONDS * SAMPLE_RATE_HZ)),
        "decode": _flops(model.decode, torch.zeros(1, SECONDS * LATENT_RATE_HZ, config.model.latent_channels)),
    }
    return {"parameters": parameters, "gflops_per_second": {k: v / SECONDS / 1e9 for k, v in cost.items()}}


def _count(module: nn.Module | None) -> int:
    return 0 if module is None else sum(p.numel() for p in module.parameters())


@torch.no_grad()
def _flops(run, value: Tensor) -> int:
    with FlopCounterMode(display=False) as counter:
        run(value)
    return counter.get_total_flops()
