"""A server under load: how soon, how much and how right, with more and more clients in turns.

Every client asks again as soon as it has heard the end. What each should hear was asked for alone before, with the same
seed; a refused one (429, 503) waits as long as it is told.
"""

import http.client
import json
import re
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ditar.bench import BenchError
from ditar.units import SAMPLE_RATE_HZ

TEXTS = (
    "Yes.",
    "Good morning.",
    "It rains today, but tomorrow the sun will shine.",
    "The quick brown fox jumps over the lazy dog.",
    "She sells sea shells by the sea shore. The shells that she sells are sea shells, surely.",
    "There was once a miller who left no more estate to his three sons than his mill, his donkey and his cat.",
)
VERSION = 1  # of load.json; raised whenever a name in it, or its meaning, changes
READ_BYTES = 4096
EDGE_SECONDS = 30.0  # of memory at the start and at the end of a phase
DIFFERENT = 0.03  # of the root mean square: audio that differs by more is not the same
REFUSED = (429, 503)
PATIENCE_SECONDS = 600.0
MIB = 1024  # KiB


@dataclass(frozen=True)
class Reply:
    """status; first_s: to the first byte of audio; audio: int16 samples; retry_s: when to come back; broken: it ended
    before its end."""

    status: int
    first_s: float = 0.0
    audio: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int16))
    retry_s: float = 1.0
    broken: bool = False


class SpeechClient:
    """Asks a server for speech. BenchError: the URL is none."""

    def __init__(self, url: str, key: str | None = None):
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise BenchError(f"the URL must be http://HOST:PORT, got {url!r}")
        self._host, self._port = parts.hostname, parts.port or 80
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})

    def speak(self, number: int) -> Reply:
        """What is said to a number: its text, and its seed."""
        body = {"input": TEXTS[number % len(TEXTS)], "seed": number, "response_format": "pcm"}
        connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE_SECONDS)
        began = time.perf_counter()
        try:
            connection.request("POST", "/v1/audio/speech", json.dumps(body), self._headers)
            response = connection.getresponse()
            if response.status != 200:
                return Reply(response.status, retry_s=float(response.headers.get("Retry-After", 1)))
            parts, first = [], 0.0
            while part := response.read1(READ_BYTES):
                first = first or time.perf_counter() - began
                parts.append(part)
            return Reply(200, first, np.frombuffer(b"".join(parts), "<i2"))
        except (OSError, http.client.HTTPException, ValueError):
            return Reply(0, broken=True)
        finally:
            connection.close()

    def get(self, path: str) -> str:
        """A text. BenchError: it cannot be had."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=PATIENCE_SECONDS)
        try:
            connection.request("GET", path, headers=self._headers)
            response = connection.getresponse()
            text = response.read().decode()
        except OSError as error:
            place = f"http://{self._host}:{self._port}"
            raise BenchError(f"nothing answers at {place} ({error}); start one with: ditar serve") from None
        finally:
            connection.close()
        if response.status != 200:
            raise BenchError(f"{path} is answered with {response.status}: {text[:200]}")
        return text


def measure_load(
    speaker: SpeechClient,
    clients: Sequence[int] = (1, 8, 32),
    seconds: float = 120.0,
    overload: int = 8,
    pid: int | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Load a running server phase by phase. BenchError: it does not answer, or not to one alone.

    Args:
        clients: how many ask at a time, a phase for each number, 1 and more.
        seconds: of each phase.
        overload: a last phase of so many times the server's places; 0: none.
        pid: the server's on this machine, whose memory is looked at; None: it is not.
        say: called with a line for the user at each phase.
    """
    found = re.search(r"^ditar_places (\S+)", speaker.get("/metrics"), re.M)
    places = int(float(found[1])) if found else 0
    numbers = range(2 * len(TEXTS))
    expected = {}
    for number in numbers:
        reply = speaker.speak(number)
        if reply.status != 200:
            raise BenchError(f"one client alone is answered with {reply.status}; wait until nobody else asks it")
        expected[number] = reply.audio
    phases = [*clients, *([overload * places] if overload and places else [])]
    rows = []
    for count in phases:
        say(f"{count} clients, {seconds:g} s")
        rows.append(_phase(speaker, count, seconds, expected, pid))
    return {"version": VERSION, "places": places, "seconds": seconds, "phases": _with_ratios(rows)}


