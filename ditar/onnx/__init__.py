"""Speaks from a folder that `ditar export MODEL DIR --format onnx` wrote, without torch: numpy, onnxruntime, and our
text and audio.

    text + voice -> ids, latents         speaker (prepare, voices)
      -> patches                         generate (folder: graphs; ddim, reading: numpy)
      -> waveform                        vocoder

    from ditar.onnx import Speaker

    speaker = Speaker("DIR")
    speech = speaker("Good morning.", "heart", seed=1)   # speech.audio (S,) at speech.sample_rate

What it computes is what `ditar.synthesis` computes in float32, within rounding; its noise is its own. In 8 bits the
scales of a product come from all that is multiplied at once, so that a stream, a call and a batch speak alike, and not
the same.
"""

from ditar.onnx.ddim import Sampling
from ditar.onnx.request import SpeechOutput, SpeechRequest
from ditar.onnx.speaker import Speaker, SpeechError
from ditar.onnx.voices import Voice, VoiceError

__all__ = ["Sampling", "Speaker", "SpeechError", "SpeechOutput", "SpeechRequest", "Voice", "VoiceError"]
