"""Requests of clients: OpenAI's fields, and ours by name. New controls of speech get their fields here, and their way
into SpeechRequest or the pipeline's options in `asked`."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from ditar.config.sampling import RANGES, SamplingOptions
from ditar.serve.errors import ApiError, shown
from ditar.serve.settings import MAX_CHARACTERS
from ditar.serve.voices import DEFAULT
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.request import NO_TIMESTAMPS
from ditar.text import TextError
from ditar.text.lexicon import Lexicon

MODEL = "ditar"
AudioFormat = Literal["mp3", "opus", "flac", "wav", "pcm"]  # OpenAI's, but for aac, which libsndfile does not write
OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15")
TEMPERATURES, SCALES, SPEEDS = RANGES["temperature"], RANGES["guidance_scale"], RANGES["speed"]
MAX_STEPS = 64
MAX_LEXICON_WORDS = 1000
MAX_SPEAKERS = 16
MAX_SEED = 2**53 - 1  # what every reader of JSON reads exactly


class VoiceId(BaseModel):
    """OpenAI's form of a voice made by a client."""

    model_config = ConfigDict(extra="forbid")

    id: str


def _voice_name(value: Any) -> Any:
    """That of OpenAI's form; anything else as it is, for pydantic to refuse as the one thing that is expected."""
    return value["id"] if isinstance(value, dict) and value.keys() == {"id"} else value


class SpeechOptions(BaseModel):
    """Options of speech, whatever the text."""

    model_config = ConfigDict(extra="forbid")

    model: Annotated[str, Field(description=f"{MODEL}; OpenAI's names of models mean the same")] = MODEL
    voice: Annotated[
        str, BeforeValidator(_voice_name, json_schema_input_type=str | VoiceId), Field(
            description="a name of /v1/audio/voices, or a blend of two, heart:0.7+michael:0.3; OpenAI's names mean ours"
        ),
    ] = DEFAULT
    response_format: AudioFormat = "mp3"
    speed: Annotated[float, Field(ge=SPEEDS[0], le=SPEEDS[1])] = 1.0
    instructions: Annotated[str | None, Field(description="ignored, and a header says so")] = None
    temperature: Annotated[
        float | None,
        Field(
            ge=TEMPERATURES[0],
            le=TEMPERATURES[1],
            description="where noise enters, 0 to 1; for a model of tokens: any from 0 on",
        ),
    ] = None
    guidance_scale: Annotated[float | None, Field(ge=SCALES[0], le=SCALES[1], description="1 is off")] = None
    steps: Annotated[int | None, Field(ge=1, le=MAX_STEPS, description="diffusion steps of a patch")] = None
    seed: Annotated[
        int | None, Field(ge=0, le=MAX_SEED, description="the same one gives the same audio; X-Ditar-Seed says which")
    ] = None
    language: Annotated[
        str | None,
        Field(max_length=40, description="espeak-ng's name of it; the server's, en-us unless it says otherwise"),
    ] = None
    lexicon: Annotated[
        dict[Annotated[str, Field(max_length=200)], Annotated[str, Field(max_length=400)]] | None,
        Field(max_length=MAX_LEXICON_WORDS, description="pronunciations by word, in the IPA or CMU's symbols"),
    ] = None
    timestamps: Annotated[
        bool,
        Field(description="when each word and each sound is spoken; for a model whose entry in /v1/models says so"),
    ] = False


class SpeechBody(SpeechOptions):
    """The body of POST /v1/audio/speech."""

    input: Annotated[str, Field(description=f"what to say, up to {MAX_CHARACTERS} characters")]
    voices: Annotated[
        dict[Annotated[str, Field(max_length=64)], str] | None,
        Field(
            max_length=MAX_SPEAKERS,
            description="by the names of speakers: `input` is a script, with lines '[anna] Good morning.'",
        ),
    ] = None
    stream_format: Annotated[
        Literal["audio", "sse", "json"],
        Field(
            description="sse: events with audio in base64, and a last one with its usage; json: all of that at once, "
            "when it is finished"
        ),
    ] = "audio"


@dataclass(frozen=True)
class Asked:
    """voice: its name; request_options, options: of SpeechRequest, and of the pipeline's call; ignored: fields without
    effect; lexicon: pronunciations of words."""

    voice: str
    request_options: dict[str, Any]
    options: dict[str, Any]
    ignored: tuple[str, ...]
    lexicon: Lexicon


def check_input(text: str) -> None:
    """ApiError if there is nothing to say, too much, or no valid text."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        message = f"input {shown(text)} holds half a character, a lone surrogate; send it whole"
        raise ApiError(422, message, param="input")
    if not text.strip():
        raise ApiError(422, f"input {shown(text)} has nothing to say; give at least one word", param="input")
    if len(text) > MAX_CHARACTERS:
        raise ApiError(
            413, f"input has {len(text)} characters, {MAX_CHARACTERS} is the limit; send it in parts", param="input"
        )


def asked(body: SpeechOptions, pipeline: Any, language: str) -> Asked:
    """The arguments for a pipeline; language: of a body that names none. ApiError names what is impossible."""
    if body.model not in (MODEL, *OPENAI_MODELS):
        names = ", ".join((MODEL, *OPENAI_MODELS))
        raise ApiError(404, f"model {shown(body.model)} is not served here; there is {names}", param="model",
                       code="model_not_found")  # fmt: skip
    if body.timestamps and not pipeline.text_config.reads_monotonically:
        raise ApiError(422, NO_TIMESTAMPS, param="timestamps")
    if body.timestamps and getattr(body, "stream_format", "") == "audio":
        message = 'timestamps cannot be in a file of audio; give stream_format "sse" or "json"'
        raise ApiError(422, message, param="stream_format")
    request_options = {
        name: value
        for name in ("temperature", "guidance_scale")
        if (value := getattr(body, name)) is not None
    }
    request_options["language"] = language if body.language is None else body.language
    if body.speed != 1.0:
        request_options["speed"] = body.speed
    if body.timestamps:
        request_options["timestamps"] = True
    options = {} if body.steps is None else {"num_inference_steps": body.steps}
    try:
        chosen = {name: value for name, value in request_options.items() if name in ("temperature", "guidance_scale")}
        if isinstance(pipeline, ContinuousPipeline):
            sampling: SamplingOptions = pipeline.sampling
            sampling = sampling.override(**chosen, **options)
            pipeline.ditar.config.check_sampling(sampling.guidance_scale, sampling.solver, sampling.guidance_rise)
        else:
            pipeline.decoding_options(**chosen, **options)
    except ValueError as error:
        message = str(error).replace("num_inference_steps", "steps")
        wrong = next((name for name in ("temperature", "guidance_scale", "steps") if name in message), None)
        raise ApiError(422, message, param=wrong) from None
    try:
        lexicon = Lexicon(body.lexicon)
    except TextError as error:
        raise ApiError(422, str(error), param="lexicon") from None
    return Asked(body.voice, request_options, options, ("instructions",) if body.instructions else (), lexicon)
