"""The graphs of a model. Axes: B rows, S symbols and patches read at once, T places of the cache (those not in use are
masked), P frames of a patch, C channels of a latent, H patches of history, W symbols of a window, L frames of the
vocoder, F bins of a spectrum.

`ditar.onnx` calls them; what has no weights (caches, noise, guidance, solver, STFT) is there, in numpy.
"""

import math

import numpy as np
import torch

from ditar.audio.spectra import LOG_FLOOR, mel_filterbank
from ditar.export.blocks import (
    END,
    conv,
    convnext,
    jump_embedding,
    layer_norm,
    positions,
    tiled,
    time_embedding,
    transformer,
)
from ditar.export.graph import INT, ExportError, Graph, table
from ditar.model.aggregation import AggregationEncoder
from ditar.model.ditar import DiTAR
from ditar.model.locdit import LocDiT
from ditar.model.reading import MOST_HELD, WINDOW, Reading
from ditar.units import SAMPLE_RATE_HZ
from ditar.vae.convnext import HALF
from ditar.vae.encoder import SpectralEncoder
from ditar.vae.formants import emphasis
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.vocoder import HIGHEST_LOG_GAIN, Vocoder

STFT = {"n_fft": 1200, "hop": 300}  # of `log_mel`


def patches_graph(model: DiTAR):
    """patches (B, P, C) -> embedded (B, width of the LM)."""
    graph, config = Graph("patches"), model.config
    encoder: AggregationEncoder = model.encoder
    frames = graph.linear(graph.input("patches", ["B", config.patch_frames, config.latent_channels]), encoder.frames)
    x = graph.op("Concat", tiled(graph, encoder.token[None], frames), frames, axis=1)
    tables = positions(graph, torch.arange(1 + config.patch_frames), encoder.transformer)
    hidden, _ = transformer(graph, x, encoder.transformer, tables)
    token = graph.reshape(graph.slice(hidden, 0, 1, 1), 0, config.encoder.width)
    graph.output("embedded", graph.linear(token, model.embed), ["B", config.lm.width])
    return graph.model()


def lm_graph(model: DiTAR):
    """x (B, S, width), RoPE tables cosine and sine (B, 1, S, head_dim), mask (B, 1, S, T + S), keys_i and values_i of
    layer i (B, kv_heads, T, head_dim) -> h (B, width) and stop_logits (B, 1) of the last place, new_keys_i and
    new_values_i of the S places."""
    graph, lm = Graph("lm"), model.lm.transformer
    width, head_dim, kv_heads = lm.config.width, lm.head_dim, lm.blocks[0].attention.kv_heads
    x = graph.input("x", ["B", "S", width])
    tables = tuple(graph.input(name, ["B", 1, "S", head_dim]) for name in ("cosine", "sine"))
    mask = graph.input("mask", ["B", 1, "S", "T+S"])
    names = [(f"keys_{index}", f"values_{index}") for index in range(len(lm.blocks))]
    past = [tuple(graph.input(name, ["B", kv_heads, "T", head_dim]) for name in pair) for pair in names]
    hidden, kept = transformer(graph, x, lm, tables, mask, past)
    h = graph.reshape(hidden, -1, width)
    graph.output("h", h, ["B", width])
    graph.output("stop_logits", graph.linear(h, model.stop_head), ["B", 1])
    for pair, values in zip(names, kept):
        for name, value in zip(pair, values):
            graph.output(f"new_{name}", value, ["B", kv_heads, "S", head_dim])
    return graph.model()


