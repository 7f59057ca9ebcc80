"""Speech at another speed and the same pitch: Sonic's pitch-synchronous overlapping (the library libsonic).

Who speaks faster shortens pauses more than sounds, and is understood better than a recording that runs faster as a
whole (Covell et al. 1998, Mach1). So above speed 1 silence is shortened more, and sounds less, while the whole lasts as
long as was asked.
"""

import numpy as np

from ditar.units import SAMPLE_RATE_HZ

BLOCK_SAMPLES = 240  # given to the library at once: what it makes depends on that, and must not depend on our chunks
QUIET_DB = -30.0  # of a block, from the loudest lately
FIRST_PEAK, PEAK_KEPT = 10 ** (-25 / 20), 0.999  # what counts as loud before anything was, and after each block
QUIET_GAIN, MOST_QUIET_RATE = 6.0, 4.0  # silence is made 1 + QUIET_GAIN (speed - 1) times as short
REPAID_SECONDS = 1.0  # of sound, in which about two thirds of the time that silence saved are given back


class Stretcher:
    """Makes speech (S,) at 24 kHz that arrives in pieces `speed` times as fast: 2 is half as long. Together the pieces
    are the stretched whole, of round(S / speed) samples; at speed 1 they are as they came. Below 1 everything is
    stretched alike."""

    def __init__(self, speed: float):
        self._speed, self._arrived, self._made = speed, 0, 0
        self._waiting = np.zeros(0, np.float32)
        self._peak, self._saved = FIRST_PEAK, 0.0  # samples of the result by which it is ahead of `speed`
        self._from, self._to = [0.0], [0.0]  # ends of the blocks, before and after
        if speed != 1.0:
            from libsonic import SonicStream  # for those only who ask for it: starting up is short

            self._sonic = SonicStream(SAMPLE_RATE_HZ, 1)
            self._sonic.set_speed(speed)

    def __call__(self, audio: np.ndarray, final: bool = False) -> np.ndarray:
        """The next piece (S,): what can be had by now, float32; `final`: nothing follows, so all."""
        self._arrived += len(audio)
        if self._speed == 1.0:
            return audio
        waiting = np.concatenate((self._waiting, audio))
        whole = len(waiting) if final else len(waiting) // BLOCK_SAMPLES * BLOCK_SAMPLES
        for start in range(0, whole, BLOCK_SAMPLES):
            self._write(waiting[start : min(start + BLOCK_SAMPLES, whole)])
        self._waiting = waiting[whole:]
        if final:
            self._sonic.flush()
        made = np.array(self._sonic.read(self._sonic.available_frames()), np.float32)
        if final:  # what the last silence saved, and the library's rounding by block
            left = round(self._arrived / self._speed) - self._made
            made = np.pad(made[: max(0, left)], (0, max(0, left - len(made))))
        self._made += len(made)
        return made

    def place(self, sample: int) -> int:
        """Where in the result a sample is heard. What has not been stretched yet is taken to be stretched alike."""
        if self._speed == 1.0:
            return sample
        after = self._to[-1] + (sample - self._from[-1]) / self._speed
        found = after if sample > self._from[-1] else float(np.interp(sample, self._from, self._to))
        return round(min(found, self._arrived / self._speed))

    @property
    def placed(self) -> int:
        """Samples from the beginning whose `place` is final."""
        return self._arrived if self._speed == 1.0 else round(self._from[-1])

    def _write(self, block: np.ndarray) -> None:
        rate = self._rate(block)
        self._saved += len(block) / self._speed - len(block) / rate
        self._from.append(self._from[-1] + len(block))
        self._to.append(self._to[-1] + len(block) / rate)
        self._sonic.set_speed(rate)
        self._sonic.write(block.tolist())

    def _rate(self, block: np.ndarray) -> float:
        if self._speed <= 1.0:
            return self._speed
        loudness = float(np.sqrt(np.mean(np.square(block))))
        self._peak = max(PEAK_KEPT * self._peak, loudness)
        if loudness < 10 ** (QUIET_DB / 20) * self._peak:
            return max(self._speed, min(MOST_QUIET_RATE, 1.0 + QUIET_GAIN * (self._speed - 1.0)))
        given_back = max(0.0, self._saved) / (REPAID_SECONDS * SAMPLE_RATE_HZ)
        return max(1.0, 1.0 / (1.0 / self._speed + given_back))


def stretch(audio: np.ndarray, speed: float) -> np.ndarray:
    """(S,) -> (round(S / speed),), see `Stretcher`."""
    return Stretcher(speed)(audio, final=True)
