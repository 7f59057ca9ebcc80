"""Many utterances, spoken into a folder that says what is done, for a second run to go on."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ditar.audio.write import write_audio
from ditar.seeds import seed_of
from ditar.storage.digests import digest_values
from ditar.storage.json_lines import write_json_lines
from ditar.storage.lock import only_writer
from ditar.synthesis.long_text import BATCHES_AT_ONCE, give_back_memory, join, pieces_to_speak
from ditar.synthesis.request import SpeechOutput, SpeechRequest
from ditar.synthesis.voice import Voice
from ditar.text import TextError
from ditar.text.sentences import Piece

MANIFEST = "manifest.jsonl"


@dataclass
class _Task:
    """An utterance under way: its pieces and what has been spoken of them."""

    utt: str
    text: str
    settings: str
    pieces: list[Piece]
    outputs: list[SpeechOutput] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class ListOutput:
    """How many were spoken now, were there already, (utt, reason) of those that could not be spoken, and (utt, warning)
    of those that were."""

    spoken: int = 0
    kept: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    warnings: list[tuple[str, str]] = field(default_factory=list)


def speak_list(
    pipeline: Any,
    utterances: Sequence[tuple[str, str]],
    voice: Voice,
    folder: str | Path,
    *,
    config: Any,
    seed: int,
    settings: dict[str, Any],
    request_options: dict[str, Any],
    batch_options: dict[str, Any],
    batch_size: int = 8,
    on_progress: Callable[[str, str], None] = lambda utt, text: None,
) -> ListOutput:
    """Speak (id, text) rows to FOLDER/<id>.wav, and a line for each in FOLDER/manifest.jsonl.

    A file that the manifest says was made of the same text with the same seed and `settings` (plain values: all that
    the audio depends on) is kept. An utterance that is longer than the model can speak at once is spoken in pieces.
    One that cannot be spoken does not stop the others. AudioError, InUseError where another program writes the
    folder, and what `pipeline.batch` raises.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {utt: digest_values([settings, seed, text]) for utt, text in utterances}
    with only_writer(folder):
        done = {row["id"]: row for row in _read_manifest(folder / MANIFEST)}
        kept = {u: r for u, r in done.items() if r["settings"] == wanted.get(u) and (folder / r["file"]).is_file()}
        # Lines of other lists stay as long as their files do.
        others = {u: r for u, r in done.items() if u not in wanted and (folder / r["file"]).is_file()}
        write_json_lines([*others.values(), *kept.values()], folder / MANIFEST)
        result = ListOutput(kept=len(kept))

        def tasks() -> Iterator[_Task]:
            for utt, text in utterances:
                if utt in kept:
                    on_progress(utt, text)
                    continue
                try:
                    pieces, warnings = pieces_to_speak(text, voice, config, request_options["language"], whole=True)
                except TextError as error:
                    if utt in done:  # an earlier run's, of another text
                        (folder / done[utt]["file"]).unlink(missing_ok=True)
                    result.failed.append((utt, str(error)))
                    on_progress(utt, text)
                    continue
                yield _Task(utt, text, wanted[utt], pieces, warnings=warnings)

        with open(folder / MANIFEST, "a", encoding="utf-8") as manifest:
            for batch in _batches(tasks(), BATCHES_AT_ONCE * batch_size):
                requests = [
                    SpeechRequest(task.pieces[i].text, voice, seed=_piece_seed(seed, task, i), **request_options)
                    for task, i in batch
                ]
                outputs = pipeline.batch(requests, batch_size=batch_size, **batch_options)
                for (task, _), output in zip(batch, outputs, strict=True):
                    task.outputs.append(output)
                    if len(task.outputs) == len(task.pieces):
                        row = _write(folder, task)
                        manifest.write(json.dumps(row, ensure_ascii=False) + "\n")
                        manifest.flush()
                        result.spoken += 1
                        result.warnings += [(task.utt, line) for line in row["warnings"]]
                        on_progress(task.utt, task.text)
                del outputs
                give_back_memory()
    return result


def _piece_seed(seed: int, task: _Task, piece: int) -> int:
    return seed_of(seed, task.utt if len(task.pieces) == 1 else f"{task.utt} {piece}")


def _batches(tasks: Iterator[_Task], size: int) -> Iterator[list[tuple[_Task, int]]]:
    """Pieces of consecutive utterances, `size` at a time; no more utterances are begun than a batch needs."""
    waiting: deque[tuple[_Task, int]] = deque()
    for task in tasks:
        waiting.extend((task, i) for i in range(len(task.pieces)))
        while len(waiting) >= size:
            yield [waiting.popleft() for _ in range(size)]
    if waiting:
        yield list(waiting)


def _write(folder: Path, task: _Task) -> dict[str, Any]:
    """Write the audio of a finished utterance; returns its line of the manifest."""
    one = task.outputs[0]
    audio = one.audio if len(task.outputs) == 1 else join(task.pieces, task.outputs)
    name = f"{task.utt}.wav"
    write_audio(folder / name, audio, one.sample_rate)
    return {
        "id": task.utt,
        "file": name,
        "text": task.text,
        "seconds": round(len(audio) / one.sample_rate, 3),
        "pieces": len(task.pieces),
        "seeds": [output.seed for output in task.outputs],
        "stopped": all(output.stopped for output in task.outputs),
        "warnings": list(dict.fromkeys([*task.warnings, *(line for o in task.outputs for line in o.warnings)])),
        "settings": task.settings,
    }


def _read_manifest(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            row = json.loads(line)
            row["id"], row["file"], row["settings"]
        except (ValueError, KeyError, TypeError):  # the last line of a killed process
            continue
        yield row
