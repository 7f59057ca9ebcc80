"""Speech at another speed and the same pitch: Sonic's pitch-synchronous overlapping (the library libsonic)."""

import numpy as np

from ditar.units import SAMPLE_RATE_HZ

BLOCK_SAMPLES = 600  # given to the library at once: what it makes depends on that, and must not depend on our chunks


class Stretcher:
    """Makes speech (S,) at 24 kHz that arrives in pieces `speed` times as fast: 2 is half as long. Together the pieces
    are the stretched whole, of round(S / speed) samples; at speed 1 they are as they came."""

    def __init__(self, speed: float):
        self._speed, self._arrived, self._made = speed, 0, 0
        self._waiting = np.zeros(0, np.float32)
        if speed != 1.0:
            from libsonic import SonicStream  # for those only who ask for it: starting up is short

            self._sonic = SonicStream(SAMPLE_RATE_HZ, 1)
            self._sonic.set_speed(speed)

    def __call__(self, audio: np.ndarray, final: bool = False) -> np.ndarray:
        """The next piece (S,): what can be had by now, float32; `final`: nothing follows, so all."""
        if self._speed == 1.0:
            return audio
        self._arrived += len(audio)
        waiting = np.concatenate((self._waiting, audio))
        whole = len(waiting) if final else len(waiting) // BLOCK_SAMPLES * BLOCK_SAMPLES
        for start in range(0, whole, BLOCK_SAMPLES):
            self._sonic.write(waiting[start : min(start + BLOCK_SAMPLES, whole)].tolist())
        self._waiting = waiting[whole:]
        if final:
            self._sonic.flush()
        made = np.array(self._sonic.read(self._sonic.available_frames()), np.float32)
        if final:  # the library rounds by block
            left = round(self._arrived / self._speed) - self._made
            made = np.pad(made[: max(0, left)], (0, max(0, left - len(made))))
        self._made += len(made)
        return made


def stretch(audio: np.ndarray, speed: float) -> np.ndarray:
    """(S,) -> (round(S / speed),), see `Stretcher`."""
    return Stretcher(speed)(audio, final=True)
