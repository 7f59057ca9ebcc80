"""Exported tiny models: what `ditar.onnx` says in numpy and onnxruntime is what torch says, in every part and as a
whole, and neither of them is needed by the other."""

import copy
import json
import pickle
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from ditar.audio.trim import pauses
from ditar.config import BlockConfig, to_dict
from ditar.diffusion.ddim import DDIM
from ditar.model.ditar import DiTAR
from ditar.storage import ModelError
from ditar.synthesis import request as of_torch
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.voice import SpeakerEmbedding, blend_voices
from ditar.synthesis.voice_file import save_voice
from ditar.text.errors import TextError
from ditar.text.frontend import TextFrontend
from ditar.text.lexicon import Lexicon
from ditar.text.pieces import gaps
from ditar.vae.speech_vae import SpeechVAE
from ditar.vae.streaming import StreamingDecoder
from tests.quiet import QUIET, quiet_ends
from tests.tiny import clip, tiny_pipeline

onnxruntime = pytest.importorskip("onnxruntime")
onnx = pytest.importorskip("onnx")

from ditar.export.graph import ExportError  # noqa: E402
from ditar.export.write import export_onnx  # noqa: E402
from ditar.onnx import Sampling, Speaker, SpeechError, SpeechRequest, VoiceError  # noqa: E402
from ditar.onnx import ddim, generate, prepare, speaker as speaking, vocoder  # noqa: E402
from ditar.onnx.folder import Model  # noqa: E402

TEXT, CLIP_TEXT = "Good morning to you.", "Hello there."
FAST = {"num_inference_steps": 2, "max_retries": 0}
CLOSE = 1e-3  # of audio; full scale is 1


def torchs(seed):
    """The noise that torch draws for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda shape: torch.randn(shape, generator=generator).numpy()


def with_source(pipeline):
    """The same with a source-filter vocoder, whose weights matter."""
    torch.manual_seed(1)
    vocos = {"width": 16, "layers": 1, "ffn": 16, "source_filter": True, "formant_contrast": 0.2}
    spectral = {"width": 16, "layers": 1, "ffn": 16, "noise_floor": 3e-5}
    vae = SpeechVAE(vocos=vocos, spectral=spectral, latent_channels=8)
    head = vae.decoder.head
    torch.nn.init.normal_(head.pitch.out.weight, std=1.0)
    head.out.bias.data[[*range(601), *range(1202, 1803)]] -= 2.5  # all harmonics as loud would magnify rounding
    return ContinuousPipeline(vae, pipeline.ditar)


def with_contrast(pipeline):
    """The same with formants that stand out."""
    config = replace(pipeline.vae.config, vocos=replace(pipeline.vae.config.vocos, formant_contrast=0.3))
    vae = SpeechVAE(**to_dict(config))
    vae.load_state_dict(pipeline.vae.state_dict())
    return ContinuousPipeline(vae, pipeline.ditar)


def with_layers_of_a_text_lm(pipeline):
    """The same with an LM as Qwen2's."""
    lm = BlockConfig(2, 16, 2, 24, "gated", kv_heads=1, qkv_bias=True, rope_base=100.0, norm_epsilon=1e-3)
    return ContinuousPipeline(pipeline.vae, DiTAR(replace(pipeline.ditar.config, lm=lm)))


def that_listens(pipeline):
    """The same with a LocDiT to which scale and length of the step matter, as they do once it is trained."""
    jump = pipeline.ditar.locdit.jump
    for last in (jump.guidance, jump.length.out, pipeline.ditar.locdit.out):
        torch.nn.init.normal_(last.weight, std=0.5)
    return pipeline


FORMS = {
    "plain": lambda: with_contrast(tiny_pipeline()),
    "monotonic": lambda: with_source(tiny_pipeline(alignment="monotonic", audio_positions="continue")),
    "prefix cached": lambda: tiny_pipeline(locdit_prefix_cached=True, history_patches=2),
    "text lm": lambda: with_layers_of_a_text_lm(tiny_pipeline()),
    "no history": lambda: tiny_pipeline(history_patches=0),
    "distilled": lambda: that_listens(tiny_pipeline(distilled_guidance=4.0, alignment="monotonic")),
}


