"""A SpeechVAE or a codec from where it is stored, with errors that say what is wrong with it."""

import json
from pathlib import Path

from ditar.storage.weights import CONFIG, ModelError
from ditar.vae.codec import Codec, CodecError, MatchedCodec
from ditar.vae.foreign_codecs import EncodecCodec, MimiCodec, SNACCodec
from ditar.vae.speech_vae import WEIGHTS, SpeechVAE


def load_vae(folder: Path) -> SpeechVAE:
    """A SpeechVAE in float32. ModelError: a missing, truncated or foreign file, or tensors of another model."""
    return SpeechVAE.from_pretrained(folder)


def load_codec(name: str | Path, codebooks: int | None = None) -> Codec:
    """The codec in a local folder or a Hugging Face hub repository: a SpeechVAE with a quantiser, an EnCodec or
    a Mimi for `transformers`, or a SNAC for its own package; config.json tells which.

    `codebooks`: how many to use, for an EnCodec or a Mimi, which offer several numbers of them. CodecError: missing or
    truncated files, a missing package, an unsupported number of codebooks.
    """
    path = _file(name, CONFIG)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CodecError(f"{path} cannot be read ({error}); give a folder that save_pretrained wrote") from None
    keys = config if isinstance(config, dict) else {}
    if keys.get("_class_name") == "SpeechVAE":
        try:
            codec = MatchedCodec(load_vae(_file(name, WEIGHTS).parent))
        except ModelError as error:
            raise CodecError(str(error)) from None
    elif keys.get("model_type") == "encodec":
        codec = EncodecCodec.from_pretrained(name, codebooks)
    elif keys.get("model_type") == "mimi":
        codec = MimiCodec.from_pretrained(name, codebooks)
    elif "vq_strides" in keys:
        codec = SNACCodec.from_pretrained(name)
    else:
        raise CodecError(
            f"config.json of {str(name)!r} is not that of a SpeechVAE, EnCodec, Mimi or SNAC; its keys: "
            f"{', '.join(sorted(keys))}"
        )
    if codebooks not in (None, codec.codebooks):
        raise CodecError(f"{str(name)!r} has {codec.codebooks} codebooks, but {codebooks} were asked for")
    return codec


def _file(name: str | Path, file: str) -> Path:
    """Of a local folder, or fetched from the hub."""
    if Path(name).is_dir():
        return Path(name) / file
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(str(name), file))
    except Exception as error:  # whatever the installed network stack raises
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CodecError(
            f"{str(name)!r} is not a local folder and could not be fetched from the Hugging Face hub ({reason}); "
            "check the name and the network"
        ) from error
