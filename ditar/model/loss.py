"""DiTAR's training loss: L = L_diffusion + L_stop (arXiv 2502.03930, section 3.3), and help for small models."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.config import DiTARLossConfig
from ditar.data.batches import DiTARBatch
from ditar.diffusion.schedule import add_noise, velocity
from ditar.model.ditar import DiTAR
from ditar.model.noise import draw_training_noise
from ditar.model.own_patches import read_own_patches
from ditar.model.patches import valid_patches
from ditar.nn.alignment import NO_TARGET, AlignmentHelpers, attention_error
from ditar.nn.precision import widened


class DiTARLoss(nn.Module):
    """Runs the model once on noised patches and returns its losses. Holds the model and, if used, the helpers, so that
    this one module is trained and wrapped; all randomness is explicit."""

    def __init__(self, config: DiTARLossConfig, model: DiTAR, helpers: AlignmentHelpers | None = None):
        super().__init__()
        self.config, self.model, self.helpers = config, model, helpers
        self.attention_layer = model.config.lm.layers // 2

    @staticmethod
    def counts(batch: DiTARBatch) -> Tensor:
        """What the losses are averaged over, (3,) float64: trained patches, frames with a known symbol, patches that
        speak.

        Summed over processes and accumulated batches, it makes their losses add up to that of the whole batch.
        """
        counts = (batch.trained.sum(), (batch.frame_symbols != NO_TARGET).sum(), batch.spoken.any(-1).sum())
        return torch.stack(counts).double()

    def forward(
        self,
        batch: DiTARBatch,
        generators: Sequence[torch.Generator],
        helper_scale: float = 0.0,
        counts: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Scalars: `loss`, the weighted sum to minimise; `diffusion`, `stop`; with monotonic reading `reading`; with
        helpers `phoneme`, `attention`.

        `generators`: one a row, on the CPU. `helper_scale` in [0, 1] fades the helpers out; at 0 they are not computed.
        `counts`: what to divide by, this batch's own if None.
        """
        c, clean = self.config, batch.latents
        device = clean.device
        patches, known, speaking = (self.counts(batch) if counts is None else counts).clamp(min=1).tolist()
        trained = batch.trained  # (B, N)
        read = read_own_patches(self.model, batch, c, generators) if c.own_share else clean
        drawn = draw_training_noise(clean.shape, batch.patch_counts, c, generators)
        target = clean[trained].repeat(c.noise_draws, 1, 1)  # (K * M, P, C)
        kept = trained[valid_patches(clean, batch.patch_counts)].repeat(c.noise_draws)  # of the draws, for all patches
        noise, times = drawn.noise.to(device)[kept], drawn.times.to(device)[kept]
        t = times[:, None, None]
        helped = self.helpers is not None and helper_scale > 0
        output = self.model(
            batch.symbol_ids,
            batch.symbol_counts,
            read if drawn.on_patches is None else read + drawn.on_patches.to(device),
            batch.patch_counts,
            add_noise(target, noise, t),
            times,
            history=read if drawn.on_history is None else read + drawn.on_history.to(device),
            keep_history=None if drawn.keep_history is None else drawn.keep_history.to(device),
            keep_h=None if drawn.keep_h is None else drawn.keep_h.to(device),
            keep_layers=(self.attention_layer,) if helped and c.attention_weight else (),
            alignment=batch.alignment,
            trained=trained,
        )
        error = (widened(output.u) - velocity(target, noise, t)).square().mean(dim=(1, 2))  # (K * M,)
        diffusion = error.sum() / (c.noise_draws * patches)
        stop = self._stop(widened(output.stop_logits), batch.patch_counts, trained) / patches
        losses = {"diffusion": diffusion, "stop": stop}
        total = c.diffusion_weight * diffusion + c.stop_weight * stop
        if output.reading is not None:
            losses["reading"] = output.reading / (patches * clean.shape[2])
            total = total + c.reading_weight * losses["reading"]
        if helped and c.phoneme_weight:
            losses["phoneme"] = self.helpers(output.lm.h, batch.frame_symbols) / known
            total = total + helper_scale * c.phoneme_weight * losses["phoneme"]
        if helped and c.attention_weight:
            kept = output.lm.kept[self.attention_layer]
            losses["attention"] = attention_error(kept, c.attention_heads, batch.symbol_counts, batch.spoken) / speaking
            total = total + helper_scale * c.attention_weight * losses["attention"]
        return {"loss": total, **losses}

    def _stop(self, logits: Tensor, patch_counts: Tensor, trained: Tensor) -> Tensor:
        """Sum of binary cross-entropies; the label is 1 at the last patch, whose h is known before it is made."""
        last = torch.arange(logits.shape[1], device=logits.device) == patch_counts[:, None] - 1
        weight = logits.new_tensor(self.config.stop_positive_weight)
        loss = F.binary_cross_entropy_with_logits(logits, last.to(logits.dtype), pos_weight=weight, reduction="none")
        return loss[trained].sum()
