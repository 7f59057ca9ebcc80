"""How training ends when it does not end well."""


class TrainingError(RuntimeError):
    """Training cannot go on; the message names the step, the utterances and the last good checkpoint."""


class Interrupted(RuntimeError):
    """Training was asked to stop (SIGINT, SIGTERM) and did, behind a step and with a checkpoint."""
