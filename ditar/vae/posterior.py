"""The diagonal Gaussian that the encoder predicts for each latent frame."""

from dataclasses import dataclass

import torch

from ditar.diffusion.schedule import Generators, draw_noise


@dataclass(frozen=True)
class Posterior:
    """q(z | waveform): `mean` and `log_variance`, both (B, T, C), one Gaussian per latent value."""

    mean: torch.Tensor
    log_variance: torch.Tensor

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation (B, T, C)."""
        return torch.exp(0.5 * self.log_variance)

    def sample(self, generator: Generators = None) -> torch.Tensor:
        """One draw (B, T, C); a sequence of generators gives each row its own."""
        return self.mean + self.std * draw_noise(self.mean.shape, generator, like=self.mean)

    def kl(self) -> torch.Tensor:
        """KL(q || N(0, I)) in nats: sum over channels, mean over frames and batch. A scalar."""
        per_value = 0.5 * (self.mean.square() + self.log_variance.exp() - 1.0 - self.log_variance)
        return per_value.sum(dim=-1).mean()
