"""Sections of a Markdown file between marks: a report replaces its own and leaves the rest unchanged."""

import re

from ditar.report import ReportError

NAME = re.compile(r"\w[\w.-]*", re.ASCII)


def begin(name: str) -> str:
    """The line before a section."""
    return f"<!-- ditar report: {name} (written from result files; edits between the marks are lost) -->"


def end(name: str) -> str:
    """The line after a section."""
    return f"<!-- end of ditar report: {name} -->"


def put(document: str, name: str, section: str) -> str:
    """The document with this section in place of the one with the same name, or at its end.

    ReportError: a name that is not a plain word, or marks that do not come in pairs.
    """
    if not NAME.fullmatch(name):
        raise ReportError(f"a section's name takes letters, digits, '_', '-' and '.', got {name!r}")
    marked = f"{begin(name)}\n\n{section.strip()}\n\n{end(name)}\n"
    pattern = re.escape(f"<!-- ditar report: {name} ") + "[^\n]*-->\n|" + re.escape(end(name)) + "\n?"
    marks = list(re.finditer(pattern, document))
    if not marks:
        return f"{document.rstrip()}\n\n{marked}" if document.strip() else marked
    ends = [mark.group().startswith("<!-- end") for mark in marks]
    if ends != [False, True]:
        raise ReportError(
            f"the marks of section {name!r} do not come in one pair: {ends.count(False)} begin and {ends.count(True)} "
            "end it; repair or remove them"
        )
    return document[: marks[0].start()] + marked + document[marks[1].end() :]
