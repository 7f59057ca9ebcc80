"""Voices that are adapted to their clips: made, kept in files, spoken with, and refused where they do not fit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from ditar.model.ditar import DiTAR
from ditar.model.speaker import speaker_fingerprint
from ditar.nn import cpu_kernels
from ditar.nn.alignment import NO_TARGET
from ditar.recognise import aligner
from ditar.storage.weights import ModelError
from ditar.synthesis import adapt
from ditar.synthesis.continuous import _speaker
from ditar.synthesis.pipeline import ContinuousPipeline
from ditar.synthesis.reference import read_reference
from ditar.synthesis.voice import SpeakerEmbedding, VoiceError, blend_voices, voice_key
from ditar.synthesis.voice_file import VoiceFileError, describe_voice, load_voice, save_voice
from ditar.synthesis.voice_names import make_voice, read_voice
from ditar.text import TextError
from ditar.text.frontend import TextFrontend
from tests.tiny import clip, tiny_pipeline

SAID = "Hello there."
FAST = {"num_inference_steps": 2, "max_retries": 0, "seed": 1}


@pytest.fixture(scope="module")
def pipeline():
    return tiny_pipeline()


@pytest.fixture(scope="module")
def voice(pipeline):
    return pipeline.create_voice(clip(), SAID, name="ann", adapt=True)


def test_it_speaks_otherwise_than_the_voice_of_the_clip(pipeline, voice):
    plain = pipeline.create_voice(clip(), SAID)
    assert plain.embedding is None and len(voice.embedding.vectors) == pipeline.ditar.locdit.speaker_size
    said = [pipeline("Good.", voice=one, **FAST).audio for one in (plain, voice)]
    assert not np.allclose(*said, atol=1e-3)
    called = pipeline("Good.", clip(), SAID, adapt=True, **FAST).audio
    assert np.array_equal(called, said[1])
    assert voice_key(plain) != voice_key(voice) and voice_key(plain) == voice_key(replace(voice, embedding=None))


def test_a_file_keeps_what_was_learnt(pipeline, voice, tmp_path):
    save_voice(voice, tmp_path / "ann.safetensors")
    loaded = load_voice(tmp_path / "ann.safetensors")
    assert torch.equal(loaded.embedding.vectors, voice.embedding.vectors)
    assert loaded.embedding.model == voice.embedding.model == describe_voice(tmp_path / "ann.safetensors").adapted_for
    said = [pipeline("Good.", voice=one, **FAST).audio for one in (voice, loaded)]
    assert np.array_equal(*said)
    again = make_voice(read_voice(str(tmp_path / "ann.safetensors")), pipeline, adapt=True)  # it is adapted already
    assert torch.equal(again.embedding.vectors, voice.embedding.vectors)
    plain = replace(voice, embedding=None)
    save_voice(plain, tmp_path / "plain.safetensors")
    with pytest.raises(VoiceFileError, match="holds no sound to adapt to; make it with: ditar voice create --adapt"):
        make_voice(read_voice(str(tmp_path / "plain.safetensors")), pipeline, adapt=True)
    with pytest.raises(VoiceError, match="'ann' is made already; give adapt to create_voice"):
        pipeline("Good.", voice=plain, adapt=True)
    assert np.array_equal(pipeline("Good.", voice=loaded, adapt=True, **FAST).audio, said[0])


@pytest.mark.parametrize(
    ("tensors", "about", "message"),
    [
        ({"embedding": torch.zeros(4, 3)}, {}, r"its embedding has the shape .4, 3. in float32, where"),
        ({"embedding": torch.zeros(4, dtype=torch.int64)}, {}, "its embedding has the shape .* in int64"),
        ({"embedding": torch.full((4,), torch.nan)}, {}, "its embedding has numbers up to nan, and 10 is the most"),
        ({"embedding": torch.full((4,), 3e38)}, {}, "its embedding has numbers up to 3e"),
        ({"embedding": torch.zeros(4).to(torch.float8_e4m3fn)}, {}, "is a broken voice file"),
        ({"latents": torch.full((4, 8), torch.inf)}, {}, "its latents have numbers up to inf"),
        ({"latents": torch.zeros(0, 8)}, {}, r"its latents have the shape .0, 8."),
        ({}, {"adapted_for": "\x1b[1mx"}, "which is no fingerprint"),
        ({}, {"symbols": "[1, 2]"}, r"its symbols are .1, 2."),
        ({}, {"seconds": "nan"}, "it lasts nan s"),
        ({}, {"seconds": "0"}, "it lasts 0 s"),
    ],
)
def test_a_file_with_what_no_voice_has_is_refused(voice, tmp_path, tensors, about, message):
    save_voice(voice, tmp_path / "ann.safetensors")
    with safe_open(tmp_path / "ann.safetensors", framework="pt") as file:
        kept, told = {name: file.get_tensor(name) for name in ("latents", "embedding")}, file.metadata()
    save_file(kept | tensors, tmp_path / "ann.safetensors", told | about)
    with pytest.raises(VoiceFileError, match=f"{message}.*; make it again"):
        load_voice(tmp_path / "ann.safetensors")


def test_weights_are_the_same_in_another_precision(voice):
    """Those of float32 fit no float16: the fingerprint is of what they were before."""
    cast = tiny_pipeline().to(torch.bfloat16)
    assert cast.speaker_space[0] == voice.embedding.model
    assert len(cast("Good.", voice=voice, **FAST).audio)
    own = cast.create_voice(clip(), SAID, adapt=True)
    assert own.embedding.model == voice.embedding.model and own.embedding.vectors.dtype == torch.float32


def test_the_same_clip_gives_the_same_voice_whatever_was_spoken_before(monkeypatch):
    """Prepacked weights, which speech leaves, round otherwise than plain ones."""
    monkeypatch.setitem(cpu_kernels.FEWEST_WEIGHTS, torch.float32, 1)
    pipeline = tiny_pipeline()
    first = pipeline.create_voice(clip(), SAID, adapt=True).embedding
    pipeline("Good.", **FAST)
    again = pipeline.create_voice(clip(), SAID, adapt=True).embedding
    assert torch.equal(first.vectors, again.vectors) and first.model == again.model


def test_a_voice_is_for_the_weights_that_it_was_learnt_with(tmp_path):
    """They may be trained between two voices, and moved or rounded behind."""
    pipeline = tiny_pipeline()
    before = pipeline.create_voice(clip(), SAID, adapt=True)
    with torch.no_grad():
        pipeline.ditar.lm.begin.add_(1.0)
    after = pipeline.create_voice(clip(), SAID, adapt=True)
    pipeline.save_pretrained(tmp_path)
    assert len(ContinuousPipeline.from_pretrained(tmp_path)("Good.", voice=after, **FAST).audio)
    for one in (pipeline, pipeline.to(torch.bfloat16), pipeline.to("cpu")):
        assert len(one("Good.", voice=after, **FAST).audio)
        with pytest.raises(VoiceError, match="was adapted for the model"):
            one("Good.", voice=before, **FAST)


def test_its_fingerprint_moves_with_the_model(voice):
    """Where parameters become others, as on their way to a GPU."""
    pipeline, before = tiny_pipeline(), torch.__future__.get_overwrite_module_params_on_conversion()
    torch.__future__.set_overwrite_module_params_on_conversion(True)
    try:
        for step in (torch.bfloat16, "cpu", torch.float32):
            pipeline.to(step)
            assert pipeline.speaker_space[0] == voice.embedding.model
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(before)


def test_a_step_of_a_fused_optimiser_gives_another_fingerprint():
    pipeline = tiny_pipeline()
    first = pipeline.create_voice(clip(), SAID, adapt=True).embedding.model
    optimiser = torch.optim.AdamW([pipeline.ditar.lm.begin], lr=0.1, fused=True)
    pipeline.ditar.lm.begin.grad = torch.ones_like(pipeline.ditar.lm.begin)
    optimiser.step()
    assert pipeline.create_voice(clip(), SAID, adapt=True).embedding.model != first


@pytest.mark.parametrize("adapt", ["no", 1, None])
def test_adapt_is_true_or_false(pipeline, adapt):
    with pytest.raises(ValueError, match=f"adapt must be True, False or .auto., got {adapt!r}"):
        pipeline.create_voice("nowhere.wav", SAID, adapt=adapt)
    with pytest.raises(ValueError, match="adapt must be True, False or .auto."):
        pipeline("Good.", "nowhere.wav", SAID, adapt=adapt)


def test_the_voices_of_the_model_that_ships_are_for_its_distilled_form_too():
    from ditar.synthesis.model_folder import FAST_MODEL, SHIPPED_MODEL

    if not FAST_MODEL.is_dir():
        pytest.skip("the distilled form does not come with this tree")
    models = [DiTAR.from_pretrained(folder / "ditar") for folder in (SHIPPED_MODEL, FAST_MODEL)]
    assert speaker_fingerprint(models[0]) == speaker_fingerprint(models[1])
    assert models[0].locdit.speaker_sizes == models[1].locdit.speaker_sizes


def test_a_model_with_other_weights_refuses_it_and_a_distilled_one_with_the_same_takes_it(voice):
    other = tiny_pipeline()
    other.ditar.embed.weight.data += 0.1
    with pytest.raises(VoiceError, match=f"'ann' was adapted for the model {voice.embedding.model} and this one is "):
        other("Good.", voice=voice, **FAST)
    short = SpeakerEmbedding(torch.zeros(3), voice.embedding.model)
    with pytest.raises(VoiceError, match=r"version of ditar: it has an embedding of 3 numbers, and this model reads \d+"):
        tiny_pipeline()("Good.", voice=replace(voice, embedding=short), **FAST)
    student = tiny_pipeline(distilled_guidance=4.0)
    rest = {name: x for name, x in tiny_pipeline().ditar.state_dict().items() if not name.startswith("locdit.")}
    student.ditar.load_state_dict(rest, strict=False)
    assert len(student("Good.", voice=voice, **FAST).audio)
    with pytest.raises(ModelError, match="a distilled model learns no voices"):
        student.create_voice(clip(), SAID, adapt=True)


def test_tokens_have_no_voices_that_are_learnt():
    pytest.importorskip("vector_quantize_pytorch")
    from tests.tiny_tokens import tiny_token_pipeline

    with pytest.raises(VoiceError, match="a TokenPipeline, which this model is, adapts no voices"):
        tiny_token_pipeline().create_voice(clip(), SAID, adapt=True)


def test_a_clip_whose_words_nobody_knows_is_refused(pipeline):
    with pytest.raises(TextError, match="to adapt the voice 'reference', what is said in its clip must be known"):
        pipeline.create_voice(clip(), adapt=True)


def test_a_blend_has_the_mean_of_what_was_learnt(pipeline, voice):
    plain = pipeline.create_voice(clip(), SAID)
    vectors = voice.embedding.vectors
    torch.testing.assert_close(_speaker(blend_voices([(voice, 3), (plain, 1)], "both")), 0.75 * vectors)
    torch.testing.assert_close(_speaker(blend_voices([(voice, 1), (plain, 3)], "both")), 0.25 * vectors)
    torch.testing.assert_close(_speaker(blend_voices([(voice, 1), (voice, 1)], "both")), vectors)
    assert _speaker(blend_voices([(plain, 1), (plain, 1)], "both")) is None


def test_a_clip_follows_itself_unless_both_would_be_longer_than_what_the_model_knows(monkeypatch):
    given = []
    monkeypatch.setattr(adapt, "learn_speaker", lambda _, *some, **rest: given.append((*some, rest)) or torch.zeros(3))
    for trained in (0.0, 2.1, 1.9):
        pipeline = tiny_pipeline(trained_seconds=trained)
        pipeline.create_voice(clip(1.0), SAID, adapt=True)
    (ids, patches, _, rest), bounded, (once, alone, _, of_long) = given
    assert torch.equal(patches[: rest["first"]], patches[rest["first"] :]) and len(patches) == 2 * rest["first"]
    assert ids.tolist() == [*once, *_ids(" "), *once] and torch.equal(bounded[1], patches)
    assert of_long["first"] == 0 and torch.equal(alone, patches[: len(alone)]) and len(alone) == rest["first"]
    places = torch.tensor([[-1, 0], [2, 2]])
    *_, both = adapt._after_itself(list("abc"), torch.zeros(2, 2, 8), places)
    unknown = [NO_TARGET] * 3
    assert both.flatten().tolist() == [*unknown, 3, 3, 4, 6, 6]  # 3: the space, where a reference ends


def _ids(symbols):
    return TextFrontend.of(tiny_pipeline().ditar.config, "en-us").ids(symbols)


def no_path(self, waveform, words):
    raise aligner.AlignmentError("no path")


def test_reading_in_step_needs_to_know_when_what_is_said(speak, monkeypatch):
    reading, text = tiny_pipeline(alignment="monotonic"), "Good morning to you."
    reference = replace(read_reference(str(speak(text)), text), unfit="")
    voice = reading.create_voice(reference, adapt=True)
    assert voice.embedding.vectors.abs().max() > 0
    places, doubts = adapt._places(voice, list(voice.symbols), reference, reading.patch_frames, sure=True)
    assert doubts == voice.warnings == ()
    assert places.shape == (len(voice.latents) // reading.patch_frames, reading.patch_frames)
    steps = places.flatten().diff()
    assert (steps >= 0).all() and places.flatten()[-1] >= len(voice.symbols) - 3 and places.flatten()[0] <= 1
    other = "Bananas are yellow, apples are red."
    with pytest.raises(TextError, match=f"{other!r} is not found in its clip .no path through 'bananas are"):
        reading.create_voice(str(speak(text)), other, adapt=True)
    monkeypatch.setattr(adapt, "unlikely", lambda *_: "hurried")  # fast speech may look as if it were something else
    noisy = replace(reference, unfit="it is noisy")
    doubt, unfit = reading.create_voice(noisy, adapt=True).warnings
    assert unfit.endswith("may go wrong: it is noisy; give a better recording, or do without adapting")
    assert doubt == f"{text!r} may not be what is said in the clip of {reference.name!r} (hurried), which was learnt"
    with pytest.raises(TextError, match=f"{text!r} may not be what is said in the clip of .* .hurried.; give exactly"):
        adapt.adapt_voice(reading.ditar, voice, reference, "", sure=True)
    monkeypatch.setattr(aligner.Aligner, "fit", no_path)
    with pytest.raises(TextError, match="'Good morning to you.' is not found in its clip .no path"):
        reading.create_voice(reference, adapt=True)

    assert reading.adapts_voices and not tiny_pipeline(distilled_guidance=4.0).adapts_voices
