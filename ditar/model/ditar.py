"""DiTAR: aggregation encoder, language model, LocDiT and stop head in one module (arXiv 2502.03930)."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ditar.config import DiTARModelConfig
from ditar.model.aggregation import AggregationEncoder
from ditar.model.lm import LM, LMOutput, LMState
from ditar.model.locdit import LocDiT
from ditar.model.patches import histories, history_exists, valid_patches
from ditar.model.reading import Reading, ReadingState
from ditar.nn.alignment import NO_TARGET, text_attention
from ditar.nn.pretrained import PretrainedModel
from ditar.text.vocabulary import DEFAULT_SYMBOLS

# Sequences in one pass of the local transformers: attention on a GPU takes at most 65,535 of them in a call.
MOST_SEQUENCES = 32_768


def in_pieces(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """function(*inputs), whose rows do not depend on each other, with at most MOST_SEQUENCES rows at a time."""
    if len(inputs[0]) <= MOST_SEQUENCES:
        return function(*inputs)
    return torch.cat([function(*piece) for piece in zip(*(x.split(MOST_SEQUENCES) for x in inputs), strict=True)])


@dataclass
class DiTAROutput:
    """u (K * M, P, C): predictions for K noise draws of the M trained patches, draw by draw, rows in order;
    stop_logits (B, N); lm: the LM's output, with h before dropout; reading: the sum of the reading head's losses."""

    u: Tensor
    stop_logits: Tensor
    lm: LMOutput
    reading: Tensor | None = None


class DiTAR(PretrainedModel):
    """Text and normalised latent patches in, diffusion predictions and stop logits out.

    The configuration's symbols, in the order of their ids with padding first, are filled in if it leaves them empty, so
    that a checkpoint spells out its vocabulary.
    """

    config_class = DiTARModelConfig

    def __init__(self, config: DiTARModelConfig):
        super().__init__()
        if not config.symbols:
            config = replace(config, symbols=tuple(DEFAULT_SYMBOLS))
        self.config = config
        channels, patch_frames = config.latent_channels, config.patch_frames
        self.encoder = AggregationEncoder(config.encoder, channels)
        self.embed = nn.Linear(config.encoder.width, config.lm.width)
        self.lm = LM(config.lm, len(config.symbols), config.audio_positions)
        self.locdit = LocDiT(
            config.locdit,
            config.lm.width,
            channels,
            patch_frames,
            config.history_patches,
            config.locdit_prefix_cached,
            config.is_distilled,
        )
        self.stop_head = nn.Linear(config.lm.width, 1)
        self.reading = None
        if config.reads_monotonically:
            self.reading = Reading(config.symbols, patch_frames, config.lm.width, config.locdit.width)

    def forward(
        self,
        symbol_ids: Tensor,
        symbol_counts: Tensor,
        patches: Tensor,
        patch_counts: Tensor,
        noisy: Tensor,
        times: Tensor,
        *,
        history: Tensor | None = None,
        keep_history: Tensor | None = None,
        keep_h: Tensor | None = None,
        keep_layers: Collection[int] = (),
        alignment: Tensor | None = None,
        trained: Tensor | None = None,
    ) -> DiTAROutput:
        """One training pass over M patches with K noise draws each.

        Args:
            symbol_ids, symbol_counts: (B, L) padded with 0, and (B,).
            patches, patch_counts: (B, N, P, C) that the LM reads, normalised, and (B,).
            noisy, times: (K * M, P, C) and (K * M,), times in [0, 1].
            history: the patches that LocDiT sees as history, if they differ from `patches` (other noise).
            keep_history: (B, N) bool: False hides the history.
            keep_h: (B, N) bool: False replaces h by zeros (for guidance).
            keep_layers: see LMOutput.
            alignment: (B, N, P), the place of the symbol that each frame speaks, for monotonic reading.
            trained: (B, N) bool, the M patches; None: all valid ones.

        ValueError: shapes that do not fit each other or the model.
        """
        self.check_patches(patches, symbol_ids)
        valid = valid_patches(patches, patch_counts) if trained is None else trained
        taught = None
        if self.config.reads_monotonically:
            if alignment is None:
                alignment = torch.full(patches.shape[:3], NO_TARGET, device=patches.device)
            taught = self.reading.teach(symbol_ids, alignment)
        lm = self.condition(symbol_ids, symbol_counts, patches, patch_counts, keep_layers, taught and taught.for_lm)
        count = self.config.history_patches
        past = histories(patches if history is None else history, count)[valid]  # (M, H, P, C)
        exists = history_exists(patches.shape[1], count, patches.device).expand(len(patches), -1, -1)
        if keep_history is not None:
            exists = exists & keep_history[..., None]
        exists = exists[valid]  # (M, H)
        h = lm.h if keep_h is None else lm.h * keep_h[..., None].to(lm.h.dtype)
        inputs = [h[valid], past, exists]  # (M, width), (M, H, P, C), (M, H)
        if taught is not None:
            spoken = taught.for_locdit
            if keep_h is not None:
                spoken = spoken * keep_h[..., None, None].to(spoken.dtype)
            inputs.append(spoken[valid])  # (M, P, width of LocDiT)
        draws = len(noisy) // max(1, len(past))
        if noisy.shape[1:] != patches.shape[2:] or times.shape != noisy.shape[:1] or len(noisy) != draws * len(past):
            raise ValueError(
                f"noisy must be (K * {len(past)}, {', '.join(map(str, patches.shape[2:]))}), K draws of each trained "
                f"patch, and times as many, got {tuple(noisy.shape)} and {tuple(times.shape)}"
            )
        if draws > 1:
            inputs = [x.repeat(draws, *[1] * (x.ndim - 1)) for x in inputs]
        u = in_pieces(self.locdit, noisy, times, *inputs)
        stop_logits = self.stop_head(lm.h)[..., 0]
        if taught is None:
            return DiTAROutput(u, stop_logits, lm)
        return DiTAROutput(u, stop_logits, lm, self.reading.loss(lm.h, symbol_ids, alignment, taught.windows))

    def check_patches(self, patches: Tensor, symbol_ids: Tensor | None = None) -> None:
        """ValueError: these are not (B, N, P, C) of this model, or not as many rows as symbol_ids (B, L)."""
        frame = self.config.patch_frames, self.config.latent_channels
        if patches.ndim != 4 or patches.shape[2:] != frame:
            wanted = f"(rows, patches, {frame[0]} frames, {frame[1]} channels)"
            raise ValueError(f"patches must be {wanted}, as this model has them, got {tuple(patches.shape)}")
        if symbol_ids is not None and (symbol_ids.ndim != 2 or len(symbol_ids) != len(patches)):
            raise ValueError(
                f"symbol_ids must be ({len(patches)} rows, symbols), as many as patches, got {tuple(symbol_ids.shape)}"
            )

    def condition(
        self,
        symbol_ids: Tensor,
        symbol_counts: Tensor,
        patches: Tensor,
        patch_counts: Tensor,
        keep_layers: Collection[int] = (),
        reading: Tensor | None = None,
    ) -> LMOutput:
        """h (B, N, width) of every patch, teacher-forced. Shapes as in `forward`; reading (B, N, width): what the LM is
        told with each patch, see `Reading.teach`."""
        read = patches[:, :-1]  # nothing follows the last
        # Only patches that exist are encoded; the others stay zero and, last in a causal row, unread.
        valid = valid_patches(patches, patch_counts)[:, :-1]
        embedded = self.embed_patches(read[valid])  # (M', width)
        audio = embedded.new_zeros(*valid.shape, embedded.shape[-1])
        audio = audio.masked_scatter(valid[..., None], embedded)
        return self.lm(symbol_ids, symbol_counts, audio, keep_layers, reading)

    def embed_patches(self, patches: Tensor) -> Tensor:
        """(M, P, C) -> (M, width of the LM)."""
        return self.embed(in_pieces(self.encoder, patches))

    def prefill(
        self,
        symbol_ids: Sequence[Tensor],
        prompts: Sequence[Tensor],
        capacity: int,
        reading: ReadingState | None = None,
    ) -> tuple[Tensor, LMState]:
        """Read each row's text (L,) and the patches of its prompt (N0, P, C): h of the next patch, (B, width), and the
        state. At most `capacity` patches may follow. reading: where each row begins to speak."""
        audio = self.embed_patches(torch.cat(list(prompts))).split([len(prompt) for prompt in prompts])
        told = None
        if reading is not None:
            begins = self.reading.for_lm(reading).split(1)
            unread = self.reading.unread
            told = [torch.cat((unread.expand(len(one), -1), begin)) for one, begin in zip(audio, begins, strict=True)]
        return self.lm.prefill(symbol_ids, audio, capacity, told)

    def step(self, patch: Tensor, state: LMState, reading: ReadingState | None = None) -> tuple[Tensor, LMState]:
        """Read one patch (B, P, C): h of the next one, (B, width), and the state after it. One LM step. reading: how
        far the rows had read after it."""
        embedded = self.embed_patches(patch)
        if reading is not None:
            embedded = embedded + self.reading.for_lm(reading)
        return self.lm.step(embedded, state)

    @torch.no_grad()
    def attention_maps(
        self, symbol_ids: Tensor, symbol_counts: Tensor, patches: Tensor, patch_counts: Tensor
    ) -> Tensor:
        """Attention from patches to symbols, normalised over the symbols, (B, layers, heads, N, L), for plots."""
        layers = range(self.config.lm.layers)
        kept = self.condition(symbol_ids, symbol_counts, patches, patch_counts, layers).kept
        maps = [text_attention(*kept[i], symbol_counts, symbol_ids.shape[1], patches.shape[1]) for i in layers]
        return torch.stack(maps, dim=1).exp()