def locdit_graph(model: DiTAR):
    """noisy (B, P, C), times (B,), h (B, width of the LM), history (B, H, P, C), exists (B, H) 1 or 0, with
    monotonic reading spoken (B, P, width), of a distilled model aims and scales (B,), where the step ends and the
    guidance scale, and speaker (B, size), the embeddings of voices, zeros of those without -> u (B, P, C). One step."""
    graph, locdit, config = Graph("locdit"), model.locdit, model.config
    frames, channels, count = config.patch_frames, config.latent_channels, config.history_patches
    width = config.locdit.width
    patch = graph.linear(graph.input("noisy", ["B", frames, channels]), locdit.noisy)
    speaker = graph.input("speaker", ["B", locdit.speaker_size])
    terms = [width] * (locdit.speaker_size // width)  # of (B, 1, width) each
    of_first, of_history, of_noisy, *of_blocks = graph.split(graph.unsqueeze(speaker, 1), terms, axis=2)
    times = graph.input("times", ["B"])
    time = time_embedding(graph, times, locdit.time)
    if locdit.jump is not None:
        lengths = graph.op("Sub", times, graph.input("aims", ["B"]))
        time = graph.add(time, jump_embedding(graph, lengths, graph.input("scales", ["B"]), locdit.jump))
    time = graph.unsqueeze(time, 1)  # (B, 1, width)
    first = graph.unsqueeze(graph.linear(graph.input("h", ["B", config.lm.width]), locdit.condition), 1)
    first, patch = graph.add(first, of_first), graph.add(patch, of_noisy)
    parts = [_history(graph, locdit, frames, channels, count, width, of_history)] if count else []
    if model.reading is not None:
        patch = graph.add(patch, graph.input("spoken", ["B", frames, width]))
    length, mask = 1 + (count + 1) * frames, None
    if locdit.prefix_cached:  # h and history do not attend to the patch
        patch = graph.add(patch, time)
        hidden = torch.zeros(1, 1, length, length)
        hidden[..., : length - frames, length - frames :] = -math.inf
        mask = graph.weight(hidden)
    else:
        first = graph.add(first, time)
    x = graph.op("Concat", first, *parts, patch, axis=1)  # (B, 1 + (H + 1) P, width)
    tables = positions(graph, torch.arange(length), locdit.transformer)
    hidden, _ = transformer(graph, x, locdit.transformer, tables, mask, modulation=of_blocks)
    u = graph.linear(graph.slice(hidden, length - frames, length, 1), locdit.out)
    graph.output("u", u, ["B", frames, channels])
    return graph.model()


def _history(
    graph: Graph, locdit: LocDiT, frames: int, channels: int, count: int, width: int, of_history: str
) -> str:
    """(B, H * P, width)."""
    past = graph.linear(graph.input("history", ["B", count, frames, channels]), locdit.history)
    past = graph.add(past, graph.unsqueeze(of_history, 2))
    exists = graph.op("Cast", graph.unsqueeze(graph.input("exists", ["B", count]), 2, 3), to=9)  # bool
    past = graph.op("Where", exists, past, graph.weight(locdit.no_history))
    return graph.reshape(past, 0, count * frames, width)


def reading_graph(model: DiTAR):
    """window_ids (B, W) of the symbols around the spoken one, held (B,) frames spent on it, frame (1,) of the patch
    that is decided upon, h (B, width of the LM) -> logits (B, 3) of what follows."""
    graph, reading = Graph("reading"), model.reading
    window = _reading_window(graph, reading, ["B"])
    of_frame = graph.op("Gather", graph.weight(reading.head_frame.weight), graph.input("frame", [1], INT))
    of_h = graph.linear(graph.input("h", ["B", model.config.lm.width]), reading.head_h)
    hidden = graph.silu(graph.add(graph.linear(window, reading.head_window), of_h, of_frame))
    graph.output("logits", graph.linear(hidden, reading.head), ["B", 3])
    return graph.model()


def spoken_graph(model: DiTAR):
    """window_ids (B, P, W) and held (B, P) of the frames of a patch -> spoken (B, P, width of LocDiT), and for_lm (B,
    width of the LM) of the last frame."""
    graph, reading = Graph("spoken"), model.reading
    window = _reading_window(graph, reading, ["B", "P"])
    graph.output("spoken", graph.linear(window, reading.to_locdit), ["B", "P", model.config.locdit.width])
    last = graph.reshape(graph.slice(window, -1, END, 1), 0, reading.to_lm.in_features)
    graph.output("for_lm", graph.linear(last, reading.to_lm), ["B", model.config.lm.width])
    return graph.model()


def _reading_window(graph: Graph, reading: Reading, axes: list[str]) -> str:
    """What is read around the places of those axes, with the frames spent on each, as one vector."""
    ids = graph.input("window_ids", [*axes, len(WINDOW)], INT)
    symbols = graph.op("Gather", graph.weight(reading.symbols.weight), ids)
    symbols = graph.reshape(symbols, *[0] * len(axes), len(WINDOW) * reading.symbols.embedding_dim)
    held = graph.op("Round", graph.op("Min", graph.input("held", axes), graph.weight(float(MOST_HELD))))
    held = graph.op("Gather", graph.weight(reading.held.weight), graph.op("Cast", held, to=7))  # int64
    return graph.op("Concat", symbols, held, axis=-1)


def reference_graph(vae: SpeechVAE):
    """magnitude (B, 2T, F) of a clip's spectra -> latents (B, T, C), normalised. ExportError: another encoder."""
    encoder = vae.encoder
    if not isinstance(encoder, SpectralEncoder):
        raise ExportError("only VAEs with the spectral encoder can be exported, and this one convolves the waveform")
    graph, bins, channels = Graph("reference"), encoder.mel_bins, vae.config.latent_channels
    magnitude = graph.input("magnitude", ["B", "2T", STFT["n_fft"] // 2 + 1])
    if encoder.noise_floor > 0:
        power = encoder.noise_floor**2 * torch.hann_window(STFT["n_fft"]).square().sum().item()
        magnitude = graph.op("Sqrt", graph.add(graph.op("Mul", magnitude, magnitude), graph.weight(power)))
    bank = graph.weight(mel_filterbank(bins, STFT["n_fft"], SAMPLE_RATE_HZ).T)
    mel = graph.op("Log", graph.op("Max", graph.op("MatMul", magnitude, bank), graph.weight(LOG_FLOOR)))
    x = graph.op("Mul", graph.add(mel, graph.weight(4.0)), graph.weight(0.25))  # (B, 2T, M)
    x = graph.transpose(graph.reshape(x, 0, -1, 2 * bins), 0, 2, 1)  # (B, 2M, T): as "(two m) t"
    x = conv(graph, x, encoder.embed)
    x = graph.transpose(layer_norm(graph, graph.transpose(x, 0, 2, 1), encoder.norm), 0, 2, 1)
    for block in encoder.blocks:
        x = convnext(graph, x, block)
    x = layer_norm(graph, graph.transpose(x, 0, 2, 1), encoder.final_norm)
    mean = graph.slice(graph.linear(x, encoder.out), 0, channels, 2)
    latents = graph.op("Div", graph.op("Sub", mean, graph.weight(vae.latent_mean)), graph.weight(vae.latent_std))
    graph.output("latents", latents, ["B", "T", channels])
    return graph.model()


def vocoder_graph(vae: SpeechVAE):
    """Further latents (B, T, C), normalised, kept_i (B, width, K) of the input of convolution i, and edge (B, width, 0
    or 3), zeros at the end of an utterance (see `Backbone.go_on`) -> real and imaginary (B, L, F) of the spectra of the
    frames that are final by now or, with a source, of the gain of its harmonics; then also noise_gain (B, L, F), and
    pitch_logits (B, L, bins); and new_kept_i, for the next call."""
    graph, vocoder, channels = Graph("vocoder"), vae.decoder, vae.config.latent_channels
    bins, width = vae.config.vocos.n_fft // 2 + 1, vae.config.vocos.width
    latents = graph.input("latents", ["B", "T", channels])
    edge = graph.input("edge", ["B", width, "E"])
    latents = graph.add(graph.op("Mul", latents, graph.weight(vae.latent_std)), graph.weight(vae.latent_mean))
    x = graph.reshape(graph.linear(latents, vocoder.unfold), 0, -1, width)  # (B, L, width)
    backbone = vocoder.backbone
    x, kept = graph.transpose(x, 0, 2, 1), []

    def with_neighbours(x: str) -> str:
        name = f"kept_{len(kept)}"
        x = graph.op("Concat", graph.input(name, ["B", width, f"K{len(kept)}"]), x, edge, axis=2)
        kept.append(graph.slice(x, -2 * HALF, END, 2))
        return x

    x = conv(graph, with_neighbours(x), backbone.embed, padded=False)
    x = graph.transpose(layer_norm(graph, graph.transpose(x, 0, 2, 1), backbone.norm), 0, 2, 1)
    for block in backbone.convnext:
        x = convnext(graph, with_neighbours(x), block, padded=False)
    for index, value in enumerate(kept):
        graph.output(f"new_kept_{index}", value, ["B", width, 2 * HALF])
    x = layer_norm(graph, graph.transpose(x, 0, 2, 1), backbone.final_layer_norm)
    out = graph.linear(x, vocoder.head.out)
    log_gain, phase, *noise = graph.split(out, [bins] * (3 if vocoder.has_source else 2), axis=-1)
    if contrast := vae.config.vocos.formant_contrast:
        log_gain, *noise = _deepened(graph, x, [log_gain, *noise], vocoder, contrast)
    gain = _limited(graph, log_gain)
    graph.output("real", graph.op("Mul", gain, graph.op("Cos", phase)), ["B", "L", bins])
    graph.output("imaginary", graph.op("Mul", gain, graph.op("Sin", phase)), ["B", "L", bins])
    if vocoder.has_source:
        graph.output("noise_gain", _limited(graph, noise[0]), ["B", "L", bins])
        pitch = vocoder.head.pitch.out
        graph.output("pitch_logits", graph.linear(x, pitch), ["B", "L", pitch.out_features])
    return graph.model()


def _deepened(graph: Graph, x: str, log_gains: list[str], vocoder: Vocoder, contrast: float) -> list[str]:
    """`ditar.vae.formants.deepened` of gains (B, L, F) that `head.out` makes of x. What it adds to them is linear, and
    so a further product with x."""
    head = vocoder.head
    gain, _, *noise = head.out.weight.chunk(1 + len(log_gains))  # the second are phases
    gain_bias, _, *noise_bias = head.out.bias[:, None].chunk(1 + len(log_gains))
    added = [emphasis(part[None], contrast, head.bin_hz)[0] for part in (gain, *noise)]  # (F, D) each
    biases = [emphasis(part[None], contrast, head.bin_hz)[0, :, 0] for part in (gain_bias, *noise_bias)]
    more = graph.split(graph.affine(x, torch.cat(added), torch.cat(biases)), [len(added[0])] * len(added), axis=-1)
    deep = [graph.add(*pair) for pair in zip(log_gains, more, strict=True)]
    powers = []
    for values in (deep, log_gains):
        joined = graph.op("Concat", *values, axis=-1)
        doubled = graph.op("Mul", joined, graph.weight(2.0))
        powers.append(graph.op("ReduceLogSumExp", doubled, axes=[-1], keepdims=1))
    louder = graph.op("Mul", graph.op("Sub", *powers), graph.weight(0.5))
    return [graph.op("Sub", value, louder) for value in deep]


def _limited(graph: Graph, log_gain: str) -> str:
    return graph.op("Exp", graph.op("Min", log_gain, graph.weight(HIGHEST_LOG_GAIN)))


def tables(model: DiTAR) -> dict[str, np.ndarray]:
    """What `ditar.onnx` reads without a graph: embeddings of symbols (V, width), begin of audio (width,) and, with
    monotonic reading, what goes with patches whose times nobody knows (width,)."""
    found = {"symbols": table(model.lm.symbols.weight), "begin": table(model.lm.begin)}
    return found if model.reading is None else found | {"unread": table(model.reading.unread)}
