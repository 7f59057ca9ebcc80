"""Where shards are, if not beside their index: on several machines, as webdataset writes it.

    http://data-a:8000/train/latents.{000000..000499}.tar     ranges count up, with as many digits as they are written with
    pipe:aws s3 cp s3://bucket/train/latents.{000500..000999}.tar -
    /mnt/disk{1,2,3}/latents.{000000..000099}.tar
"""

import argparse
import http.client
import itertools
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator

from ditar.data.errors import DataError

TRIES = 3
WAIT_S = 2.0  # before the second try; twice as long before the third
TIMEOUT_S = 120.0  # without a byte
_BRACES = re.compile(r"\{([^{}]*)\}")
_PIPE = "pipe:"


def add_shard_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a training program that say where the shards of --train are, and what to do without one."""
    parser.add_argument(
        "--shards",
        nargs="+",
        metavar="URL",
        help="where the shards of --train are, if not in it: http://HOST/NAME.{000000..000999}.tar, pipe:COMMAND, or "
        "paths; several for several machines",
    )
    parser.add_argument(
        "--skip-bad-shards",
        action="store_true",
        help="leave out shards of --train that are missing, cut short or damaged",
    )


def expand(pattern: str) -> Iterator[str]:
    """What a pattern stands for: {000..009} and {a,b}, from left to right. DataError: a range that is none."""
    parts = _BRACES.split(pattern)  # text, braces, text, ...
    choices = [_choices(part, pattern) if number % 2 else [part] for number, part in enumerate(parts)]
    yield from map("".join, itertools.product(*choices))


def _choices(inside: str, pattern: str) -> list[str]:
    first, dots, last = inside.partition("..")
    if not dots:
        return inside.split(",")
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise DataError(f"{{{inside}}} of {pattern!r} is no range; write one as {{000000..000999}}")
    return [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]


def locate(shards: Iterable[str], patterns: Iterable[str]) -> dict[str, str]:
    """Shard -> the URL that names it; a shard that several name is at the first. DataError: a shard that none names."""
    wanted, found = set(shards), {}
    for url in itertools.chain.from_iterable(map(expand, patterns)):
        for name in re.findall(r"[^\s/=]+\.tar\b", url):
            if name in wanted:
                found.setdefault(name, url)
    if missing := sorted(wanted - found.keys()):
        raise DataError(
            f"no URL of --shards ends with {missing[0]}{f' (and {len(missing) - 1} more)' if missing[1:] else ''}, "
            "which the index names; add its machine"
        )
    return found


def fetch(url: str) -> bytes:
    """The content of a shard that is no local file. OSError says what went wrong: at once if the other side says that
    there is none, or else after three tries, since networks and disks fail for a moment."""
    for attempt in range(TRIES):
        try:
            return _fetch_once(url)
        except (FileNotFoundError, PermissionError):
            raise
        except OSError:
            if attempt == TRIES - 1:
                raise
            time.sleep(WAIT_S * 2**attempt)
    raise AssertionError  # the last try returns or raises


def _fetch_once(url: str) -> bytes:
    if url.startswith(_PIPE):
        done = subprocess.run(["bash", "-c", url.removeprefix(_PIPE)], capture_output=True)
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise OSError(f"its command ended with {done.returncode}: {said[-1] if said else 'it said nothing'}")
        return done.stdout
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        kind = FileNotFoundError if error.code in (404, 410) else PermissionError if error.code in (401, 403) else OSError
        raise kind(f"the server answers {error.code} {error.reason}") from None
    except http.client.HTTPException as error:  # it ended before its end
        raise OSError(str(error)) from None


def is_file(place: str) -> bool:
    """Whether it is the path of a file on this machine, whether there is one or not."""
    return "://" not in place and not place.startswith(_PIPE)

