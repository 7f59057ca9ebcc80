"""The discrete baseline: delayed multi-stream token LM, one model and five configurations.

    codes (B, Q, T) -> delay.py: steps (B, Q, S) -> lm.py: logits (B, Q, S, V) for each kind of streams
    text -> batch.py: phonemes or an encoded text; or the text is a stream, or a category among the codes
    loss.py trains it, generate.py continues codes
"""

from ditar.baseline.delay import DelayPattern
from ditar.baseline.lm import TokenLM

__all__ = ["DelayPattern", "TokenLM"]
