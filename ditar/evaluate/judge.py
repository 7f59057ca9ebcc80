"""The same judges for every system of an evaluation: each tool is made once, before minutes of work, and named."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ditar.evaluate import parallel, prosody
from ditar.evaluate.diversity import runs_by_utterance, voice_spread
from ditar.evaluate.inputs import Ending, EvaluationError, import_for_evaluation, quote, read_judged_audio
from ditar.evaluate.outputs import inspect_output
from ditar.evaluate.similarity import Embedder, embed_files, likeness
from ditar.evaluate.words import (
    choose_normaliser,
    closed_set_hits,
    has_word,
    plain_words,
    spoken_words,
    word_errors,
)
from ditar.recognise import RECOGNISER_RATE_HZ
from ditar.recognise.choose import DEFAULT, make_recogniser
from ditar.recognise.pocketsphinx import Pocketsphinx
from ditar.text.pronunciation import is_english

RESEMBLYZER = "resemblyzer"  # any other name is a checkpoint's


class Judge:
    """Measures files; `names` says with which tool, by group, and `seconds` adds up the time of each group.

    Args:
        groups: of `metrics.GROUPS`.
        recogniser: see `recognise.choose`.
        normaliser: of `recognise.choose.NORMALISERS`, or None for the recogniser's own.
        embedder: "resemblyzer", else a checkpoint of transformers.
        utmos: see `quality.UTMOS`.
        sentences: the closed set, for pocketsphinx.
        device: for Whisper, checkpoints, DistillMOS and UTMOS: "cpu", "cuda", ...
        workers: processes of recognisers, by default one per core.
        language: espeak's name of what is spoken.
    """

    def __init__(
        self,
        groups: Sequence[str],
        *,
        recogniser: str = DEFAULT,
        normaliser: str | None = None,
        embedder: str = RESEMBLYZER,
        utmos: str | Path | None = None,
        sentences: Sequence[str] = (),
        device: str = "cpu",
        workers: int | None = None,
        progress: bool = True,
        language: str = "en-us",
    ):
        self.groups, self.names, self.seconds = list(groups), {}, {}
        self._workers, self._progress = workers, progress
        english = is_english(language)
        self._as_said = plain_words if english else partial(spoken_words, language=language)
        if "closed_set" in groups and not english:
            raise EvaluationError(
                f"closed-set recognition (pocketsphinx) hears English only, and {language!r} is spoken; leave "
                "--closed-set out"
            )
        self._embedded: dict[str, np.ndarray] = {}
        if "words" in groups:
            import_for_evaluation("jiwer")
            self._recogniser = make_recogniser(recogniser, device, language=language)
            self._normalise, normaliser_name = choose_normaliser(normaliser, self._recogniser, language)
            self.names |= {"words": self._recogniser.name, "normaliser": normaliser_name}
        if "closed_set" in groups:
            self._closed_set = Pocketsphinx(sentences)
            plain = sorted({plain_words(sentence) for sentence in sentences})
            digest = hashlib.sha256("\n".join(plain).encode()).hexdigest()[:8]
            self.names["closed_set"] = f"{self._closed_set.name}, {len(plain)} sentences sha256 {digest}"
        if "similarity" in groups or "diversity" in groups:
            self._load_embedder(embedder, device)
        self._raters = []
        if "distillmos" in groups:
            from ditar.evaluate.quality import DistillMOS

            self._distillmos = DistillMOS(device)
            self.names["distillmos"] = self._distillmos.name
        if "dnsmos" in groups:
            from ditar.evaluate.quality import DNSMOS

            self._raters.append(("dnsmos", DNSMOS()))
        if "utmos" in groups:
            from ditar.evaluate.quality import UTMOS

            self._raters.append(("utmos", UTMOS(utmos, device)))
        self.names |= {group: rater.name for group, rater in self._raters}
        for group, method, packages in (("prosody", prosody, ("parselmouth",)),
                                        ("parallel", parallel, ("parselmouth", "librosa"))):  # fmt: skip
            if group in groups:
                self.names[group] = method.METHOD
                for package in packages:
                    import_for_evaluation(package)

    def check_texts(self, texts: Mapping[str, str]) -> None:
        """EvaluationError if the words of a text cannot be counted, before anything is recognised."""
        if "words" in self.groups:
            wordless = sorted(utt for utt, text in texts.items() if not has_word(self._normalise(text)))
            if wordless:
                raise EvaluationError(f"the texts of {quote(wordless)} have no word, such as {texts[wordless[0]]!r}; "
                                      "leave them out, audio and text")  # fmt: skip

    def judge(
        self,
        audio: Mapping[str, Path],
        texts: Mapping[str, str] | None = None,
        *,
        clips: Mapping[str, Path] | None = None,
        speakers: Mapping[str, str] | None = None,
        compared: Sequence[str] | None = None,
        originals: Mapping[str, Path] | None = None,
        stopped: Mapping[str, Ending] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """{utt: row} of one system's files, with those groups that the arguments allow.

        Args:
            audio: the file of each utterance.
            texts: what should be said in them.
            clips, speakers: the reference of each utterance, and whose it is.
            compared: the utterances compared with their reference, by default all.
            originals: recordings of the same sentences.
            stopped: how each output ended, see `inputs.read_stopped`.
        """
        rows: dict[str, dict[str, Any]] = {utt: {"utt": utt, "audio": str(path)} for utt, path in audio.items()}
        texts = texts or {}
        for utt, row in rows.items():
            row |= {"text": texts[utt]} if utt in texts else {}
        if "closed_set" in self.groups:
            with self._timed("closed_set"):
                chosen = self._closed_set.recognise(audio, self._workers, self._progress)
                for utt, hit in closed_set_hits(texts, chosen).items():
                    rows[utt] |= {"chosen": chosen[utt], "hit": hit}
        if "similarity" in self.groups and clips:
            with self._timed("similarity"):
                self._compare_voices(rows, audio, clips, speakers, compared)
        if "words" in self.groups and texts:
            with self._timed("words"):
                self._compare_words(rows, audio, texts)
        if "distillmos" in self.groups:
            with self._timed("distillmos"):
                for utt, found in self._distillmos.rate(audio, self._workers, self._progress).items():
                    rows[utt] |= found
        self._listen(rows, audio, texts, originals)
        for utt, ending in (stopped or {}).items() if "outputs" in self.groups else ():
            rows[utt] |= {"no_stop": not ending.stopped, "attempts": ending.attempts}
        return rows

    def embed(self, audio: Mapping[str, Path], title: str) -> dict[str, np.ndarray]:
        """{utt: (D,)}; a file is embedded only once."""
        new = {utt: path for utt, path in audio.items() if str(path) not in self._embedded}
        for utt, embedding in embed_files(new, self._progress, title, self._embedder).items() if new else ():
            self._embedded[str(new[utt])] = embedding
        return {utt: self._embedded[str(path)] for utt, path in audio.items()}

    def diversity(
        self, rows: Mapping[str, dict[str, Any]], runs: Sequence[Mapping[str, Path]]
    ) -> dict[str, np.ndarray]:
        """Adds `spread` to the rows; returns the embeddings (runs, D) of each utterance."""
        with self._timed("diversity"):
            embedded = runs_by_utterance([self.embed(run, f"embedding run {n}") for n, run in enumerate(runs, 1)])
            for utt, embeddings in embedded.items():
                rows[utt]["spread"] = voice_spread(embeddings)
        return embedded

    def _compare_voices(self, rows, audio, clips, speakers, compared) -> None:
        references = self.embed(clips, "embedding references")
        utts = audio if compared is None else compared
        outputs = self.embed({utt: audio[utt] for utt in utts}, "embedding outputs")
        for utt, found in likeness(outputs, references, speakers).items():
            rows[utt] |= asdict(found)

    def _compare_words(self, rows, audio, texts) -> None:
        heard = self._recogniser.recognise(audio, self._workers, self._progress)
        for found in word_errors(texts, heard, self._normalise):
            rows[found.utt] |= {
                "heard": heard[found.utt], **asdict(found), "wer": found.wer, "cer": found.cer,
                "unfinished": found.unfinished, "repeating": bool(found.repeated),
            }  # fmt: skip

    def _listen(self, rows, audio, texts, originals) -> None:
        """The results of one pass over the waveforms."""
        asked = ("outputs", "prosody", "parallel", "dnsmos", "utmos")
        groups = [name for name in asked if name in self.groups]
        if not groups:
            return
        from tqdm import tqdm

        for utt, path in tqdm(audio.items(), desc="listening", unit="utt", disable=not self._progress):
            waveform = read_judged_audio(path, RECOGNISER_RATE_HZ)
            original = read_judged_audio(originals[utt], RECOGNISER_RATE_HZ) if originals else None
            if "outputs" in groups:
                with self._timed("outputs"):
                    original_s = None if original is None else len(original) / RECOGNISER_RATE_HZ
                    rows[utt] |= asdict(inspect_output(waveform, RECOGNISER_RATE_HZ, texts.get(utt), original_s))
            if "prosody" in groups:
                with self._timed("prosody"):
                    rows[utt] |= asdict(prosody.describe_prosody(waveform, self._as_said(texts.get(utt, ""))))
            if "parallel" in groups and original is not None:
                with self._timed("parallel"):
                    rows[utt] |= asdict(parallel.compare_parallel(waveform, original))
            for group, rater in self._raters:
                with self._timed(group):
                    rows[utt] |= rater.score(waveform)

    def _load_embedder(self, embedder: str, device: str) -> None:
        if embedder == RESEMBLYZER:
            self._embedder = Embedder()
        else:
            from ditar.evaluate.checkpoints import CheckpointEmbedder

            self._embedder = CheckpointEmbedder(embedder, device)
        self.names |= {group: self._embedder.name for group in ("similarity", "diversity") if group in self.groups}

    @contextmanager
    def _timed(self, group: str) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[group] = self.seconds.get(group, 0.0) + time.perf_counter() - started
