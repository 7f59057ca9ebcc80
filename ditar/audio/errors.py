"""The errors of this folder."""


class AudioError(ValueError):
    """Audio that cannot be read, used or written; the message names the file or the value, and the remedy."""


class AudioTooLongError(AudioError):
    """Audio that is longer than is read."""
