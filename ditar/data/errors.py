"""The error of this package, in its own file: training on a bare machine imports it without soundfile."""


class DataError(ValueError):
    """Data that cannot be used; the message names the file and the remedy."""
