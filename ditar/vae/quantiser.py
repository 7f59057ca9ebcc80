"""The residual vector quantiser that may replace the Gaussian: latents (B, T, C) <-> codes (B, Q, T).

Codebook q holds what codebooks 0 to q - 1 left over (SoundStream, arXiv 2107.03312, section III-C). The package
vector-quantize-pytorch finds the nearest codes and maintains the codebooks: k-means on the first batch, running
averages from then on, and vectors of the batch for codes that are hardly used. Gradient and commitment loss are ours,
as in EnCodec (arXiv 2210.13438, section 3.4): one straight-through step around the sum. The package has one around
every codebook, which would give the encoder the decoder's gradient Q times.
"""

from dataclasses import dataclass

import torch
import torch.distributed
import torch.nn.functional as F
from torch import Tensor, nn

from ditar.config import ConfigError, QuantiserConfig
from ditar.extras import missing


@dataclass(frozen=True)
class Quantised:
    """`values` (B, T, C), the sum over codebooks, whose gradient passes straight to the latents; `codes` (B, Q, T),
    int64; `commitment`, a scalar: squared distance from each codebook's input to its code, sum over codebooks, mean
    over channels, frames and rows."""

    values: Tensor
    codes: Tensor
    commitment: Tensor


class ResidualQuantiser(nn.Module):
    """Q codebooks of V codes in C channels. Only `learn` moves them; everything else reads.

    The codebooks, their running averages and uses are buffers, so a checkpoint holds all that `learn` needs to
    continue. ConfigError if vector-quantize-pytorch is not installed.
    """

    def __init__(self, config: QuantiserConfig, channels: int):
        super().__init__()
        try:
            from vector_quantize_pytorch import ResidualVQ
        except ModuleNotFoundError as error:
            if error.name != "vector_quantize_pytorch":
                raise
            raise ConfigError(
                missing("vector-quantize-pytorch, which a VAE with a quantiser needs,", "baseline")
            ) from None
        self.config = config
        self.vq = ResidualVQ(
            dim=channels,
            num_quantizers=config.codebooks,
            codebook_size=config.codebook_size,
            decay=config.decay,
            kmeans_init=True,
            kmeans_iters=config.kmeans_iterations,
            threshold_ema_dead_code=1,  # on; `learn` sets it to fit the batch
            commitment_weight=0.0,  # ours is in `forward`
            sync_codebook=False,  # `learn` sees the vectors of all ranks
        )
        self.vq.eval()

    def train(self, mode: bool = True) -> "ResidualQuantiser":
        """As any module, except that the package's training mode, in which reading moves codebooks, is `learn`'s
        only."""
        super().train(mode)
        self.vq.eval()
        return self

    @property
    def initialised(self) -> bool:
        """Whether the codebooks have seen data."""
        return bool(self.vq.layers[0]._codebook.initted)

    def forward(self, latents: Tensor) -> Quantised:
        """(B, T, C) -> the nearest codes, codebook by codebook. ConfigError before the first `learn`."""
        if not self.initialised:
            raise ConfigError(
                "the quantiser's codebooks are empty: they start from the first training batch, so train before use, "
                "and do not freeze the encoder at step 0 (loss.freeze_encoder_from)"
            )
        with torch.autocast(latents.device.type, enabled=False):
            latents = latents.float()
            with torch.no_grad():
                codes = self.vq(latents)[1].movedim(-1, 1)  # (B, Q, T)
                parts = self._parts(codes)
            # A codebook's input minus its code is what the codes up to it leave over.
            commitment = (latents - parts.cumsum(dim=0)).square().mean(dim=(1, 2, 3)).sum()
            return Quantised(parts.sum(dim=0) + (latents - latents.detach()), codes, commitment)

    def values(self, codes: Tensor) -> Tensor:
        """Codes (B, Q, T) -> (B, T, C), exactly what `forward` returns for latents that have these codes."""
        return self._parts(codes).sum(dim=0)

    def _parts(self, codes: Tensor) -> Tensor:
        return self.vq.get_codes_from_indices(codes.movedim(1, -1))  # (Q, B, T, C)

    @torch.no_grad()
    def learn(self, latents: Tensor, seed: int) -> None:
        """Move the codebooks towards latents (B, T, C), a rank's rows of a batch that is dealt row by row; the first
        call initialises them. Random draws depend on `seed` only, and leave other generators alone.

        Every rank does the same with the rows of all, so codebooks do not depend on the number of ranks, except for
        data with fewer different vectors than codes (a constant tone), where rounding chooses between equal codes. (The
        package can sum over ranks itself, but draws differently on each number of them and does not wait for
        broadcasts.)
        """
        config, vectors = self.config, _rows_of_all_ranks(latents.float())
        mean_use = vectors.shape[0] * vectors.shape[1] / config.codebook_size
        for layer in self.vq.layers:
            # In counts of a batch, whose size may change during training; a new code starts with the mean use.
            layer._codebook.threshold_ema_dead_code = config.dead_share * mean_use
            layer._codebook.reset_cluster_size = mean_use
        cards = [vectors.device] if vectors.is_cuda else []
        with torch.random.fork_rng(cards), torch.autocast(vectors.device.type, enabled=False):
            torch.manual_seed(seed)
            self.vq.train()
            self.vq(vectors)
            self.vq.eval()
        if _ranks() > 1:  # on some devices the last bits of sums vary between ranks
            for buffer in self.vq.buffers():
                if buffer.is_floating_point():
                    torch.distributed.broadcast(buffer, 0)


def code_use(codes: Tensor, codebook_size: int) -> tuple[Tensor, Tensor]:
    """Codes (B, Q, T) -> for each codebook (Q,) the perplexity, between 1 and V, and the share of unused codes. The
    perplexity, exp of the entropy in nats, is the number of equally used codes that would carry as much."""
    counts = torch.stack([torch.bincount(one.flatten(), minlength=codebook_size) for one in codes.unbind(dim=1)])
    shares = counts / counts.sum(dim=1, keepdim=True)
    return torch.special.entr(shares).sum(dim=1).exp(), (counts == 0).float().mean(dim=1)


def _ranks() -> int:
    ready = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed.get_world_size() if ready else 1


def _rows_of_all_ranks(rows: Tensor) -> Tensor:
    """(rows of this rank, T, C) -> (rows, T, C) in the batch's order, in which row r + i * ranks is row i of rank r."""
    ranks = _ranks()
    if ranks == 1:
        return rows
    total = torch.tensor([len(rows)], device=rows.device)
    torch.distributed.all_reduce(total)
    padded = F.pad(rows, (0, 0, 0, 0, 0, -(-int(total) // ranks) - len(rows)))
    gathered = [torch.empty_like(padded) for _ in range(ranks)]
    torch.distributed.all_gather(gathered, padded)
    return torch.stack(gathered, dim=1).flatten(0, 1)[: int(total)]
