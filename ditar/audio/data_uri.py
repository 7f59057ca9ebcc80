"""Sound inside a page: data URIs, so that one HTML file is all there is."""

import base64
import io

import numpy as np
import soundfile

from ditar.units import SAMPLE_RATE_HZ


def data_uri(mime: str, content: bytes) -> str:
    """Bytes as a URI."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def sound_uri(samples: np.ndarray) -> str:
    """(S,) at 24 kHz as a URI that browsers play: MP3 if the sound library supports it, else FLAC."""
    kind, subtype, mime = ("MP3", "MPEG_LAYER_III", "audio/mpeg")
    if kind not in soundfile.available_formats():  # libsndfile before 1.1
        kind, subtype, mime = ("FLAC", "PCM_16", "audio/flac")
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(samples, -1, 1), SAMPLE_RATE_HZ, format=kind, subtype=subtype)
    return data_uri(mime, buffer.getvalue())
