"""Score a folder of synthesised speech: words, closed-set recognition, similarity, and what else went wrong.

`score` judges one system; `hear` and `compare` ask how much a resynthesis (a VAE's, say) costs in words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ditar.evaluate.inputs import (
    EvaluationError,
    list_audio,
    match_ids,
    quote,
    read_sentences,
    read_stopped,
    read_text,
    read_waveform,
)
from ditar.evaluate.outputs import inspect_output, output_rates
from ditar.evaluate.recognise import RECOGNISER_RATE_HZ, recogniser_name, recognise
from ditar.evaluate.report import finite, prepare_folder, write_report
from ditar.evaluate.similarity import (
    Likeness,
    embed_files,
    embedder_name,
    likeness,
    list_references,
    list_speakers,
    read_speakers,
)
from ditar.evaluate.words import (
    NORMALISER,
    WordErrors,
    bootstrap_interval,
    closed_set_hits,
    corpus_rate,
    paired_ratio,
    plain_words,
    word_errors,
)


def score(
    wav_dir: str | Path,
    text_file: str | Path,
    reference_dir: str | Path | None = None,
    original_dir: str | Path | None = None,
    closed_set: Iterable[str | Path] = (),
    out: str | Path | None = None,
    workers: int | None = None,
    resamples: int = 2000,
    seed: int = 0,
    progress: bool = True,
) -> dict[str, Any]:
    """Score `<wav_dir>/<utt>.wav` (any rate; or a Kaldi folder with wav.scp) against a Kaldi `text` file.

    A table `stopped` in the folder (`read_stopped`; recipes/decode.py writes one) tells the rate of outputs that did
    not end by themselves.

    reference_dir: clips that the voices were cloned from (one for all, or `<utt>.wav`, or by a file `utt2ref`); adds
        similarity, and identification among their speakers (by `utt2spk` in that folder, else one each).
    original_dir: recordings of the same utterances; adds their figures, and ratios to them with paired intervals. Their
        similarity is over utterances whose reference is of the original's own speaker, by `utt2spk` in both folders.
    closed_set: files of further sentences (decoys), one a line, or Kaldi files named `text`; adds the share of outputs
        recognised as their own sentence among these and all sentences of `text_file`.
    out: folder for score.json, utterances.jsonl and score.md; made where it does not exist.
    workers: processes of the recogniser, by default one per core (see `recognise` about scripts without a main guard).
    resamples, seed: of the bootstrap; intervals are 95 %.

    Returns what score.json holds: `utterances`, `wer`, `cer`, `closed_set`, `similarity`, `outputs`, `original`,
    `settings`; a part that was not asked for is None, and so are an infinite ratio and a rate that is not known.
    EvaluationError quotes names and remedy.
    """
    audio, texts = list_audio(wav_dir), read_text(text_file)
    match_ids(audio, texts, wav_dir, text_file)
    originals = _subset(list_audio(original_dir), texts, original_dir) if original_dir is not None else None
    stopped = read_stopped(wav_dir, audio)
    clips, speakers, own = None, {}, {}
    if reference_dir is not None:
        clips = list_references(reference_dir, sorted(audio))
        speakers = list_speakers(reference_dir, clips)
        whose = read_speakers(original_dir) if originals else {}
        own = {utt: originals[utt] for utt in audio if whose.get(utt) == speakers[utt]}
    names = {"recogniser": recogniser_name(), "embedder": None if reference_dir is None else embedder_name()}
    if out is not None:
        prepare_folder(out)  # before minutes of work
    sentences = _closed_sentences(closed_set, texts)
    bootstrap = {"resamples": resamples, "seed": seed}

    facts = {utt: inspect_output(read_waveform(path, RECOGNISER_RATE_HZ), RECOGNISER_RATE_HZ, texts[utt],
                                 _duration_s(originals[utt]) if originals else None)
             for utt, path in audio.items()}
    chosen = recognise(audio, sentences, workers, progress) if sentences else None  # first: bad sentences fail soon
    likenesses, similarity = None, None
    if clips is not None:
        likenesses, similarity = _similarity(audio, own, clips, speakers, progress)
    heard, errors = _hear(audio, texts, workers, progress)
    original = None
    if originals:
        original = _judge_original(originals, texts, sentences, errors, bootstrap, workers, progress)

    result = {
        "utterances": len(audio),
        "wer": _rate([e.word_errors for e in errors], [e.words for e in errors], bootstrap),
        "cer": _rate([e.character_errors for e in errors], [e.characters for e in errors], bootstrap),
        "closed_set": _accuracy(texts, chosen, sentences, bootstrap) if chosen else None,
        "similarity": similarity,
        "outputs": {
            "no_stop_rate": sum(not x.stopped for x in stopped.values()) / len(stopped) if stopped else None,
            **output_rates(list(facts.values())),
        },
        "original": original,
        "settings": {
            **names,
            "normaliser": NORMALISER,
            "bootstrap": {**bootstrap, "level": 0.95},
            "wav_dir": str(wav_dir),
            "text_file": str(text_file),
            "reference_dir": None if reference_dir is None else str(reference_dir),
            "original_dir": None if original_dir is None else str(original_dir),
        },
    }
    result = finite(result)
    if out is not None:
        hits = closed_set_hits(texts, chosen) if chosen else {}
        rows = [
            {
                "utt": e.utt, "text": texts[e.utt], "heard": heard[e.utt], "wer": e.wer, "cer": e.cer,
                **({"chosen": chosen[e.utt], "hit": hits[e.utt]} if chosen else {}),
                **(asdict(likenesses[e.utt]) if likenesses else {}),
                **(asdict(stopped[e.utt]) if stopped else {}),
                **asdict(facts[e.utt]),
            }
            for e in errors
        ]  # fmt: skip
        write_report(out, result, rows)
    return result


def hear(
    wav_dir: str | Path, text_file: str | Path, workers: int | None = None, progress: bool = True
) -> list[WordErrors]:
    """Word errors of every file of a folder by free recognition; the text may be of more utterances."""
    audio, texts = list_audio(wav_dir), read_text(text_file)
    texts = {utt: text for utt, text in texts.items() if utt in audio}
    match_ids(audio, texts, wav_dir, text_file)
    return _hear(audio, texts, workers, progress)[1]


def compare(
    original: list[WordErrors], resynthesised: list[WordErrors], resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Word error of recordings and of their resynthesis, and the ratio of the two with its paired 95 % interval, from
    what `hear` returned for the two folders, which hold the same utterances.

    Returns `utterances`, `original` and `resynthesised` (each `rate`, `low`, `high`), `ratio` (`value`, `low`, `high`,
    infinite where the originals are faultless), `recogniser`.
    """
    odd = sorted({e.utt for e in original} ^ {e.utt for e in resynthesised})
    if odd:
        raise EvaluationError(f"only one of the two systems has the utterances {quote(odd)}; compare the same ones")
    bootstrap = {"resamples": resamples, "seed": seed}
    words = [e.words for e in resynthesised]
    return {
        "utterances": len(words),
        "original": _rate([e.word_errors for e in original], words, bootstrap),
        "resynthesised": _rate([e.word_errors for e in resynthesised], words, bootstrap),
        "ratio": _ratio(resynthesised, original, bootstrap),
        "recogniser": recogniser_name(),
    }