@pytest.fixture(autouse=True)
def growing(monkeypatch):
    """Keys and values outgrow their arrays every few patches, in short speech too."""
    monkeypatch.setattr(generate, "GROWTH", 3)


@pytest.fixture(scope="module", params=FORMS)
def form(request, tmp_path_factory):
    return exported(request.param, tmp_path_factory.mktemp("onnx") / "model")


def exported(name, folder):
    """A pipeline, and the speaker of its folder with torch's noise."""
    pipeline = FORMS[name]()
    pipeline.set_progress_bar_config(disable=True)
    for parameter in pipeline.ditar.parameters():  # everything counts, what starts as zeros too
        parameter.data += 0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3))
    pipeline.ditar.stop_head.bias.data.fill_(-20.0)
    export_onnx(pipeline, folder)
    return pipeline, Speaker(folder, noise=torchs)


def voices(form):
    pipeline, speaker = form
    return pipeline.create_voice(clip(), CLIP_TEXT), speaker.create_voice(clip(), CLIP_TEXT)


def test_a_reference_is_read_as_torch_reads_it(form):
    theirs, ours = voices(form)
    np.testing.assert_allclose(ours.latents, theirs.latents.numpy(), atol=CLOSE)
    assert (ours.symbols, ours.seconds, ours.vae) == (theirs.symbols, theirs.seconds, theirs.vae)
    shipped = form[0].create_voice()
    np.testing.assert_allclose(form[1].voice().latents, shipped.latents.numpy(), atol=CLOSE)
    assert form[1].voice().text == shipped.text


@pytest.mark.parametrize(
    "options",
    [
        {}, {"temperature": 0.5}, {"guidance_scale": 1.0}, {"guidance_steps": (0.0, 0.5), "time_grid": "sway"},
        {"guidance_rise": 4.0, "guidance_scale": 3.0}, {"num_inference_steps": 1},
    ],
    ids=["as it comes", "temperature", "no guidance", "some guidance", "rising guidance", "one step"],
)  # fmt: skip
def test_the_same_noise_makes_the_same_speech(form, options):
    pipeline, speaker = form
    theirs, ours = voices(form)
    options = FAST | options
    if "guidance_rise" in options and pipeline.ditar.config.is_distilled:
        for speak in (pipeline, speaker):
            with pytest.raises(ValueError, match="taught one guidance scale for all times, got guidance_rise 4"):
                speak(TEXT, **options)
        return
    (expected,) = pipeline.batch([of_torch.SpeechRequest(TEXT, theirs, seed=5)], **options)
    (made,) = speaker.batch([SpeechRequest(TEXT, ours, seed=5)], **options)
    assert made.audio.shape == expected.audio.shape and made.patches == expected.patches
    assert abs(expected.audio).max() > 50 * CLOSE
    np.testing.assert_allclose(made.audio, expected.audio, atol=CLOSE)
    assert (made.stopped, made.wrong, made.warnings) == (expected.stopped, expected.wrong, expected.warnings)


def test_rows_of_a_batch_are_as_if_alone(form):
    """Of other lengths, voices and temperatures, one of which leaves early."""
    speaker = form[1]
    voice = speaker.create_voice(clip(0.7), "Hello.")
    requests = [
        SpeechRequest(TEXT, seed=1), SpeechRequest("Yes.", voice, seed=2, temperature=0.5),
        SpeechRequest("It rains.", voice, seed=3, guidance_scale=1.0),
    ]  # fmt: skip
    together = speaker.batch(requests, batch_size=3, **FAST)
    for one, request in zip(together, requests):
        (alone,) = speaker.batch([request], **FAST)
        np.testing.assert_allclose(one.audio, alone.audio, atol=CLOSE)
    assert len({len(one.audio) for one in together}) > 1


