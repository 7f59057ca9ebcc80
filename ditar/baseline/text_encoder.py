"""A frozen T5 encoder, as MusicGen reads text (arXiv 2306.05284, section 2.3). Using it needs `transformers`."""

from collections.abc import Sequence
from pathlib import Path

import torch

from ditar.audio.torchaudio_shim import import_torchaudio
from ditar.baseline.batch import TextCondition
from ditar.config import ConfigError
from ditar.extras import missing


class T5TextEncoder:
    """Any T5 encoder with its tokeniser, by hub name or folder; float32, never trained, in no checkpoint.

    `width`: its channels, which must fit the model. ConfigError if it cannot be loaded.
    """

    def __init__(self, name_or_folder: str | Path, width: int | None = None, device: torch.device | None = None):
        import_torchaudio()  # transformers imports it, and a binary that does not match torch would stop it
        try:
            from transformers import AutoTokenizer, T5EncoderModel
        except ImportError as error:
            remedy = missing("transformers, which an encoded text needs,", "baseline")
            raise ImportError(f"{remedy} ({error})") from error
        name = str(name_or_folder)
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(name)
            self.model = T5EncoderModel.from_pretrained(name, dtype=torch.float32)
        except (OSError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(
                f"text_encoder: no T5 encoder at {name!r} ({reason}); give a name on the hub or a folder"
            ) from None
        self.model.eval().requires_grad_(False)
        if device is not None:
            self.model.to(device)
        self.width = self.model.config.d_model
        if width is not None and width != self.width:
            raise ConfigError(
                f"text_width: the encoder {name!r} gives {self.width} channels and the model reads {width}"
            )

    @torch.no_grad()
    def __call__(self, texts: Sequence[str]) -> TextCondition:
        """Texts -> (B, L, width) and the number of tokens of each."""
        tokens = self.tokenizer(list(texts), return_tensors="pt", padding=True)
        tokens = {name: tokens[name].to(self.model.device) for name in ("input_ids", "attention_mask")}
        return TextCondition(self.model(**tokens).last_hidden_state, tokens["attention_mask"].sum(dim=1))