def _phase(
    speaker: SpeechClient, clients: int, seconds: float, expected: dict[int, np.ndarray], pid: int | None
) -> dict[str, Any]:
    began, replies, memory = time.perf_counter(), [], []
    over = threading.Event()

    def client(place: int) -> None:
        number = place
        while not over.is_set():
            reply = speaker.speak(number % len(expected))
            replies.append((number % len(expected), reply))
            if reply.status in REFUSED:
                over.wait(reply.retry_s)
            else:
                number += 1

    with ThreadPoolExecutor(clients + 1) as pool:
        for place in range(clients):
            pool.submit(client, place)
        while (now := time.perf_counter() - began) < seconds:
            if pid is not None and (size := _resident_mib(pid)) is not None:
                memory.append((now, size))
            time.sleep(min(0.5, seconds / 20))
        over.set()
    took = time.perf_counter() - began
    heard = [(number, reply) for number, reply in replies if reply.status == 200 and not reply.broken]
    firsts = [reply.first_s for _, reply in heard]
    apart = [_apart(reply.audio, expected[number]) for number, reply in heard]
    early = [size for at, size in memory if at < min(EDGE_SECONDS, seconds / 2)]
    late = [size for at, size in memory if at >= seconds - min(EDGE_SECONDS, seconds / 2)]
    return {
        "clients": clients,
        "took_s": took,
        "requests": len(replies),
        "heard": len(heard),
        "refused": sum(reply.status in REFUSED for _, reply in replies),
        "failed": len(replies) - len(heard) - sum(reply.status in REFUSED for _, reply in replies),
        "wrong": sum(far > DIFFERENT for far in apart),
        "farthest": max(apart, default=0.0),
        "first_p50_s": float(np.quantile(firsts, 0.5)) if firsts else None,
        "first_p95_s": float(np.quantile(firsts, 0.95)) if firsts else None,
        "audio_s_per_s": sum(len(reply.audio) for _, reply in heard) / SAMPLE_RATE_HZ / took,
        "early_mib": mean(early) if early else None,
        "late_mib": mean(late) if late else None,
    }


def _apart(heard: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square of the difference, relative to what is expected; infinite where the lengths differ."""
    if heard.shape != expected.shape:
        return float("inf")
    far = heard.astype(np.float64) - expected
    return float(np.sqrt(np.mean(far**2) / max(1.0, np.mean(expected.astype(np.float64) ** 2))))


def _with_ratios(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    base = rows[0]
    for row in rows:
        both = row["first_p50_s"] and base["first_p50_s"]
        row["first_ratio"] = row["first_p50_s"] / base["first_p50_s"] if both else None
        row["throughput_ratio"] = row["audio_s_per_s"] / base["audio_s_per_s"] if base["audio_s_per_s"] else None
    return rows


def _resident_mib(pid: int) -> float | None:
    with suppress(OSError):
        if found := re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(encoding="ascii")):
            return int(found[1]) / MIB
    return None


def load_markdown(result: dict[str, Any]) -> str:
    """A table of the phases."""

    def shown(value: float | None, form: str) -> str:
        return "" if value is None else format(value, form)

    heads = ("clients", "heard", "refused", "failed", "wrong", "first audio p50, p95 (s)", "/ first", "audio s per s")
    lines = ["| " + " | ".join((*heads, "/ first", "MiB at start, end")) + " |", "|" + " --- |" * (len(heads) + 2)]
    for row in result["phases"]:
        cells = [str(row[name]) for name in ("clients", "heard", "refused", "failed", "wrong")]
        cells.append(f"{shown(row['first_p50_s'], '.3f')}, {shown(row['first_p95_s'], '.3f')}")
        cells += [shown(row["first_ratio"], ".2f"), shown(row["audio_s_per_s"], ".2f")]
        cells.append(shown(row["throughput_ratio"], ".2f"))
        cells.append(f"{shown(row['early_mib'], '.0f')}, {shown(row['late_mib'], '.0f')}")
        lines.append("| " + " | ".join(cells) + " |")
    return (
        f"{result['seconds']:g} s each; the server has {result['places']} places. Wrong: what was heard differs by "
        f"more than {DIFFERENT:.0%} of its level from what one client alone hears with the same seed.\n\n"
    ) + "\n".join([*lines, ""])
