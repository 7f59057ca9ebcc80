"""The formats of audio files that are written; nothing here imports what writes them."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Format:
    """libsndfile's names of the container and of the encoding, and further options of `soundfile.SoundFile`."""

    kind: str
    subtype: str
    options: dict[str, Any] = field(default_factory=dict)


# By the ending of a name. MP3 at a constant rate (some 96 kbit/s): at another, readers that find no length in its
# header, which is written last, guess one from the first seconds.
FORMATS = {
    ".wav": Format("WAV", "PCM_16"),
    ".flac": Format("FLAC", "PCM_16"),
    ".mp3": Format("MP3", "MPEG_LAYER_III", {"bitrate_mode": "CONSTANT", "compression_level": 0.4}),
    ".opus": Format("OGG", "OPUS"),
    ".ogg": Format("OGG", "VORBIS"),
}
# Of a stream (`audio.encode`): pcm is samples of 16 bits, little endian, and nothing else. Opus and Vorbis come a page,
# about a second, at a time, and flac in one piece at the end: its header states its length, and without it libsndfile
# cannot read the file.
STREAMED = ("pcm", *(ending[1:] for ending in FORMATS))
