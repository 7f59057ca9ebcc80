"""The system to compare with: from its results, or its audio, and what must be alike for figures to compare."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ditar.evaluate.inputs import EvaluationError, list_audio, quote, read_stopped
from ditar.evaluate.report import SCORES, read_results
from ditar.storage.digests import digest_file, digest_values


def digest_inputs(originals: Mapping[str, Path] | None, voices: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What figures depend on besides a system's own audio, by content: `references` (of `voices`: the `clips` of each
    utterance and their `speakers`) and `originals`, without those that there are none of."""
    clips, found = voices.get("clips", {}), {}
    content = {path: digest_file(path) for path in {*clips.values(), *(originals or {}).values()}}
    if clips:
        whose = voices["speakers"]
        found["references"] = digest_values([[utt, content[clips[utt]], whose[utt]] for utt in sorted(clips)])
    if originals:
        found["originals"] = digest_values([[utt, content[originals[utt]]] for utt in sorted(originals)])
    return found


class Base:
    """The system to compare with: from its results, or its audio, which is judged later."""

    def __init__(self, folder, audio: Mapping[str, Path], texts: Mapping[str, str] | None, text_file) -> None:
        self._folder, self.rows, self.audio, self._tools, self._inputs = folder, None, None, {}, {}
        if (Path(folder) / SCORES).is_file():
            scores, rows = read_results(folder)
            self.rows, self._tools = {row["utt"]: row for row in rows}, scores["tools"]
            self._inputs = scores.get("settings", {}).get("inputs", {})  # which earlier results do not have
            utts: Iterable[str] = self.rows
            other = [utt for utt in audio if utt in self.rows and texts and self.rows[utt].get("text") != texts[utt]]
            if other:
                raise EvaluationError(f"{str(folder)!r} was scored on another text than {str(text_file)!r} of "
                                      f"{quote(other)}; score it again on this one")  # fmt: skip
        else:
            utts = self.audio = list_audio(folder)
            self.stopped = read_stopped(folder, self.audio)
        odd = sorted(audio.keys() ^ set(utts))
        if odd:
            raise EvaluationError(f"a paired comparison needs the same utterances; only one of the two systems has "
                                  f"{quote(odd)}; leave them out of both")  # fmt: skip

    def check_inputs(self, inputs: Mapping[str, str], folders: Mapping[str, str | Path | None]) -> None:
        """Nor do figures with other references, or originals; both by `digest_inputs`, with this run's folders."""
        for what, content in inputs.items():
            if self._inputs.get(what, content) != content:
                raise EvaluationError(f"{str(self._folder)!r} was scored with other {what} than those in "
                                      f"{str(folders[what])!r}; score both with the same")  # fmt: skip

    def check_tools(self, names: Mapping[str, str]) -> None:
        """Figures of two recognisers, embedders or sets of sentences do not compare."""
        for group, name in self._tools.items():
            if names.get(group, name) != name:
                raise EvaluationError(f"{str(self._folder)!r} was scored with {name!r}, this run has {names[group]!r} "
                                      f"({group}); score both with the same")  # fmt: skip