@pytest.mark.parametrize("said", [CLIP_TEXT, ""])
def test_texts_of_one_voice_are_as_if_each_were_said_alone(form, said):
    """Of other lengths, with one transcript, which a batch of them begins with, or without; and beside other voices."""
    pipeline, speaker = form
    theirs, ours = pipeline.create_voice(clip(), said), speaker.create_voice(clip(), said)
    texts = (TEXT, "Yes.", "It rains on the roof again.")
    together = speaker.batch([SpeechRequest(text, ours, seed=7) for text in texts], batch_size=3, **FAST)
    expected = pipeline.batch([of_torch.SpeechRequest(text, theirs, seed=7) for text in texts], **FAST)
    mixed = speaker.batch([SpeechRequest(TEXT, ours, seed=7), SpeechRequest("Yes.", seed=2)], **FAST)
    for one, other in zip((*together, mixed[0]), (*expected, expected[0])):
        np.testing.assert_allclose(one.audio, other.audio, atol=CLOSE)
    assert len({len(one.audio) for one in together}) > 1


def test_a_speaker_goes_to_other_processes(tmp_path, monkeypatch):
    """It is loaded from its folder, wherever they run, and speaks as before."""
    export_onnx(tiny_pipeline(), tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    speaker = Speaker("model", threads=2)
    monkeypatch.chdir(tmp_path / "model")
    other = copy.deepcopy(speaker)  # in the way in which it is pickled
    expected = speaker(TEXT, seed=3, **FAST)
    assert np.array_equal(other(TEXT, seed=3, **FAST).audio, expected.audio) and other.model.threads == 2
    assert other.model is not speaker.model and len(pickle.dumps(speaker)) < 1000
    with ProcessPoolExecutor(1, get_context("spawn")) as processes:
        there = processes.submit(Speaker.__call__, speaker, TEXT, seed=3, **FAST).result()
    np.testing.assert_allclose(there.audio, expected.audio, atol=CLOSE)  # its arrays grow in larger steps: `growing`
    (tmp_path / "model").rename(tmp_path / "moved")
    with pytest.raises(ModelError, match="model/model.json cannot be read .*; give a folder that"):
        copy.copy(speaker)


def test_a_blend_of_the_model_s_voices_is_left_out(tmp_path):
    """It would be exported as one of its two voices."""
    pipeline = tiny_pipeline()
    pipeline.own_voices = tmp_path / "voices"
    pipeline.own_voices.mkdir()
    ann, bob = (pipeline.create_voice(clip(), CLIP_TEXT, name=name) for name in ("ann", "bob"))
    save_voice(ann, pipeline.own_voices / "ann.safetensors")
    save_voice(blend_voices([(ann, 0.6), (bob, 0.4)], "mix"), pipeline.own_voices / "mix.safetensors")
    (pipeline.own_voices / "default").write_text("ann\n")
    with pytest.warns(UserWarning, match="mix.safetensors is left out: it is a blend"):
        export_onnx(pipeline, tmp_path / "model")
    names = {path.stem for path in (tmp_path / "model/voices").iterdir()}
    assert "ann" in names and "mix" not in names
    with pytest.raises(ExportError, match="voice 'two' is a blend, and exported voices are none; give the voices that"):
        export_onnx(pipeline, tmp_path / "none", more_voices=[blend_voices([(ann, 0.6), (bob, 0.4)], "two")])
    (pipeline.own_voices / "default").write_text("mix\n")  # in which the model then speaks
    with pytest.raises(ExportError, match=f"is a blend.* write the name of one into {pipeline.own_voices}/default"):
        export_onnx(pipeline, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_adapted_voices_are_exported_and_speak_as_in_torch(form, tmp_path):
    """Beside others in a batch too."""
    pipeline, _ = form
    plain, noise = pipeline.create_voice(clip(), CLIP_TEXT, name="ann"), torch.Generator().manual_seed(5)
    vectors = 0.3 * torch.randn(pipeline.ditar.locdit.speaker_size, generator=noise)
    voice = replace(plain, embedding=SpeakerEmbedding(vectors, pipeline.speaker_space[0]))
    export_onnx(pipeline, tmp_path / "own", more_voices=[voice])
    speaker = Speaker(tmp_path / "own", noise=torchs)
    expected = pipeline.batch([of_torch.SpeechRequest(TEXT, one, seed=5) for one in (voice, plain)], **FAST)
    ours = speaker.voice("ann"), speaker.create_voice(clip(), CLIP_TEXT)
    asked = [SpeechRequest(TEXT, one, seed=5) for one in ours]
    for one, other in zip(speaker.batch(asked, batch_size=2, **FAST), expected):
        np.testing.assert_allclose(one.audio, other.audio, atol=CLOSE)
    assert not np.allclose(expected[0].audio, expected[1].audio, atol=10 * CLOSE)
    with pytest.raises(ExportError, match="'ann/b' cannot be exported under this name; give one whose name has"):
        export_onnx(pipeline, tmp_path / "own", more_voices=[replace(voice, name="ann/b")])
    with pytest.raises(ExportError, match="'eric' cannot be exported"):
        export_onnx(pipeline, tmp_path / "own", more_voices=[replace(voice, name="eric")])
    with pytest.raises(VoiceError, match="'ann' was adapted for another model than .*ditar export --voice"):
        speaker(TEXT, replace(ours[0], speaker=np.zeros(3, np.float32)), **FAST)
    with pytest.raises(VoiceError, match="'ann' was adapted for another model"):
        speaker(TEXT, replace(ours[0], adapted_for="0123"), **FAST)
    export_onnx(pipeline, tmp_path / "own")
    with pytest.raises(VoiceError, match="no voice 'ann'"):  # what the last export did not write is gone
        Speaker(tmp_path / "own").voice("ann")


def test_the_transcript_of_a_voice_is_read_once(tmp_path, monkeypatch):
    """By the first text that it speaks: the next ones read as many places less."""
    _, speaker = exported("monotonic", tmp_path / "model")
    voice, run, read = speaker.create_voice(clip(), CLIP_TEXT), speaker.model.run, []

    def counted(name, x):
        if name == "lm" and x["x"].shape[1] > 1:
            read.append(x["x"].shape[1])
        return run(name, x)

    monkeypatch.setattr(speaker.model, "run", counted)
    first, again = (speaker.batch([SpeechRequest(TEXT, voice, seed=1)], **FAST)[0].audio for _ in range(2))
    transcript, text = len(voice.symbols) + 1, len(TextFrontend.of(speaker.model.text).read(TEXT).symbols)
    own = text + 1 + len(voice.latents) // speaker.model.shape.patch_frames
    assert read == [transcript, own, own]
    np.testing.assert_array_equal(first, again)


def test_only_calls_of_many_places_share_their_work(tmp_path, monkeypatch):
    """What is read at once is; a patch, and the step after it, would wait longer for a thread than it takes."""
    _, alone = exported("monotonic", tmp_path / "model")
    load, loaded = Model._load, set()

    def noted(model, path, threads):
        loaded.add((path.stem, threads))
        return load(model, path, threads)

    monkeypatch.setattr(Model, "_load", noted)
    speaker = Speaker(tmp_path / "model", threads=2, noise=torchs)
    made, expected = (one(TEXT, seed=1, **FAST) for one in (speaker, alone))
    assert {("lm", 1), ("lm", 2), ("locdit", 1), ("vocoder", 2)} <= loaded and ("locdit", 2) not in loaded
    np.testing.assert_allclose(made.audio, expected.audio, atol=CLOSE)
    speaker.batch([SpeechRequest(TEXT, seed=seed) for seed in range(4)], **FAST)
    assert ("locdit", 2) in loaded


@pytest.mark.parametrize("graph", ["lm", "locdit", "patches"])
def test_no_scale_is_merged_into_a_product(form, tmp_path, graph):
    """onnxruntime multiplies one query with keys where they lie only if it need not scale the result."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath, options.log_severity_level = str(tmp_path / "optimised.onnx"), 3
    path = form[1].model.folder / f"{graph}.onnx"
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    nodes = onnx.load(options.optimized_model_filepath).graph.node
    products = [node for node in nodes if node.op_type == "FusedMatMul"]
    assert products
    assert all(one.f == 1.0 for node in products for one in node.attribute if one.name == "alpha")


def test_a_stream_is_what_a_call_returns(form):
    """And it says at its end what a call says of speech that never ends; reading ends by itself."""
    pipeline, speaker = form
    stream, chunks = speaker.stream(TEXT, seed=4, **FAST), []
    ends = nullcontext() if pipeline.ditar.reading else pytest.raises(SpeechError, match="did not end by itself")
    with ends:
        chunks.extend(stream)
    whole = speaker(TEXT, seed=4, **FAST)
    assert len(chunks) > 1 and whole.stopped == (pipeline.ditar.reading is not None)
    np.testing.assert_allclose(np.concatenate(chunks), whole.audio, atol=CLOSE)


def test_where_pieces_meet_a_stream_has_no_silence_but_the_pause(form, monkeypatch):
    monkeypatch.setattr(speaking, "StreamingDecoder", quiet_ends(vocoder.StreamingDecoder))
    chunks = []
    with suppress(SpeechError):  # the model may never end by itself
        chunks.extend(form[1].stream("One of the words. [pause:0.7] And another, I say.", seed=1, **FAST))
    audio = np.concatenate(chunks)
    (silence,) = [(end - begin) / 24_000 for begin, end in pauses(audio, 24_000)]
    assert abs(silence - 0.76) < 0.03  # 30 ms are kept on both sides
    assert not audio[:QUIET].any() and audio[QUIET + 1 : QUIET + 100].any()  # nothing stands before the first


@torch.no_grad()
@pytest.mark.parametrize("before", [0, 3, 30])
@pytest.mark.parametrize("pieces", [[30], [6] * 5, [1] * 30, [20, 10, 0]])
def test_the_vocoder_continues_where_it_was(form, before, pieces):
    """Piece by piece as at once, and both as torch; no latent is decoded twice."""
    pipeline, speaker = form
    latents = np.random.default_rng(0).standard_normal((60, 8)).astype(np.float32)
    given, rest = latents[30 - before : 30], latents[30:]
    ours = vocoder.StreamingDecoder(vocoder.Vocoder(speaker.model), given)
    theirs = StreamingDecoder(pipeline.vae, torch.tensor(given))
    parts, run, seen = [], speaker.model.run, 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speaker.model, "run", lambda name, inputs: counted(name, inputs) or run(name, inputs))

        def counted(name, inputs):
            nonlocal seen
            seen += inputs["latents"].shape[1]

        for number, piece in enumerate(np.split(rest, np.cumsum(pieces)[:-1])):
            ours.add(piece)
            parts.append(ours.take(final=number == len(pieces) - 1))
    theirs.add(torch.tensor(rest))
    np.testing.assert_allclose(np.concatenate(parts), theirs.take(final=True).numpy(), atol=CLOSE)
    assert seen == min(before, speaker.model.vocoder.context_latents) + 30


@pytest.mark.parametrize("grid", ddim.TIME_GRIDS)
@pytest.mark.parametrize("temperature", [0.0, 0.3, 1.0])
def test_the_solver_is_that_of_torch(grid, temperature):
    options = {"num_inference_steps": 5, "temperature": temperature, "time_grid": grid}
    ours, theirs = ddim.DDIM(Sampling(**options), torchs(1)), DDIM(5, temperature, grid)
    generator = torch.Generator().manual_seed(1)
    x, y = ours.start((4, 8)), theirs.start((4, 8), generator, torch.zeros(()))
    for index in range(5):
        u = np.cos(np.arange(32, dtype=np.float32)).reshape(4, 8) * (index + 1)
        x, y = ours.step(index, u, x), theirs.step(index, torch.tensor(u), y, generator)
    np.testing.assert_allclose(x, y.numpy(), atol=1e-5)
    assert ours.times == theirs.times


def test_a_seed_repeats_itself(form):
    speaker = Speaker(form[1].model.folder)
    one, again, other = (speaker(TEXT, seed=seed, **FAST).audio for seed in (7, 7, 8))
    assert np.array_equal(one, again) and not np.array_equal(one, other)


def test_a_long_text_has_its_pauses(form):
    speech = form[1]("[pause:0.5] One is here. [pause:1] And two!", "heart", seed=1, **FAST)
    (sounds,) = np.nonzero(speech.audio)
    assert sounds[0] >= 12_000 and 24_000 <= np.diff(sounds).max() < 25_000


def test_pauses_are_as_fast_as_the_speech_but_for_those_asked_for(form, monkeypatch):
    monkeypatch.setattr(prepare, "piece_limit", lambda *_: 15)  # a sentence
    given = form[1].model, "One is here. And two! [pause:1] Three.", form[1].voice(), 1, Lexicon(), "en-us"
    plain, fast = (gaps(prepare.read_text(*given, speed, None)[0]) for speed in (None, 2))
    assert plain[1] > 0 and fast == [0, plain[1] // 2, 24_000, 0] and plain[2] == 24_000


def test_the_seed_of_a_long_text_repeats_it(form):
    text = "One is here. And two!"
    made = form[1](text, "heart", **FAST)
    assert np.array_equal(form[1](text, "heart", seed=made.seed, **FAST).audio, made.audio)


def test_what_requests_ask_for_goes_before_what_the_model_does(form, monkeypatch):
    """A temperature of its own may need more steps than are asked for."""
    monkeypatch.setattr(form[1].model, "sampling", Sampling(temperature=0.1, num_inference_steps=8))
    request = SpeechRequest(TEXT, form[1].voice("heart"), temperature=0.0)
    (made,) = form[1].batch([request], num_inference_steps=1, max_retries=0)
    assert len(made.audio)
    with pytest.raises(ValueError, match="temperature 0.1 needs at least 2 inference steps"):
        form[1].batch([replace(request, temperature=None)], num_inference_steps=1)


@pytest.mark.parametrize("bad", [{"seed": 1.5}, {"seed": True}, {"max_retries": -1}, {"batch_size": 0}])
def test_numbers_are_checked(form, bad):
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be a whole number from .* got"):
        form[1](TEXT, **FAST | bad)
    with pytest.raises(ValueError, match="threads must be a whole number from 1"):
        Speaker(form[1].model.folder, threads=0)


def test_speed_is_followed(form):
    pipeline, speaker = form
    theirs, ours = voices(form)
    (expected,) = pipeline.batch([of_torch.SpeechRequest(TEXT, theirs, seed=5, speed=1.5)], **FAST)
    (made,) = speaker.batch([SpeechRequest(TEXT, ours, seed=5, speed=1.5)], **FAST)
    assert len(made.audio) == len(expected.audio)
    plain, fast = (speaker(TEXT, "heart", seed=5, speed=speed, **FAST).audio for speed in (None, 1.5))
    assert len(fast) == round(len(plain) / 1.5)
    streamed = []
    with suppress(SpeechError):  # its length is that of no text
        for chunk in speaker.stream(TEXT, "heart", seed=5, speed=1.5, **FAST):
            streamed.append(chunk)
    assert len(streamed) > 1 and all(map(len, streamed))
    np.testing.assert_allclose(np.concatenate(streamed), fast, atol=4e-5)  # a step of the 16 bits that are stretched


def test_8_bits_are_smaller_and_speak_alike(form, tmp_path):
    pipeline, speaker = form
    export_onnx(pipeline, tmp_path / "small", quantise=True)
    small = Speaker(tmp_path / "small", noise=torchs)
    patches = {"patches": np.ones((2, 4, 8), np.float32)}
    exact, rounded = (one.model.run("patches", patches)["embedded"] for one in (speaker, small))
    assert 0 < abs(exact - rounded).max() < 0.2 * abs(exact).max()
    assert np.isfinite(small(TEXT, seed=1, **FAST).audio).all()
    assert (tmp_path / "small/lm.onnx").stat().st_size < (speaker.model.folder / "lm.onnx").stat().st_size


def test_a_distilled_model_is_told_the_scale(tmp_path, monkeypatch):
    """Each row its own, in one evaluation a step, in 8 bits too; what it was not taught is refused."""
    pipeline, speaker = exported("distilled", tmp_path / "model")
    export_onnx(pipeline, tmp_path / "small", quantise=True)
    scales = [1.0, 2.5, 4.0]
    requests = [SpeechRequest(TEXT, seed=1, guidance_scale=scale) for scale in scales]
    for one in (speaker, Speaker(tmp_path / "small", noise=torchs)):
        seen, run = [], one.model.run
        monkeypatch.setattr(one.model, "run", lambda name, x: seen.append((name, x)) or run(name, x))
        low, _, high = (speech.audio for speech in one.batch(requests, **FAST, temperature=0.1))
        assert len(low) != len(high) or abs(low - high).max() > 10 * CLOSE
        told = [x for name, x in seen if name == "locdit"]
        assert len(told) == 2 * (sum(name == "lm" for name, _ in seen) - 1)  # one of them read the transcript
        # The first step aims at the data, to which noise is added.
        for x, (time, aim) in zip(told, ((1.0, 0.0), (0.1, 0.0))):
            assert x["scales"].tolist() == scales and set(x["aims"]) == {aim} and set(x["times"]) == {np.float32(time)}
        with pytest.raises(ValueError, match="taught guidance scales from 1 to 4, got 4.5; give one of those"):
            one(TEXT, guidance_scale=4.5)


def test_what_cannot_be_used_is_named(form, tmp_path):
    pipeline, speaker = form
    with pytest.raises(VoiceError, match="no voice 'bob'; there are eric, heart, michael, reference"):
        speaker("Hello.", "bob")
    with pytest.raises(VoiceError, match="no voice 'eric:0.5.heart:0.5'; .*speaks with one voice, and blends none"):
        speaker("Hello.", "eric:0.5+heart:0.5")
    with pytest.raises(ModelError, match="model.json cannot be read .*ditar export MODEL DIR"):
        Speaker(tmp_path)
    description = json.loads((speaker.model.folder / "model.json").read_text(encoding="utf-8"))
    for changed, message in (
        ({"version": 3}, "it is of version 3, and this code reads 6.; export the model again"),
        ({"format": "other"}, "it is 'other', not 'ditar-onnx'.; give a folder that"),
    ):
        (tmp_path / "old").mkdir(exist_ok=True)
        (tmp_path / "old/model.json").write_text(json.dumps(description | changed))
        with pytest.raises(ModelError, match=message):
            Speaker(tmp_path / "old")
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(ExportError, match="holds something else"):
        export_onnx(pipeline, tmp_path)
    sampling = replace(pipeline.sampling, solver="unipc")
    with pytest.raises(ExportError, match="'unipc'"):
        export_onnx(ContinuousPipeline(pipeline.vae, pipeline.ditar, sampling), tmp_path / "new")
    with pytest.raises(ValueError, match="voice must be a Voice, .* got 'heart'"):
        SpeechRequest("Hello.", "heart")
    with pytest.raises(TextError, match="text must be a string"):
        SpeechRequest(None)
    with pytest.raises(ValueError, match="guidance_scale must be a number from 1 to 100, got 101"):
        SpeechRequest("Hello.", guidance_scale=101)
    with pytest.raises(TypeError, match="'steps' is not an option of sampling; there are temperature, .*steps"):
        speaker("Hello.", steps=3)
    for bad in (
        {"temperature": "warm"}, {"guidance_steps": 0.5}, {"temperature": 1.5}, {"guidance_rise": 0.5}, {"num_inference_steps": 0}, {"num_inference_steps": 1001}, {"time_grid": "karras"},
        {"guidance_scale": 0.5}, {"guidance_scale": 101.0},
    ):  # fmt: skip
        with pytest.raises(ValueError, match=f"{next(iter(bad))} must .* got"):
            speaker("Hello.", **bad)
    other = replace(speaker.voice(), vae="ffff")
    with pytest.raises(VoiceError, match="made with another model"):
        speaker("Hello.", other)


def test_torch_is_told_who_speaks_from_such_a_folder(form):
    with pytest.raises(ModelError, match="python -m ditar.onnx --model"):
        ContinuousPipeline.from_pretrained(form[1].model.folder)
