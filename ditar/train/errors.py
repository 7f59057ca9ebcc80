"""How training ends when it fails or is stopped."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the step, the utterances and the last good checkpoint."""


class Interrupted(KeyboardInterrupt):
    """Training was asked to stop (SIGINT, SIGTERM) and did so, after a whole step and with a checkpoint; the message
    says which."""
