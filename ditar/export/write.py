"""The folder that `ditar.onnx` speaks from: model.json, graphs, tables.npz and voices/NAME.npz."""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from ditar.audio.pitch import HIGHEST_HZ, LOWEST_HZ
from ditar.export import graphs
from ditar.export.graph import ExportError, package
from ditar.extras import load_extra
from ditar.model.reading import MOST_HELD, MOST_TAIL_FRAMES, WINDOW
from ditar.storage.atomic_write import atomic_write
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.voice import Voice, voice_key
from ditar.synthesis.voice_file import check_voice, load_voice
from ditar.synthesis.voice_names import DEFAULT, NAME, SHIPPED, VOICE_FILE, list_voices, read_voice
from ditar.vae.convnext import HALF
from ditar.vae.source import NEAR_BINS

FORMAT, VERSION = "ditar-onnx", 6  # as `ditar.onnx.folder` expects
DESCRIPTION, TABLES, VOICES, DEFAULT_VOICE = "model.json", "tables.npz", "voices", "reference"
# Not the encoder of references, whose latents are what the model was trained on, nor what reads.
QUANTISED = ("patches", "lm", "locdit", "vocoder")


def export_onnx(
    pipeline: ContinuousPipeline, folder: str | Path, quantise: bool = False, more_voices: Sequence[Voice] = ()
) -> int:
    """Write the model as ONNX, model.json last, so that a folder with one is whole; returns the bytes written.

    Args:
        quantise: the weights of matrix products in 8 bits, and what they are multiplied with as it comes.
        more_voices: besides those that ship.

    ExportError: a form of model that cannot be exported, a missing package, a folder that holds something else, or a
    voice whose name cannot be a file's, or is taken.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()) and not (folder / TABLES).is_file():
        raise ExportError(f"{folder} holds something else; give a new folder, or one that was exported before")
    if pipeline.sampling.solver != "ddim":
        raise ExportError(f"the model samples by {pipeline.sampling.solver!r}, and only 'ddim' can be exported")
    model, vae = pipeline.ditar, pipeline.vae
    voices = _voices(pipeline, more_voices)
    made = {
        "patches": graphs.patches_graph(model),
        "lm": graphs.lm_graph(model),
        "locdit": graphs.locdit_graph(model),
        "reference": graphs.reference_graph(vae),
        "vocoder": graphs.vocoder_graph(vae),
    }
    if model.reading is not None:
        made |= {"reading": graphs.reading_graph(model), "spoken": graphs.spoken_graph(model)}
    (folder / VOICES).mkdir(parents=True, exist_ok=True)
    (folder / DESCRIPTION).unlink(missing_ok=True)
    for name, graph in made.items():
        with atomic_write(folder / f"{name}.onnx") as partial:
            partial.write_bytes(_in_8_bits(graph) if quantise and name in QUANTISED else graph.SerializeToString())
    _write_arrays(folder / TABLES, graphs.tables(model))
    for path in (folder / VOICES).glob("*.npz"):  # of an earlier export, perhaps of another model
        path.unlink()
    for name, voice in voices.items():
        _write_voice(folder / VOICES / f"{name}.npz", voice)
    with atomic_write(folder / DESCRIPTION) as partial:
        partial.write_text(json.dumps(_description(pipeline), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _voices(pipeline: ContinuousPipeline, more: Sequence[Voice]) -> dict[str, Voice]:
    """Those that ship, and more, by their names. ExportError, VoiceError: a name, or a voice, that cannot be
    written."""
    voices = {DEFAULT_VOICE: pipeline.create_voice()}
    for voice in (*voices.values(), *more):
        if voice.others:
            raise ExportError(
                f"voice {voice.name!r} is a blend, and exported voices are none; give the voices that it was made of, "
                f"or, if the model speaks in it, write the name of one into {pipeline.own_voices or VOICES}/{DEFAULT}"
            )
    for named in list_voices(SHIPPED):
        voices[named.name] = pipeline.create_voice(read_voice(str(named.path), language="en-us"))
    if pipeline.own_voices is not None:
        for path in sorted(pipeline.own_voices.glob(f"*{VOICE_FILE}")):
            if not NAME.fullmatch(path.stem) or path.stem == DEFAULT_VOICE:
                warnings.warn(f"{path} is left out: its name cannot be that of an exported voice; rename it")
                continue
            voice = replace(load_voice(path), name=path.stem)
            if voice.others:
                warnings.warn(f"{path} is left out: it is a blend, and exported voices are none")
                continue
            voices[path.stem] = voice  # before one that ships, as elsewhere
    for voice in more:
        if voice.name in voices and voice_key(voice) == voice_key(voices[voice.name]):
            continue  # it came with the model, and was asked for
        if not NAME.fullmatch(voice.name) or voice.name in voices:
            raise ExportError(
                f"the voice {voice.name!r} cannot be exported under this name; give one whose name has letters, digits, "
                f"- and _ and is none of {', '.join(voices)} (`ditar voice create --name`)"
            )
        check_voice(voice, pipeline)
        voices[voice.name] = voice
    return voices


def _description(pipeline: ContinuousPipeline) -> dict[str, Any]:
    """model.json: plain values."""
    config, lm, vae = pipeline.ditar.config, pipeline.ditar.lm.transformer, pipeline.vae
    vocos, decoder = vae.config.vocos, vae.decoder
    heard = ("trained_symbols", "trained_languages", "trained_seconds", "seconds_per_symbol")
    text = ("symbols", "tokenizer", "alignment", *heard)
    shape = ("latent_channels", "patch_frames", "history_patches", "audio_positions", "stop_threshold")
    sampling = asdict(pipeline.sampling)
    sampling.pop("solver")
    return {
        "format": FORMAT,
        "version": VERSION,
        "text": {name: getattr(config, name) for name in text} | {"reads_monotonically": config.reads_monotonically},
        "shape": {name: getattr(config, name) for name in (*shape, "distilled_guidance")}
        | {"layers": len(lm.blocks), "kv_heads": lm.blocks[0].attention.kv_heads, "head_dim": lm.head_dim}
        | {"rope_base": config.lm.rope_base, "lm_width": config.lm.width}
        | {"window_before": -WINDOW.start, "window": len(WINDOW)}
        | {"most_held": MOST_HELD, "most_tail_frames": MOST_TAIL_FRAMES},
        "vocoder": {"n_fft": vocos.n_fft, "hop": vocos.hop, "source_filter": vocos.source_filter}
        | {"context_latents": decoder.context_latents, "head_context_frames": decoder.head_context_frames}
        | {"backbone_reach": decoder.backbone.reach, "convolutions": 1 + len(decoder.backbone.convnext)}
        | {"half": HALF, "width": vocos.width, "near_bins": NEAR_BINS}
        | {"lowest_hz": LOWEST_HZ, "highest_hz": HIGHEST_HZ},
        "vae": {"bandwidth_hz": vae.config.bandwidth_hz, **graphs.STFT},
        "fingerprints": pipeline.fingerprints,
        "speaker_space": pipeline.speaker_space,
        "sampling": sampling,
        "default_voice": DEFAULT_VOICE,
    }


def _write_voice(path: Path, voice: Voice) -> None:
    about = {name: getattr(voice, name) for name in ("name", "text", "symbols", "seconds", "vae", "vocabulary")}
    arrays = {"latents": voice.latents.numpy()}
    if voice.embedding is not None:
        about["adapted_for"], arrays["speaker"] = voice.embedding.model, voice.embedding.vectors.numpy()
    _write_arrays(path, {**arrays, "about": np.array(json.dumps(about, ensure_ascii=False))})


def _write_arrays(path: Path, arrays: dict[str, np.ndarray]) -> None:
    with atomic_write(path) as partial, open(partial, "wb") as file:
        np.savez(file, **arrays)


def _in_8_bits(graph: Any) -> bytes:
    """The graph with the weights of its matrix products as 8-bit integers, a scale for each column. They use 7 bits: a
    CPU without VNNI (AVX2) adds two products in 16 bits, which 8 overflow."""
    quantization = load_extra("onnxruntime.quantization", "onnx", ExportError)
    with tempfile.TemporaryDirectory() as work, _without_advice():
        source, target = Path(work) / "source.onnx", Path(work) / "target.onnx"
        package().save(graph, source)
        quantization.quantize_dynamic(
            source, target, op_types_to_quantize=["MatMul"], per_channel=True,
            weight_type=quantization.QuantType.QInt8, extra_options={"MatMulConstBOnly": True}, reduce_range=True,
        )  # fmt: skip
        return target.read_bytes()


@contextmanager
def _without_advice() -> Iterator[None]:
    """onnxruntime advises, on the root logger, to preprocess graphs that a tracer made."""
    before = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(before)
