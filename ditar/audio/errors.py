"""The errors of this folder."""


class AudioError(ValueError):
    """Audio that cannot be read, used or written; the message names the file or the value, and the remedy."""


class AudioTooLongError(AudioError):
    """Audio that is longer than is read."""


class AudioWriteError(AudioError):
    """A file that the disk refuses, which is no fault of its audio: programs that leave out what cannot be used end."""
