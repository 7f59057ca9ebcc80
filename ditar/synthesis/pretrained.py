"""The pipeline of a model's folder, whatever its kind."""

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ditar.config.sampling import OPTIONS
from ditar.synthesis.model_folder import class_of, model_folder
from ditar.synthesis.pipeline import ContinuousPipeline

if TYPE_CHECKING:
    from ditar.synthesis.token_pipeline import TokenPipeline


def load_pipeline(model: str | Path | None = None, **options) -> "ContinuousPipeline | TokenPipeline":
    """The pipeline of a model: a ContinuousPipeline or a TokenPipeline, as model_index.json says.

    Args:
        model: a folder, or a name on the Hugging Face hub; None: the model that ships with the package.
        options: `device`, `torch_dtype`, `adapter`, ...: of `SpeechPipeline.from_pretrained`. ModelError as there.
    """
    hub_options = {k: v for k, v in options.items() if k not in ("device", "torch_dtype", "threads", "adapter")}
    folder = model_folder(model, hub_options, None)
    if class_of(folder) == ContinuousPipeline.class_name:
        return ContinuousPipeline.from_pretrained(folder, **options)
    from ditar.synthesis.token_pipeline import TokenPipeline  # here, since a model of diffusion needs nothing of it

    return TokenPipeline.from_pretrained(folder, **options)


def require_options(pipeline: "ContinuousPipeline | TokenPipeline", options: Iterable[str]) -> None:
    """ValueError names an option that this kind of pipeline does not have; a TokenPipeline checks them itself."""
    if not isinstance(pipeline, ContinuousPipeline):
        return
    known = {*OPTIONS, *inspect.signature(ContinuousPipeline.__call__).parameters}
    for name in options:
        if name not in known:
            raise ValueError(f"{name} is not an option of {pipeline.class_name}, which this model is; leave it out")
