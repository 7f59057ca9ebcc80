"""Stage -1: fetch and unpack a corpus with lhotse; an interrupted download is resumed.

    python recipes/download_corpus.py --corpus libritts --out downloads --parts train-clean-100,dev-clean,test-clean

Prints the corpus's folder, which recipes/lhotse_to_kaldi.py reads. Existing files are not fetched again.
"""

import argparse
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ditar.config.program import exit_code
from ditar.data.errors import DataError
from ditar.data.optional import need_lhotse

OPENSLR = "https://www.openslr.org/resources"


def ljspeech(out: Path, parts: Sequence[str], mirror: str | None) -> Path:
    """LJSpeech-1.1, 2.6 GB, one voice."""
    from lhotse.recipes.ljspeech import download_ljspeech

    if parts or mirror:
        raise DataError("LJ Speech comes whole and from one place; leave --parts and --mirror out")
    return download_ljspeech(out)


def vctk(out: Path, parts: Sequence[str], mirror: str | None) -> Path:
    """VCTK 0.92, 11 GB. Its archive has no top-level folder, which lhotse's own function expects."""
    from lhotse.recipes.vctk import EDINBURGH_VCTK_URL
    from lhotse.utils import resumable_download

    if parts:
        raise DataError("VCTK comes whole; leave --parts out")
    url = f"{mirror}/VCTK-Corpus-0.92.zip" if mirror else EDINBURGH_VCTK_URL
    folder, archive = out / "VCTK-Corpus-0.92", out / "VCTK-Corpus-0.92.zip"
    if (folder / ".completed").is_file():
        return folder
    resumable_download(url, filename=archive)
    with zipfile.ZipFile(archive) as opened:
        own = all(name.startswith(f"{folder.name}/") for name in opened.namelist())
        opened.extractall(out if own else folder)
    (folder / ".completed").touch()
    return folder


def libritts(out: Path, parts: Sequence[str], mirror: str | None) -> Path:
    """LibriTTS, 24 kHz: dev-clean 1.2 GB, test-clean 1.2 GB, train-clean-100 7.7 GB, train-clean-360 27 GB, ..."""
    from lhotse.recipes.libritts import download_libritts

    download_libritts(out, dataset_parts=list(parts) or "all", base_url=mirror or OPENSLR)
    return out / "LibriTTS"


def librittsr(out: Path, parts: Sequence[str], mirror: str | None) -> Path:
    """LibriTTS-R, the same utterances restored."""
    from lhotse.recipes.libritts import download_librittsr

    download_librittsr(out, dataset_parts=list(parts) or "all", base_url=mirror or OPENSLR)
    return out / "LibriTTS_R"


def librispeech(out: Path, parts: Sequence[str], mirror: str | None) -> Path:
    """LibriSpeech, 16 kHz: test-clean 0.35 GB, ..."""
    from lhotse.recipes.librispeech import download_librispeech

    return download_librispeech(out, dataset_parts=list(parts) or "librispeech", base_url=mirror or OPENSLR)


CORPORA = {one.__name__: one for one in (ljspeech, vctk, libritts, librittsr, librispeech)}


def main() -> int:
    """Parse arguments and download; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--corpus", required=True, choices=CORPORA)
    parser.add_argument("--out", required=True, type=Path, help="the corpus's folder is made inside it")
    parser.add_argument("--parts", default="", help="parts of the corpus, separated by commas (all)")
    parser.add_argument("--mirror", metavar="URL", help="instead of the usual address, e.g. another OpenSLR")
    args = parser.parse_args()
    try:
        need_lhotse()
        args.out.mkdir(parents=True, exist_ok=True)
        folder = CORPORA[args.corpus](args.out, [part for part in args.parts.split(",") if part], args.mirror)
    except DataError as error:
        print(f"download_corpus: error: {error}", file=sys.stderr)
        return 1
    except (OSError, tarfile.TarError, zipfile.BadZipFile) as error:
        print(
            f"download_corpus: error: {args.corpus} could not be fetched ({error}); try again, or unpack it yourself "
            "and name it with --corpus of egs/*/run.sh",
            file=sys.stderr,
        )
        return 1
    print(folder)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main, keeps=True))