def _hear(
    audio: Mapping[str, Path], texts: Mapping[str, str], workers: int | None, progress: bool
) -> tuple[dict[str, str], list[WordErrors]]:
    heard = recognise(audio, None, workers, progress)
    return heard, word_errors(texts, heard)


def _subset(audio: dict[str, Path], texts: Mapping[str, str], folder: str | Path) -> dict[str, Path]:
    missing = sorted(texts.keys() - audio.keys())
    if missing:
        raise EvaluationError(f"{len(missing)} of {len(texts)} utterances have no original in {str(folder)!r}: "
                              f"{quote(missing)}; add them, or leave the originals out")
    return {utt: audio[utt] for utt in texts}


def _closed_sentences(files: Iterable[str | Path], texts: Mapping[str, str]) -> list[str]:
    """Sentences of the closed set, or none where no file was given."""
    files = [files] if isinstance(files, (str, Path)) else list(files)
    more = [sentence for file in files for sentence in read_sentences(file)]
    return [*texts.values(), *more] if files else []


def _judge_original(
    originals: Mapping[str, Path], texts: Mapping[str, str], sentences: list[str], errors: list[WordErrors],
    bootstrap: dict[str, int], workers: int | None, progress: bool,
) -> dict[str, Any]:  # fmt: skip
    _, base = _hear(originals, texts, workers, progress)
    chosen = recognise(originals, sentences, workers, progress) if sentences else None
    return {
        "wer": _rate([e.word_errors for e in base], [e.words for e in base], bootstrap),
        "cer": _rate([e.character_errors for e in base], [e.characters for e in base], bootstrap),
        "closed_set": _accuracy(texts, chosen, sentences, bootstrap) if chosen else None,
        "wer_ratio": _ratio(errors, base, bootstrap),
    }


def _similarity(
    audio: Mapping[str, Path], originals: Mapping[str, Path], clips: Mapping[str, Path], speakers: Mapping[str, str],
    progress: bool,
) -> tuple[dict[str, Likeness], dict[str, Any]]:  # fmt: skip
    """`originals`: those of the same speaker as their reference; another speaker's would be no bound for outputs."""
    references = embed_files(clips, progress, "embedding references")
    likenesses = likeness(embed_files(audio, progress, "embedding outputs"), references, speakers)
    values = [x.similarity for x in likenesses.values()]
    upper = []
    if originals:
        embedded = embed_files(originals, progress, "embedding originals")
        upper = [x.similarity for x in likeness(embedded, references, speakers).values()]
    return likenesses, {
        "mean": sum(values) / len(values),
        "lowest": min(values),
        "identified": sum(x.identified for x in likenesses.values()) / len(values),
        "speakers": len(set(speakers.values())),
        "original_mean": sum(upper) / len(upper) if upper else None,
        "original_utterances": len(upper),
    }


def _accuracy(
    texts: Mapping[str, str], chosen: Mapping[str, str], sentences: Sequence[str], bootstrap: dict[str, int]
) -> dict[str, Any]:
    hits = closed_set_hits(texts, chosen)
    rate = _rate(list(hits.values()), [1] * len(hits), bootstrap)
    return {**rate, "sentences": len({plain_words(sentence) for sentence in sentences})}


def _rate(errors: Sequence[float], counts: Sequence[float], bootstrap: dict[str, int]) -> dict[str, float]:
    low, high = bootstrap_interval(errors, counts, **bootstrap)
    return {"rate": corpus_rate(errors, counts), "low": low, "high": high}


def _ratio(errors: list[WordErrors], base: list[WordErrors], bootstrap: dict[str, int]) -> dict[str, float | None]:
    value, low, high = paired_ratio([e.word_errors for e in errors], [e.word_errors for e in base],
                                    [e.words for e in errors], **bootstrap)
    return {"value": value, "low": low, "high": high}


def _duration_s(path: Path) -> float:
    import soundfile

    return soundfile.info(str(path)).duration
