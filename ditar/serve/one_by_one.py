"""One utterance at a time: for a model that draws tokens, whose audio comes when all of them exist."""

from collections.abc import Callable, Sequence

from ditar.audio.trim import StreamTrimmer
from ditar.serve.engine import Ended, QueuedUtterance
from ditar.synthesis.token_pipeline import TokenPipeline


class _Cancelled(Exception):
    pass


class OneByOne:
    """A `Speaker`. A step speaks one utterance; one that is cancelled ends within a frame."""

    end: Callable[[QueuedUtterance, Ended], None]

    def __init__(self, pipeline: TokenPipeline):
        self.pipeline = pipeline
        self._begun: list[QueuedUtterance] = []

    def __len__(self) -> int:
        return len(self._begun)

    @property
    def utterances(self) -> Sequence[QueuedUtterance]:
        """Those under way."""
        return self._begun

    def begin(self, utterances: Sequence[QueuedUtterance]) -> None:
        """See Speaker."""
        self._begun += utterances

    def step(self) -> None:
        """See Speaker."""
        utterance = self._begun[0]

        def look() -> None:
            if utterance.cancelled:
                raise _Cancelled

        try:
            look()
            (output,) = self.pipeline.batch(
                [utterance.request], max_retries=utterance.max_retries, on_frame=look, **utterance.options
            )
            trimmed = StreamTrimmer(output.sample_rate, *utterance.cut)
            utterance.tell(trimmed(output.audio, final=True))
            ended = Ended(None, False, output.wrong, output.seed, output.attempts, output.patches, output.warnings)
        except _Cancelled:
            ended = Ended(cancelled=True)
        except Exception as error:  # noqa: BLE001  whoever asked is told
            ended = Ended(error=error)
        self._begun.remove(utterance)
        self.end(utterance, ended)
