"""DiTAR's training loss: L = L_diffusion + L_stop (arXiv 2502.03930, section 3.3), and helpers for small models."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.config import DiTARLossConfig, DiTARModelConfig
from ditar.data.batches import NO_TARGET, DiTARBatch
from ditar.diffusion.schedule import add_noise, sample_times, velocity
from ditar.model.ditar import DiTAR
from ditar.model.lm import text_attention
from ditar.model.patches import valid_patches


class DiTARLoss:
    """Draws noise, runs the model once and returns its losses. Holds no parameters; all randomness is explicit."""

    def __init__(self, config: DiTARLossConfig, model_config: DiTARModelConfig):
        self.config = config
        self.attention_layer = model_config.lm.layers // 2

    def __call__(
        self,
        model: DiTAR,
        batch: DiTARBatch,
        generator: torch.Generator,
        helpers: "AlignmentHelpers | None" = None,
        helper_scale: float = 0.0,
    ) -> dict[str, Tensor]:
        """Scalars: `loss`, the weighted sum to minimise; `diffusion`, `stop`; with helpers `phoneme`, `attention`.

        `model` may be wrapped (it is only called). `generator` lives on the CPU, so that a seed means the same on
        every device. `helper_scale` in [0, 1] fades the helpers out; at 0 they are not computed.
        """
        c, clean = self.config, batch.latents
        device = clean.device
        valid = valid_patches(clean, batch.patch_counts)  # (B, N)
        target = clean[valid].repeat(c.noise_draws, 1, 1)  # (K * M, P, C)
        times, at_end = sample_times(len(target), generator, c.time_logit_normal, c.time_end)
        noise = torch.randn(target.shape, generator=generator)
        noise[at_end] = 0.0  # x = 0 at t = 1, where temperature < 1 starts
        noise, times = noise.to(device), times.to(device)
        t = times[:, None, None]
        helped = helpers is not None and helper_scale > 0
        output = model(
            batch.symbol_ids,
            batch.symbol_counts,
            _with_noise(clean, c.lm_noise, generator),
            batch.patch_counts,
            add_noise(target, noise, t),
            times,
            history=_with_noise(clean, c.history_noise, generator),
            keep_history=_keep(valid, c.history_dropout, generator),
            keep_h=_keep(valid, c.h_dropout, generator),
            keep_layers=(self.attention_layer,) if helped and c.attention_weight else (),
        )
        diffusion = (output.u.float() - velocity(target, noise, t)).square().mean()
        stop = self._stop(output.stop_logits.float(), batch.patch_counts, valid)
        losses = {"diffusion": diffusion, "stop": stop}
        total = c.diffusion_weight * diffusion + c.stop_weight * stop
        if helped and c.phoneme_weight:
            losses["phoneme"] = helpers(output.lm.h, batch.frame_symbols)
            total = total + helper_scale * c.phoneme_weight * losses["phoneme"]
        if helped and c.attention_weight:
            losses["attention"] = self._attention(output.lm.kept[self.attention_layer], batch)
            total = total + helper_scale * c.attention_weight * losses["attention"]
        return {"loss": total, **losses}

    def _stop(self, logits: Tensor, patch_counts: Tensor, valid: Tensor) -> Tensor:
        """Binary cross-entropy; the label is 1 at the last patch, whose h is known before the patch is."""
        last = torch.arange(logits.shape[1], device=logits.device) == patch_counts[:, None] - 1
        weight = logits.new_tensor(self.config.stop_positive_weight)
        loss = F.binary_cross_entropy_with_logits(logits, last.to(logits.dtype), pos_weight=weight, reduction="none")
        return loss[valid].mean()

    def _attention(self, kept: tuple[Tensor, Tensor], batch: DiTARBatch) -> Tensor:
        """-log of the attention that falls on the symbols spoken in a patch, mean over patches that speak some."""
        query, key = (x[: self.config.attention_heads] for x in kept)
        speaks = batch.spoken.any(-1)  # (B, N)
        if not speaks.any():
            return query.sum() * 0.0
        shape = (batch.symbol_ids.shape[1], batch.latents.shape[1])
        log_attention = text_attention(query, key, batch.symbol_counts, *shape)  # (heads, B, N, L)
        on_target = log_attention.masked_fill(~batch.spoken, -torch.inf)[:, speaks]  # (heads, patches, L)
        return -on_target.logsumexp(-1).mean()


class AlignmentHelpers(nn.Module):
    """Training only: a linear head on h_i that predicts the symbol spoken in each frame of patch i (ours; a small
    decoder-only model learns its alignment from it, where plain training babbles). Not part of a checkpoint.

    Classes are the symbols' ids and, last, silence.
    """

    def __init__(self, config: DiTARModelConfig):
        super().__init__()
        self.patch_frames, self.classes = config.patch_frames, len(config.symbols) + 1
        self.head = nn.Linear(config.lm.width, self.patch_frames * self.classes)

    def forward(self, h: Tensor, frame_symbols: Tensor) -> Tensor:
        """h (B, N, width), frame_symbols (B, N, P), NO_TARGET where unknown -> mean cross-entropy, a scalar."""
        known = (frame_symbols != NO_TARGET).any(-1)  # (B, N)
        logits = self.head(h[known]).float().unflatten(-1, (self.patch_frames, self.classes))
        if not len(logits):
            return logits.sum() * 0.0
        return F.cross_entropy(logits.flatten(0, 1), frame_symbols[known].flatten(), ignore_index=NO_TARGET)


def _with_noise(patches: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Add noise of a std ~ U(0, most), one for each row."""
    if not most:
        return patches
    std = most * torch.rand(len(patches), 1, 1, 1, generator=generator)
    return patches + (std * torch.randn(patches.shape, generator=generator)).to(patches.device)


def _keep(like: Tensor, dropout: float, generator: torch.Generator) -> Tensor | None:
    """True with probability 1 - dropout, the shape of `like`; None where nothing drops."""
    if not dropout:
        return None
    return (torch.rand(like.shape, generator=generator) >= dropout).to(like.device)
