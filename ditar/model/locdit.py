"""LocDiT: the local diffusion transformer that makes one patch (arXiv 2502.03930, section 3.3)."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ditar.config import BlockConfig
from ditar.nn.kv_cache import KVCache
from ditar.nn.time_embedding import JumpEmbedding, TimeEmbedding
from ditar.nn.transformer import Transformer


@dataclass(frozen=True)
class SpeakerTerms:
    """A speaker embedding (M, size), see `LocDiT.speaker_size`, as the terms that it consists of: `first` (M, width),
    `history` and `noisy` (M, 1, width) are added to the tokens of that kind, `blocks` (M, layers, 4, width) scales and
    shifts all of them inside, see `Block`."""

    first: Tensor
    history: Tensor
    noisy: Tensor
    blocks: Tensor

    def first_rows(self, rows: int) -> "SpeakerTerms":
        """Of the first rows."""
        return SpeakerTerms(*(term[:rows] for term in vars(self).values()))


@dataclass(frozen=True)
class LocDiTContext:
    """What is the same at all steps of one patch: h projected (M, width), the history's tokens (M, H * P, width), RoPE
    tables of the whole sequence; `spoken` (M, P or 1, width): added to the noisy frames, what each of them says;
    `prefix`: keys and values of [h | history], if they do not change either; `speaker`: what a voice changes further
    on."""

    condition: Tensor
    history: Tensor
    tables: tuple[Tensor, Tensor]
    spoken: Tensor | None = None
    prefix: KVCache | None = None
    speaker: SpeakerTerms | None = None

    def first(self, rows: int) -> "LocDiTContext":
        """The context of the first rows."""
        return replace(
            self,
            condition=self.condition[:rows],
            history=self.history[:rows],
            spoken=None if self.spoken is None else self.spoken[:rows],
            prefix=None if self.prefix is None else self.prefix.first(rows),
            speaker=None if self.speaker is None else self.speaker.first_rows(rows),
        )


class LocDiT(nn.Module):
    """Bidirectional transformer over [h + time | clean history, H * P frames | noisy patch, P frames] -> u.

    `h_width` is the LM's; h of another width is projected, without a bias, so that h = 0 (guidance) stays 0.
    `prefix_cached` (ours): the sequence is [h | clean history | noisy patch + time], and h and history do not attend to
    the noisy patch, so they are computed once per patch instead of once per step.
    `distilled` (ours): it also reads where its step ends and the guidance scale, and predicts the guided u that goes
    there in one step of DDIM; see ditar/model/distillation.py.
    """

    def __init__(
        self,
        config: BlockConfig,
        h_width: int,
        latent_channels: int,
        patch_frames: int,
        history_patches: int,
        prefix_cached: bool = False,
        distilled: bool = False,
    ):
        super().__init__()
        self.patch_frames, self.history_patches, self.prefix_cached = patch_frames, history_patches, prefix_cached
        self.condition = nn.Linear(h_width, config.width, bias=False)
        self.time = TimeEmbedding(config.width)
        self.jump = JumpEmbedding(config.width) if distilled else None
        if history_patches:
            self.history = nn.Linear(latent_channels, config.width)
            # Replaces missing history: learned, instead of zeros that look like silence (ours).
            self.no_history = nn.Parameter(torch.randn(history_patches, patch_frames, config.width))
        self.noisy = nn.Linear(latent_channels, config.width)
        self.transformer = Transformer(config)
        self.out = nn.Linear(config.width, latent_channels)
        nn.init.normal_(self.out.weight, std=0.02)
        nn.init.zeros_(self.out.bias)

    def forward(
        self,
        noisy: Tensor,
        times: Tensor,
        h: Tensor,
        history: Tensor,
        exists: Tensor | None = None,
        spoken: Tensor | None = None,
        aims: Tensor | None = None,
        scales: Tensor | None = None,
        speaker: Tensor | None = None,
    ) -> Tensor:
        """noisy (M, P, C), times (M,) or (1,), h (M, h_width), history (M, H, P, C), exists (M, H) bool, True where
        the history holds a patch (None: everywhere), spoken (M, P, width), see `LocDiTContext`, aims and scales, see
        `at`, speaker (M or 1, speaker_size), see `SpeakerTerms` -> u (M, P, C). The single pass of training."""
        return self.denoise(noisy, self.at(times, aims, scales), self._inputs(h, history, exists, spoken, speaker))

    def at(self, times: Tensor, aims: Tensor | None = None, scales: Tensor | None = None) -> Tensor:
        """The embedding that `denoise` reads, (M, width), of times (M,) and, for a distilled one, the times at which
        its step ends (None: where it is) and guidance scales (None: 1), (M,) each."""
        time = self.time(times)
        if self.jump is None:
            return time
        lengths = torch.zeros_like(times) if aims is None else times - aims
        return time + self.jump(lengths, torch.ones_like(times) if scales is None else scales)

    @property
    def speaker_sizes(self) -> tuple[int, ...]:
        """Of the terms of a speaker embedding, in the order of `SpeakerTerms`."""
        width = self.noisy.out_features
        return width, width, width, 4 * len(self.transformer.blocks) * width

    @property
    def speaker_size(self) -> int:
        """Numbers of a speaker embedding (ours): what a voice that was learnt from its clip adds to the tokens,
        wherever a linear layer writes to them, and by how much more than 1 it multiplies what norms write; see
        ditar/model/speaker.py."""
        return sum(self.speaker_sizes)

    def context(
        self,
        h: Tensor,
        history: Tensor,
        exists: Tensor | None = None,
        spoken: Tensor | None = None,
        speaker: Tensor | None = None,
    ) -> LocDiTContext:
        """What `denoise` reads at every step of a patch. Shapes as in `forward`."""
        context = self._inputs(h, history, exists, spoken, speaker)
        if not self.prefix_cached:
            return context
        x = torch.cat((context.condition[:, None], context.history), dim=1)  # (M, 1 + H P, width)
        length = x.shape[1]
        empty = self.transformer.allocate(len(x), length + self.patch_frames, x, causal=False)
        tables = tuple(table[:, :, :length] for table in context.tables)
        modulation = None if context.speaker is None else context.speaker.blocks
        read = self.transformer(x, tables, outputs=slice(0, 1), cache=empty, modulation=modulation)
        return replace(context, prefix=read.cache)

    def denoise(self, noisy: Tensor, time: Tensor, context: LocDiTContext) -> Tensor:
        """noisy (M, P, C), time (M or 1, width) embedded -> u (M, P, C)."""
        first, patch, mask = context.condition, self.noisy(noisy), None
        modulation = None if context.speaker is None else context.speaker.blocks
        if context.spoken is not None:
            patch = patch + context.spoken
        if self.prefix_cached:
            patch = patch + time[:, None]
        else:
            first = first + time
        if context.prefix is not None:
            tables = tuple(table[:, :, -self.patch_frames :] for table in context.tables)
            # The advanced cache is dropped: the next step overwrites this one's keys and values.
            return self.out(self.transformer(patch, tables, cache=context.prefix, modulation=modulation).hidden)
        x = torch.cat((first[:, None], context.history, patch), dim=1)  # (M, 1 + (H + 1) P, width)
        if self.prefix_cached:
            length, prefix = x.shape[1], x.shape[1] - self.patch_frames
            mask = torch.ones(1, length, length, dtype=torch.bool, device=x.device)
            mask[:, :prefix, prefix:] = False
        last = slice(-self.patch_frames, None)
        return self.out(self.transformer(x, context.tables, mask=mask, outputs=last, modulation=modulation).hidden)

    def _inputs(
        self, h: Tensor, history: Tensor, exists: Tensor | None, spoken: Tensor | None, speaker: Tensor | None
    ) -> LocDiTContext:
        condition, terms = self.condition(h), None if speaker is None else self._speaker_terms(speaker)
        if terms is not None:
            condition = condition + terms.first
            spoken = terms.noisy if spoken is None else spoken + terms.noisy
        if self.history_patches:
            past = self.history(history)  # (M, H, P, width)
            if terms is not None:
                past = past + terms.history[:, None]
            if exists is not None:
                past = torch.where(exists[..., None, None], past, self.no_history.to(past.dtype))
            past = past.flatten(1, 2)
        else:
            past = condition.new_zeros(len(condition), 0, condition.shape[-1])
        length = 1 + past.shape[1] + self.patch_frames
        tables = self.transformer.positions(torch.arange(length, device=h.device))
        return LocDiTContext(condition, past, tables, spoken, speaker=terms)

    def _speaker_terms(self, speaker: Tensor) -> SpeakerTerms:
        first, history, noisy, blocks = speaker.split(self.speaker_sizes, dim=-1)
        blocks = blocks.unflatten(-1, (len(self.transformer.blocks), 4, -1))
        return SpeakerTerms(first, history[:, None], noisy[:, None], blocks)
