"""The folder of a model, local or on the hub, and the kind of pipeline it holds. Nothing here needs torch."""

import json
import re
from pathlib import Path

from ditar.storage import ModelError

ASSETS = Path(__file__).parents[1] / "assets"
SHIPPED_MODEL = ASSETS / "model"
FAST_MODEL = ASSETS / "fast"  # the distilled form of the same, which --fast selects; it has the same VAE
INDEX = "model_index.json"
VOICES = "voices"  # in the folder of a model, or of an adapter: voices that it was fine-tuned on
# Class of a pipeline -> the folders of its parts.
PIPELINES = {"DiTARPipeline": ("vae", "ditar", "scheduler"), "TokenPipeline": ("codec", "token_lm")}

NO_FAST_MODEL = (
    "no distilled model is installed with this package, so --fast has nothing to select; leave it out, or make one "
    "with recipes/distil.py and name it with --model"
)


def named_folder(model: str | Path | None) -> str | Path:
    """A model as it was named: a folder, or a name on the hub; None and "shipped": the model that ships, "fast": its
    distilled form, unless a folder of that name holds a model."""
    if model is None:
        return SHIPPED_MODEL
    of_ours = {"shipped": SHIPPED_MODEL, "fast": FAST_MODEL}.get(str(model), model)
    return model if (Path(model) / INDEX).is_file() else of_ours


def model_folder(model: str | Path | None, hub_options: dict, kind: str | None = "DiTARPipeline") -> Path:
    """The folder of a model (see `named_folder`), which is downloaded if it is on the hub; of the pipeline class
    `kind`, or of any class (None). ModelError names what is missing."""
    folder = Path(named_folder(model))
    if not folder.is_dir():
        if folder == FAST_MODEL:
            raise ModelError(NO_FAST_MODEL)
        if model is None:
            raise ModelError(f"{folder} is missing from this installation; name a model (--model)")
        # `exp/run` looks like a hub id: if its first part is a local folder, a path was meant.
        if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", str(model)) or Path(str(model).split("/")[0]).exists():
            raise ModelError(f"model folder {str(model)!r} does not exist; give a folder that save_pretrained wrote")
        from huggingface_hub import snapshot_download

        parts = [part for name, own in PIPELINES.items() if kind in (None, name) for part in own]
        patterns = [INDEX, f"{VOICES}/*"]
        patterns += [f"{part}/*.{end}" for part in parts for end in ("json", "safetensors")]
        try:
            folder = Path(snapshot_download(str(model), allow_patterns=patterns, **hub_options))
        except Exception as error:  # whatever the installed network stack raises
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(
                f"{str(model)!r} is not a local folder and could not be fetched from the Hugging Face hub ({reason}); "
                "check the name and the network"
            ) from error
    found = class_of(folder)
    if kind is not None and found != kind:
        raise ModelError(
            f"{folder / INDEX} is of {found!r}, not of {kind!r}; give a model of that kind, or load "
            "it with ditar.load_pipeline"
        )
    return folder


def vae_folder(folder: Path) -> Path:
    """Where the VAE of a model is: in its folder, but for the distilled form that ships, which has that of the faithful
    one."""
    own = folder / "vae"
    return SHIPPED_MODEL / "vae" if folder.resolve() == FAST_MODEL.resolve() and not own.exists() else own


def voices_of(model: str | Path | None, adapter: str | Path | None = None) -> Path | None:
    """The folder of the voices that came with an adapter, or else with a model, which is downloaded if it is on the
    hub; None: there is none. ModelError: see `model_folder`."""
    if adapter is not None and (Path(adapter) / VOICES).is_dir():
        return Path(adapter) / VOICES
    if model is None:
        return None
    folder = Path(named_folder(model))
    if not folder.is_dir() and str(model).count("/") == 1:
        folder = model_folder(model, {}, None)
    return folder / VOICES if (folder / VOICES).is_dir() else None


def class_of(folder: Path) -> str:
    """Which pipeline a folder holds: a name of PIPELINES. ModelError if it holds none."""
    index = folder / INDEX
    if not index.exists() and (folder / "lm.onnx").exists():
        raise ModelError(
            f"{folder} was exported for onnxruntime, which speaks without torch: python -m ditar.onnx --model "
            f"{folder}; here give the model that it was made from"
        )
    try:
        found = json.loads(index.read_text(encoding="utf-8")).get("_class_name")
    except (OSError, ValueError, AttributeError) as error:
        raise ModelError(f"{index} cannot be read ({error}); give a folder that save_pretrained wrote") from None
    if found not in PIPELINES:
        raise ModelError(f"{index} is of {found!r}, not of {' or '.join(PIPELINES)}; give a model of this package")
    return found
