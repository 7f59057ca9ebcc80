"""Rates, and the one rounding rule between seconds, samples, latent frames and patches.

Everything the models see is 24 kHz audio and 40 Hz latents (arXiv 2502.03930, section 4.1). The rule: a count of
*whole* units that fit is `floor`, a length given in seconds is rounded half up.
"""

import math

SAMPLE_RATE_HZ = 24_000
LATENT_RATE_HZ = 40
HOP_SAMPLES = SAMPLE_RATE_HZ // LATENT_RATE_HZ  # 600 samples per latent frame


def round_half_up(value: float) -> int:
    """Nearest integer, halves upward. Python's own `round` goes to even, which makes lengths jump."""
    return math.floor(value + 0.5)


def seconds_to_samples(seconds: float, rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """Samples nearest to a length in seconds."""
    return round_half_up(seconds * rate_hz)


def samples_to_seconds(samples: int, rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Exact length in seconds."""
    return samples / rate_hz


def seconds_to_frames(seconds: float, rate_hz: float = LATENT_RATE_HZ) -> int:
    """Frames nearest to a length in seconds: latents, or a codec's."""
    return round_half_up(seconds * rate_hz)


def samples_to_frames(samples: int) -> int:
    """Whole latent frames in that many samples; the encoder cuts the remainder."""
    return samples // HOP_SAMPLES


def frames_to_seconds(frames: int) -> float:
    """Exact length in seconds."""
    return frames / LATENT_RATE_HZ


def frames_to_patches(frames: int, patch_frames: int) -> int:
    """Whole patches in that many latent frames."""
    return frames // patch_frames


def patches_to_seconds(patches: int, patch_frames: int) -> float:
    """Exact length in seconds."""
    return frames_to_seconds(patches * patch_frames)
