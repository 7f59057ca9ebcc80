"""Audio without learned parameters: files, rates, levels, spectra. Waveforms are float32 in [-1, 1].

Only the error is imported here: reading a file needs no torch, and spectra need no soundfile.
"""

from ditar.audio.errors import AudioError

__all__ = ["AudioError"]
