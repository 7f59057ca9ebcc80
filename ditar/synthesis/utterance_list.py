"""Many utterances, spoken into a folder that records what is done, so that a second run resumes: for lists of `ditar
synthesize`, sweeps and decoding alike.

    FOLDER/manifest.jsonl       a line for each file: what is in it and what it was made from
    FOLDER/<audio>/<name>.wav   (<audio> may be the folder itself)
    FOLDER/<audio>/<name>.srt   when its words are spoken, if that was asked for; or .json, .vtt, .TextGrid
    FOLDER/<audio>/stopped      lines `name 1 attempts`, or 0 if the model did not end it; `ditar evaluate` reads it
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ditar import __version__
from ditar.audio import AudioError
from ditar.audio.write import write_audio
from ditar.config.sampling import BATCH_SIZE, OPTIONS
from ditar.seeds import seed_of
from ditar.storage.atomic_write import write_lines
from ditar.storage.digests import digest_values
from ditar.storage.json_lines import MANIFEST, append_json_lines, write_json_lines
from ditar.storage.lock import only_writer
from ditar.synthesis.list_folder import ListOutput, SpeechTask, manifest_rows, resume
from ditar.synthesis.long_text import BATCHES_AT_ONCE, give_back_memory
from ditar.synthesis.model_folder import named_folder
from ditar.synthesis.pieces import ReadPiece, at_speed, join, one_piece, pieces_to_speak
from ditar.synthesis.request import SpeechOutput, SpeechRequest
from ditar.synthesis.time_files import write_times
from ditar.text import TextError
from ditar.text.controls import plain_text
from ditar.vae.speech_vae import SpeechVAE

@dataclass
class _Speaking:
    """A task in progress: its pieces and what has been spoken of them."""

    task: SpeechTask
    seed: int
    pieces: list[ReadPiece]
    warnings: list[str]
    outputs: list[SpeechOutput] = field(default_factory=list)
    took_s: float = 0.0

    def request(self, number: int, seed: int, timestamps: bool) -> SpeechRequest:
        piece = self.pieces[number]
        of_piece = self.seed if len(self.pieces) == 1 else seed_of(seed, f"{self.task.name} {number}")
        return piece.request(of_piece, timestamps=timestamps, **self.task.request_options)


def speak_many(
    pipeline: Any,
    tasks: Sequence[SpeechTask],
    folder: str | Path,
    *,
    seed: int = 0,
    settings: dict[str, Any],
    audio: str = "",
    split: bool = True,
    keep_others: bool = True,
    times: str | None = None,
    batch_size: int = BATCH_SIZE,
    batches_at_once: int = BATCHES_AT_ONCE,
    on_progress: Callable[[list[SpeechTask], bool], None] = lambda tasks, made: None,
    on_resume: Callable[[ListOutput], None] = lambda found: None,
) -> ListOutput:
    """Speak every task that is missing in the folder. One that cannot be spoken does not stop the others.

    A file is kept if it has the length in the manifest and was made from the same inputs (`SpeechTask`) with the same
    `settings`. Otherwise the old file and its line remain until its replacement is written, or cannot be spoken.

    Args:
        seed: of all tasks that have none of their own, and of pieces.
        settings: `model_settings`, and whatever else all the audio depends on; plain values.
        audio: the folder of the WAV files in `folder`.
        split: speak in pieces what is too long for one call; False: such a text cannot be spoken.
        keep_others: keep the files of names that are in no task; False: they and all that is to be replaced are removed
            first, so that the folder never holds more than these tasks. AudioError if there are WAV files and no
            manifest: they are not from this program.
        times: the format (`time_files`) of a file beside each, with the times of its words; audio without one is made
            again. None: no such files.
        batch_size: utterances that are spoken at the same time, at least 1.
        batches_at_once: batches requested at once; an interruption loses at most that much.
        on_progress: called with tasks that are done, were done before, or failed, and whether they were made now: all
            that a batch has finished at once.
        on_resume: called with what an earlier run left (`rows`, `kept`, `replaced`, `damaged`), before anything is
            made.

    AudioError, InUseError if another program writes the folder, and whatever `pipeline.batch` raises.
    """
    folder, place = Path(folder), Path(folder) / audio
    place.mkdir(parents=True, exist_ok=True)
    of_settings = digest_values(settings)
    with only_writer(place):
        result, stale = resume(folder, place, tasks, seed, of_settings, keep_others, times)
        on_resume(result)

        def without_times(name: str, new: str | None = None) -> None:
            """Remove the times of audio that is replaced, unless they are `new`."""
            if (old := stale.get(name, {}).get("times")) not in (None, new):
                (folder / old).unlink(missing_ok=True)

        def failed(task: SpeechTask, error: Exception) -> None:
            result.failed.append((task.name, str(error)))
            if task.name in stale:  # audio of another text would pass for this one's
                (folder / stale[task.name]["file"]).unlink(missing_ok=True)
                without_times(task.name)
                kept = [row for row in manifest_rows(folder / MANIFEST) if row["id"] != task.name]
                write_json_lines(kept, folder / MANIFEST)
            on_progress([task], False)

        def begun() -> Iterator[_Speaking]:
            for task in tasks:
                if task.name in result.rows:
                    on_progress([task], False)
                    continue
                language = task.request_options.get("language", "en-us")
                try:
                    voice = task.voice() if callable(task.voice) else task.voice
                    if split:
                        pieces, warnings = pieces_to_speak(task.text, voice, pipeline.text_config, language, whole=True)
                    else:
                        pieces, warnings = [one_piece(task.text, voice, pipeline.text_config, language)], []
                    pieces = at_speed(pieces, task.request_options.get("speed"))
                except (TextError, AudioError) as error:
                    failed(task, error)
                    continue
                own_seed = seed_of(seed, task.name) if task.seed is None else task.seed
                yield _Speaking(task, own_seed, pieces, warnings)

        for batch in _batches(begun(), batches_at_once * batch_size):
            started = time.perf_counter()
            requests = [one.request(number, seed, times is not None) for one, number in batch]
            outputs = pipeline.batch(requests, batch_size=batch_size, **batch[0][0].task.batch_options)
            took = (time.perf_counter() - started) / len(batch)
            finished: list[SpeechTask] = []
            for (one, _), output in zip(batch, outputs, strict=True):
                one.outputs.append(output)
                one.took_s += took
                if len(one.outputs) == len(one.pieces):
                    row = _write(folder, audio, one, times) | {"inputs": one.task.inputs(seed), "settings": of_settings}
                    without_times(one.task.name, row.get("times"))
                    append_json_lines([row], folder / MANIFEST)
                    result.rows[one.task.name] = row
                    result.spoken += 1
                    result.warnings += [(one.task.name, line) for line in row["warnings"]]
                    finished.append(one.task)
            on_progress(finished, True)
            del outputs
            give_back_memory()
        every = {row["id"]: row for row in manifest_rows(folder / MANIFEST)}
        write_json_lines(every.values(), folder / MANIFEST)  # without the lines of what was replaced
        ends = [(name, row["stopped"], row["attempts"]) for name, row in every.items()]
        ends.sort(key=lambda end: end[0].encode())
        write_lines(place / "stopped", (f"{name} {int(stopped)} {attempts}" for name, stopped, attempts in ends))
    return result


def model_settings(
    pipeline: Any, model: str | None, device: str, dtype: str, adapter: str | Path | None = None, **options: Any
) -> dict[str, Any]:
    """All of a model that audio depends on, as plain values: its files and those of its adapter, how it samples where
    `options` (of `pipeline.batch` and of `SpeechRequest`) are silent, and what computes."""
    stats = _file_stats(Path(named_folder(model)))
    if adapter is not None:
        options = {**options, "adapter": [str(adapter), _file_stats(Path(adapter))]}
    if isinstance(getattr(pipeline, "vae", None), SpeechVAE):  # which may be in another folder than the model's
        options = {**options, "formant_contrast": pipeline.vae.config.vocos.formant_contrast}
    if hasattr(pipeline, "sampling"):
        chosen = pipeline.sampling.override(**{name: options[name] for name in OPTIONS if name in options})
        options = {**options, **asdict(chosen)}
    return {"model": [str(model), stats], "version": __version__, "device": device, "dtype": dtype, **options}


def _batches(begun: Iterable[_Speaking], size: int) -> Iterator[list[tuple[_Speaking, int]]]:
    """Pieces of consecutive tasks that may share a batch, `size` at a time; tasks begin only when needed."""
    waiting: deque[tuple[_Speaking, int]] = deque()
    for one in begun:
        if waiting and waiting[0][0].task.batch_options != one.task.batch_options:
            yield list(waiting)
            waiting.clear()
        waiting.extend((one, number) for number in range(len(one.pieces)))
        while len(waiting) >= size:
            yield [waiting.popleft() for _ in range(size)]
    if waiting:
        yield list(waiting)


def _write(folder: Path, audio: str, one: _Speaking, times: str | None) -> dict[str, Any]:
    """Write the audio of a finished task, and its times in that format; returns its line of the manifest."""
    outputs, first = one.outputs, one.outputs[0]
    waveform, timing = join(one.pieces, outputs)
    language = one.task.request_options.get("language", "en-us")
    file = Path(audio) / f"{one.task.name}.wav"
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    seconds, its_times = len(waveform) / first.sample_rate, {}
    if times is not None:
        its_times = {"times": str(Path(audio) / f"{one.task.name}.{times}")}
        write_times(folder / its_times["times"], timing, seconds)
    write_audio(folder / file, waveform, first.sample_rate)
    return {
        "id": one.task.name,
        "file": str(file),
        "text": plain_text(one.task.text, language),  # what `ditar evaluate` listens for
        **one.task.note,
        **its_times,
        "seconds": round(seconds, 3),
        "took_s": round(one.took_s, 4),  # its share of the time of its batches
        "pieces": len(one.pieces),
        "seeds": [output.seed for output in outputs],
        "stopped": all(output.stopped for output in outputs),
        "attempts": max(output.attempts for output in outputs),
        "wrong": "; ".join(dict.fromkeys(output.wrong for output in outputs if output.wrong)) or None,
        "warnings": list(dict.fromkeys([*one.warnings, *(line for output in outputs for line in output.warnings)])),
    }


def _file_stats(folder: Path) -> list[list[Any]]:
    """Name, size and time of each file of weights or settings below a folder."""
    files = sorted([*folder.rglob("*.safetensors"), *folder.rglob("*.json")]) if folder.is_dir() else []
    return [[str(path.relative_to(folder)), path.stat().st_size, path.stat().st_mtime_ns] for path in files]
