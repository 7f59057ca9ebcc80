"""What a VAE's configuration amounts to: parameters per part, and the arithmetic of a second of audio."""

import torch

from ditar.config import VAEConfig, to_dict
from ditar.nn.counting import count_flops, count_parameters
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
    parameters = {name: count_parameters(part) for name, part in parts.items()}
    parameters["total"] = count_parameters(model)
    encode = model.quantise if model.is_codec else model.encode
    latents = torch.zeros(1, SECONDS * LATENT_RATE_HZ, config.model.latent_channels)
    cost = {
        "encode": count_flops(lambda: encode(torch.zeros(1, SECONDS * SAMPLE_RATE_HZ)))[0],
        "decode": count_flops(lambda: model.decode(latents))[0],
    }
    return {"parameters": parameters, "gflops_per_second": {k: v / SECONDS / 1e9 for k, v in cost.items()}}
