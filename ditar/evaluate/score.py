"""Score a folder of synthesised speech, against originals and against another system.

`score` judges one system; `hear` and `compare` ask how much a resynthesis (a VAE's, say) costs in words.
"""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from ditar.evaluate.base import Base, digest_inputs
from ditar.evaluate.diversity import check_runs, plot_spread
from ditar.evaluate.inputs import (
    EvaluationError,
    check_audio,
    find_text,
    list_audio,
    match_ids,
    quote,
    read_sentences,
    read_stopped,
    read_text,
)
from ditar.evaluate.intervals import bootstrap_interval, corpus_rate, paired_difference, paired_ratio
from ditar.evaluate.judge import RESEMBLYZER, Judge
from ditar.evaluate.metrics import METRICS, WORST_BY, choose_groups
from ditar.evaluate.report import DIVERSITY, KIND, VERSION, finite, prepare_folder, write_report
from ditar.evaluate.similarity import list_references, list_speakers, read_speakers
from ditar.evaluate.words import WordErrors, choose_normaliser, word_errors
from ditar.recognise.choose import DEFAULT, make_recogniser
from ditar.recognise.files import Recogniser


def score(
    wav_dir: str | Path,
    text_file: str | Path | None = None,
    reference_dir: str | Path | None = None,
    original_dir: str | Path | None = None,
    closed_set: Iterable[str | Path] = (),
    out: str | Path | None = None,
    workers: int | None = None,
    resamples: int = 2000,
    seed: int = 0,
    progress: bool = True,
    *,
    metrics: Iterable[str] | None = None,
    against: str | Path | None = None,
    runs: Iterable[str | Path] = (),
    recogniser: str = DEFAULT,
    normaliser: str | None = None,
    embedder: str = RESEMBLYZER,
    utmos: str | Path | None = None,
    device: str = "cpu",
    language: str = "en-us",
    worst: int = 5,
    provenance: Mapping[str, Any] | None = None,
    loading: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> dict[str, Any]:
    """Score `<wav_dir>/<utt>.wav` (any rate; or a Kaldi folder with wav.scp) against a Kaldi `text` file.

    A table `stopped` in the folder (`read_stopped`; recipes/decode.py writes one) tells which outputs did not end by
    the stop head.

    Args:
        text_file: by default what `find_text` finds; not needed if no metric needs words.
        reference_dir: clips that the voices were cloned from (one for all, or `<utt>.wav`, or by a file `utt2ref`);
            adds similarity, and identification among their speakers (by `utt2spk` in that folder, else one each).
        original_dir: recordings of the same utterances; adds distortion against them, their own figures and paired
            differences. Their similarity is over utterances whose reference has the original's own speaker, by
            `utt2spk` in both folders.
        closed_set: files of further sentences (decoys), one a line, or Kaldi files named `text`; adds the share of
            outputs recognised as their own sentence among these and all sentences of `text_file`.
        out: folder for scores.json, utterances.jsonl, scores.md and diversity.png; made if it does not exist.
        workers: processes of recognisers, by default one per core (see `recognise.files.map_files` about scripts
            without a main guard).
        resamples, seed: of the bootstrap, at least 1 and 0; intervals are 95 %.
        metrics: names of `metrics.GROUPS`, by default all that have what they need.
        against: another system on the same utterances: its folder of audio, or the `out` of its evaluation.
        runs: folders of the same utterances made again with other seeds; adds the spread of their voices.
        recogniser, normaliser, embedder: see `judge.Judge`.
        utmos: see `quality.UTMOS`.
        device: for Whisper, checkpoints, DistillMOS and UTMOS.
        language: espeak's name of what is spoken.
        worst: how many of the worst outputs to list for each of `metrics.WORST_BY`.
        provenance: stored with the figures.
        loading: entered while the judges are imported and loaded.

    Returns the content of scores.json: `kind`, `version`, `utterances`, `metrics` ({name: value, low, high,
    utterances}), `speakers`, `runs`, `original` and `against` (each with `metrics`, `differences` and `wer_ratio`, or
    None), `worst`, `tools`, `settings`, `provenance`, `plots` (files in `out`). An infinite ratio is None.
    EvaluationError (or the recogniser's RecogniserError) quotes names and remedy.
    """
    closed_set = [closed_set] if isinstance(closed_set, (str, Path)) else list(closed_set)
    runs = list(runs)
    audio = list_audio(wav_dir)
    text_file = text_file if text_file is not None else find_text(wav_dir)
    given = {"TEXT": text_file, "--closed-set": closed_set and text_file, "--references": reference_dir,
             "--originals": original_dir, "--utmos": utmos, "--runs": runs}  # fmt: skip
    if metrics is None and text_file is None:
        raise EvaluationError(f"no text of {str(wav_dir)!r}: neither it nor the folder above has a file `text` or "
                              "manifest.jsonl; give one, or choose metrics that need none: --metrics "
                              "outputs,distillmos")  # fmt: skip
    groups = choose_groups(metrics, (need for need, value in given.items() if value))
    texts = None
    if text_file is not None:
        texts = read_text(text_file)
        match_ids(audio, texts, wav_dir, text_file)
    originals = _subset(list_audio(original_dir), audio, original_dir) if original_dir is not None else None
    voices, own = {}, []
    if reference_dir is not None and ({"similarity", "diversity"} & set(groups)):
        clips = list_references(reference_dir, sorted(audio))
        voices = {"clips": clips, "speakers": list_speakers(reference_dir, clips)}
        whose = read_speakers(original_dir) if originals else {}
        own = [utt for utt in audio if whose.get(utt) == voices["speakers"][utt]]
    stopped = read_stopped(wav_dir, audio)
    repeated = [audio, *map(list_audio, runs)]
    check_runs([wav_dir, *runs], repeated)
    base = Base(against, audio, texts, text_file) if against is not None else None
    if base is not None and out is not None and Path(out).resolve() == Path(against).resolve():
        raise EvaluationError(f"{str(out)!r} is the system to compare with, whose scores would be lost; choose another "
                              "folder for these")  # fmt: skip
    systems = [*repeated, originals or {}, voices.get("clips", {}), (base.audio or {}) if base is not None else {}]
    check_audio(path for system in systems for path in system.values())
    inputs = digest_inputs(originals, voices)
    if base is not None:
        base.check_inputs(inputs, {"references": reference_dir, "originals": original_dir})
    sentences = [*texts.values(), *(s for file in closed_set for s in read_sentences(file))] if closed_set else []
    with loading():
        judge = Judge(groups, recogniser=recogniser, normaliser=normaliser, embedder=embedder, utmos=utmos,
                      device=device, sentences=sentences, workers=workers, progress=progress,
                      language=language)  # fmt: skip
    judge.check_texts(texts or {})
    if base is not None:
        base.check_tools(judge.names)
    if out is not None:
        prepare_folder(out)  # before minutes of work

    rows = judge.judge(audio, texts, originals=originals, stopped=stopped, **voices)
    embedded = judge.diversity(rows, repeated) if "diversity" in groups else None
    bootstrap = {"resamples": resamples, "seed": seed}
    result = {
        "kind": KIND,
        "version": VERSION,
        "utterances": len(audio),
        "metrics": _figures(rows, bootstrap),
        "speakers": len(set(voices["speakers"].values())) if voices else None,
        "runs": len(repeated) if embedded else None,
        "original": None,
        "against": None,
        "worst": _worst(rows, worst),
        "tools": judge.names,
    }
    if originals:
        original_rows = judge.judge(originals, texts, compared=own, **(voices if own else {}))
        result["original"] = _compared(rows, original_rows, bootstrap)
    if base is not None:
        base_rows = base.rows or judge.judge(base.audio, texts, originals=originals, stopped=base.stopped, **voices)
        result["against"] = {"name": str(against), **_compared(rows, base_rows, bootstrap)}
    result["settings"] = {
        "bootstrap": {**bootstrap, "level": 0.95},
        "wav_dir": str(wav_dir),
        "text_file": None if text_file is None else str(text_file),
        "reference_dir": None if reference_dir is None else str(reference_dir),
        "original_dir": None if original_dir is None else str(original_dir),
        "runs": [str(run) for run in runs],
        "inputs": inputs,
        "paths_from": None if out is None else os.path.relpath(".", out),  # of audio, for `ditar report`
        "seconds": {group: round(seconds, 3) for group, seconds in judge.seconds.items()},
    }
    result["provenance"] = dict(provenance or {})
    result["plots"] = []
    result = finite(result)
    if out is not None:
        try:
            if embedded:
                references = judge.embed(voices["clips"], "embedding references") if voices else None
                title = f"{len(repeated)} runs of {len(audio)} utterances"
                plot_spread(embedded, Path(out) / DIVERSITY, references, title)
                result["plots"].append(DIVERSITY)
        finally:  # figures are kept even if no picture can be made of them
            write_report(out, result, rows.values())
    return result


def hear(
    wav_dir: str | Path,
    text_file: str | Path,
    recogniser: Recogniser | None = None,
    workers: int | None = None,
    progress: bool = True,
    language: str = "en-us",
) -> list[WordErrors]:
    """Word errors of every file of a folder.

    Args:
        text_file: Kaldi's `text`; it may have more utterances.
        recogniser: by default a new one of the default kind.
        workers: its processes, by default one per core.
        language: espeak's name of what is spoken.
    """
    recogniser = recogniser or make_recogniser(language=language)
    audio, texts = list_audio(wav_dir), read_text(text_file)
    texts = {utt: text for utt, text in texts.items() if utt in audio}
    match_ids(audio, texts, wav_dir, text_file)
    check_audio(audio.values())
    normalise, _ = choose_normaliser(None, recogniser, language)
    return word_errors(texts, recogniser.recognise(audio, workers, progress), normalise)


def compare(
    original: list[WordErrors], resynthesised: list[WordErrors], resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Word error of recordings and of their resynthesis, and the ratio of the two with its paired 95 % interval, from
    what `hear` returned for the two folders, which must hold the same utterances.

    Returns `utterances`, `original` and `resynthesised` (each `rate`, `low`, `high`), `ratio` (`value`, `low`, `high`,
    infinite if the originals are faultless).
    """
    odd = sorted({e.utt for e in original} ^ {e.utt for e in resynthesised})
    if odd:
        raise EvaluationError(f"only one of the two systems has the utterances {quote(odd)}; compare the same ones")
    bootstrap = {"resamples": resamples, "seed": seed}
    words = [e.words for e in resynthesised]
    base, made = [e.word_errors for e in original], [e.word_errors for e in resynthesised]
    return {
        "utterances": len(words),
        "original": {"rate": corpus_rate(base, words), **_ends(bootstrap_interval(base, words, **bootstrap))},
        "resynthesised": {"rate": corpus_rate(made, words), **_ends(bootstrap_interval(made, words, **bootstrap))},
        "ratio": _triple(paired_ratio(made, base, words, **bootstrap)),
    }


def _subset(audio: dict[str, Path], utts: Iterable[str], folder: str | Path) -> dict[str, Path]:
    missing = sorted(set(utts) - audio.keys())
    if missing:
        raise EvaluationError(f"{len(missing)} of {len(set(utts))} utterances have no original in {str(folder)!r}: "
                              f"{quote(missing)}; add them, or leave the originals out")
    return {utt: audio[utt] for utt in utts}


def _figures(rows: Mapping[str, dict], bootstrap: dict[str, int]) -> dict[str, dict[str, Any]]:
    """{metric: value, low, high, utterances} of every metric that at least one row has."""
    found = {}
    for name, metric in METRICS.items():
        counted = [pair for row in rows.values() if (pair := metric.counted(row)) is not None]
        if counted:
            errors, counts = zip(*counted)
            interval = _ends(bootstrap_interval(errors, counts, **bootstrap))
            found[name] = {"value": corpus_rate(errors, counts), **interval, "utterances": len(counted)}
    return found


def _compared(rows: Mapping[str, dict], base_rows: Mapping[str, dict], bootstrap: dict[str, int]) -> dict[str, Any]:
    """The base's figures, and the paired difference (ours minus the base's) over utterances that both have."""
    differences, ratio = {}, None
    for name, metric in METRICS.items():
        both = [(*mine, *theirs) for utt, row in rows.items()
                if (mine := metric.counted(row)) and (theirs := metric.counted(base_rows[utt]))]  # fmt: skip
        if both:
            errors, counts, base_errors, base_counts = zip(*both)
            pairs = (errors, base_errors, counts, base_counts)
            differences[name] = {**_triple(paired_difference(*pairs, **bootstrap)), "utterances": len(both)}
            if name == "wer":
                ratio = _triple(paired_ratio(*pairs, **bootstrap))
    return {"metrics": _figures(base_rows, bootstrap), "differences": differences, "wer_ratio": ratio}


def _worst(rows: Mapping[str, dict], most: int) -> dict[str, list[dict[str, Any]]]:
    """The worst outputs by each of WORST_BY, worst first; outputs without a word error are omitted."""
    found = {}
    for metric in (METRICS[name] for name in WORST_BY):
        valued = [(metric.value(row), utt) for utt, row in rows.items() if metric.value(row) is not None]
        valued.sort(key=lambda pair: (-pair[0] if metric.better == "low" else pair[0], pair[1]))
        listed = [(value, utt) for value, utt in valued[:most] if value > 0 or metric.better == "high"]
        if listed:
            found[metric.name] = [
                {"value": value, **{key: rows[utt].get(key) for key in ("utt", "audio", "text", "heard")}}
                for value, utt in listed
            ]
    return found


def _triple(found: Sequence[float]) -> dict[str, float]:
    return {"value": found[0], **_ends(found[1:])}


def _ends(interval: Sequence[float]) -> dict[str, float]:
    return {"low": interval[0], "high": interval[1]}
