"""RESULTS.md from result files: read, checked, rendered and put between marks, so that nothing is typed by hand."""


class ReportError(ValueError):
    """A report that cannot be written; the message quotes the file, the value and the remedy."""
