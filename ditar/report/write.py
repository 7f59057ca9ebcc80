"""Result files into RESULTS.md, with their plots in a folder next to it."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ditar.report import ReportError
from ditar.report.results import KINDS, Kinds, read_result, render
from ditar.report.sections import put
from ditar.storage.atomic_write import atomic_write, check_not_input, write_lines

PLOTS = "results"  # the folder of plots next to the document, with a folder for each section


def report(
    document: str | Path,
    results: Sequence[str | Path],
    names: Sequence[str] = (),
    titles: Sequence[str] = (),
    kinds: Kinds = KINDS,
) -> None:
    """Write a section for each result into a Markdown file, made if there is none; the rest of it stays unchanged.

    Everything is read and rendered before anything is written. ReportError quotes file and remedy.

    Args:
        names: of the sections, by default the results' folders.
        titles: by default their kind and name.
        kinds: of results, with their renderers.
    """
    document = Path(document)
    names = list(names) or [Path(path).resolve().parent.name for path in results]
    for given, what in ((names, "names"), (titles, "titles")):
        if given and len(given) != len(results):
            raise ReportError(f"{len(given)} {what} for {len(results)} results; give one for each")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ReportError(f"two results would be the section {twice[0]!r}; give each a --name")
    if not document.parent.is_dir():
        raise ReportError(f"there is no folder {document.parent}; make it with: mkdir -p {document.parent}")
    for path in results:
        check_not_input(document, "RESULTS.md", {"a result": path})
    text = _read(document) if document.exists() else "# Results\n"
    plots: list[tuple[Path, list[Path]]] = []
    for number, (path, name) in enumerate(zip(map(Path, results), names)):
        result = read_result(path, kinds)
        title = titles[number] if titles else f"{result['kind'].capitalize()}: {name}"
        files = _plots(result, path)
        links = "".join(f"\n![{file.stem}]({PLOTS}/{name}/{file.name})\n" for file in files)
        text = put(text, name, render(result, path, title, kinds, document) + links)
        plots.append((document.parent / PLOTS / name, files))
    for folder, files in plots:
        _copy(files, folder)
    write_lines(document, [text.rstrip("\n")])


def _read(document: Path) -> str:
    try:
        return document.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(
            f"the document {str(document)!r} cannot be read ({error}); give a Markdown file in UTF-8, or one that does "
            "not exist yet"
        ) from None


def _plots(result: Mapping[str, Any], path: Path) -> list[Path]:
    """The plots that a result names, which are next to it."""
    files = [path.parent / name for name in result.get("plots", [])]
    for file in files:
        if not file.is_file():
            raise ReportError(f"{path} names a plot {file.name!r} that is not next to it; make the result again")
    return files


def _copy(files: Sequence[Path], folder: Path) -> None:
    """Make these the only plots of a section."""
    for old in folder.glob("*.png"):
        if old.name not in {file.name for file in files}:
            old.unlink()
    for file in files:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / file.name) as partial:
            shutil.copyfile(file, partial)
