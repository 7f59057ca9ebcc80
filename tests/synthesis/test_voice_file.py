"""Voices on disk: whole, quick, and refused where they do not fit."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ditar.synthesis.voice import SpeakerEmbedding, Voice, VoiceError, voice_key
from ditar.synthesis.voice_file import VoiceFileError, check_voice, describe_voice, load_voice, save_voice
from tests.tiny import clip, tiny_pipeline

VOICE = Voice("ann", torch.randn(8, 4), ("h", "ˈ", "ə"), "Hé.", 0.2, "ab12", "cd34")


@pytest.fixture
def saved(tmp_path):
    save_voice(VOICE, tmp_path / "ann.safetensors")
    return tmp_path / "ann.safetensors"


def test_a_voice_comes_back_whole(saved):
    loaded = load_voice(saved)
    assert torch.equal(loaded.latents, VOICE.latents) and loaded.latents.dtype == torch.float32
    for name in ("name", "symbols", "text", "seconds", "vae", "vocabulary"):
        assert getattr(loaded, name) == getattr(VOICE, name)
    found = describe_voice(saved)
    assert (found.frames, found.channels, found.name, found.symbols) == (8, 4, "ann", VOICE.symbols)
    assert os.listdir(saved.parent) == [saved.name]


def blended(**changes):
    """Of VOICE, and of another with something that was learnt."""
    learnt = SpeakerEmbedding(torch.ones(3), "0123456789abcdef")
    other = Voice("bob", torch.randn(12, 4), ("b",), "", 0.3, "ab12", "cd34", embedding=learnt)
    return replace(VOICE, name="mix", others=((replace(other, **changes), 0.3),))


def test_a_blend_comes_back_whole(tmp_path):
    blend, path = blended(), tmp_path / "mix.safetensors"
    save_voice(blend, path)
    loaded, found = load_voice(path), describe_voice(path)
    assert voice_key(loaded) == voice_key(blend) and loaded.name == "mix" and loaded.others[0][0].name == "bob"
    assert (found.name, found.frames, found.share, found.other.name, found.other.frames) == ("mix", 8, 0.3, "bob", 12)
    assert found.other.adapted_for == "0123456789abcdef" and not found.adapted_for
    ((other, _),) = blend.others
    with pytest.raises(VoiceFileError, match="'mix' is a blend of 3 voices, and a file holds one of two"):
        save_voice(replace(blend, others=((other, 0.3), (other, 0.3))), path)
    assert load_voice(path).others  # the file before is whole


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"share": "1.5"}, "its second voice has a share of 1.5"),
        ({"share": "nan"}, "its second voice has a share of nan"),
        ({"share": None}, "broken voice file .KeyError.'share'"),
        ({"other.text": None}, "broken voice file .KeyError.'other.text'"),
        ({"other.seconds": "-1"}, "it lasts -1 s"),
        ({"version": "3"}, "is a voice of version 3, this program reads versions 1 and 2; make it again, or update"),
    ],
)
def test_a_damaged_blend_is_no_voice(tmp_path, metadata, message):
    path = tmp_path / "mix.safetensors"
    save_voice(blended(), path)
    with safe_open(path, framework="pt") as file:
        found, tensors = {**file.metadata(), **metadata}, {name: file.get_tensor(name) for name in file.keys()}
    save_file(tensors, path, {name: value for name, value in found.items() if value is not None})
    for read in (describe_voice, load_voice):
        with pytest.raises(VoiceFileError, match=message):
            read(path)


def test_both_voices_of_a_blend_must_fit(tmp_path):
    pipeline = SimpleNamespace(fingerprints=("ab12", "cd34"), patch_frames=4, speaker_space=("0123456789abcdef", 3))
    check_voice(blended(), pipeline)
    for change, message in (
        ({"vae": "ff"}, "'bob' was made with the VAE ff"),
        ({"latents": torch.zeros(7, 4)}, "'bob' has 7 latent frames"),
        ({"embedding": SpeakerEmbedding(torch.ones(3), "f" * 16)}, "'bob' was adapted for the model f"),
    ):
        with pytest.raises(VoiceError, match=message):
            check_voice(blended(**change), pipeline)


def test_names_that_are_no_unicode(tmp_path):
    """That of a voice, which may be a clip's, is for people; that of its file must be readable."""
    path = tmp_path / "ann.safetensors"
    save_voice(replace(VOICE, name="b\udcff"), path)
    assert load_voice(path).name == "b?"
    with pytest.raises(VoiceFileError, match=r"q\\udcff.safetensors' is no Unicode"):
        save_voice(VOICE, tmp_path / "q\udcff.safetensors")
    assert os.listdir(tmp_path) == [path.name]


def test_a_loaded_voice_speaks_as_the_one_that_was_made(tmp_path):
    pipeline = tiny_pipeline()
    made = pipeline.create_voice(clip(), "Hello there.", name="noise")
    save_voice(made, tmp_path / "v.safetensors")
    options = {"num_inference_steps": 2, "seed": 1, "max_retries": 0}
    said = [pipeline("Good.", voice=v, **options).audio for v in (made, load_voice(tmp_path / "v.safetensors"))]
    assert np.array_equal(*said)


def test_loading_needs_no_model_and_describing_no_torch(saved):
    code = (
        "import sys\nfrom ditar.synthesis.voice_file import describe_voice, load_voice\n"
        f"describe_voice({str(saved)!r})\nassert 'torch' not in sys.modules\n"
        f"load_voice({str(saved)!r})\nassert not {{'diffusers', 'vocos', 'transformers'}} & set(sys.modules)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (("ffff", "cd34"), "the VAE ab12 and this model has ffff"),
        (("ab12", "0"), "the vocabulary cd34 and this model has 0"),
    ],
)
def test_a_voice_of_another_model_is_refused_with_both_names(other, message):
    check_voice(VOICE, SimpleNamespace(fingerprints=("ab12", "cd34"), patch_frames=4))
    with pytest.raises(VoiceError, match=f"'ann' was made with {message}"):
        check_voice(VOICE, SimpleNamespace(fingerprints=other, patch_frames=4))
    with pytest.raises(VoiceError, match="'ann' has 8 latent frames, but a patch of this model has 3"):
        check_voice(VOICE, SimpleNamespace(fingerprints=("ab12", "cd34"), patch_frames=3))


def test_a_pipeline_refuses_it_too():
    pipeline = tiny_pipeline()
    voice = replace(pipeline.create_voice(clip(), "Hi."), vae="another")
    with pytest.raises(VoiceError, match=f"VAE another and this model has {pipeline.fingerprints[0]}"):
        pipeline("Good.", voice=voice)
    other = tiny_pipeline(patch_frames=3)  # the same VAE
    with pytest.raises(VoiceError, match="has 40 latent frames, but a patch of this model has 3"):
        other("Good.", voice=pipeline.create_voice(clip(), "Hi."))


def test_files_that_are_no_voice(saved, tmp_path):
    with pytest.raises(VoiceFileError, match="does not exist; make one with"):
        load_voice(tmp_path / "no.safetensors")
    data = saved.read_bytes()
    saved.write_bytes(data[:-10])
    with pytest.raises(VoiceFileError, match="is not a voice that `ditar voice create` made, or not all of it"):
        load_voice(saved)
    saved.write_bytes(data.replace(b'"version":"1"', b'"version":"9"'))
    with pytest.raises(VoiceFileError, match="of version 9, this program reads versions 1 and 2"):
        load_voice(saved)
    saved.write_bytes(data.replace(b'"symbols"', b'"symbolz"'))
    with pytest.raises(VoiceFileError, match="broken voice file .*symbols"):
        load_voice(saved)
    save_voice(VOICE, saved)
    saved.write_bytes(saved.read_bytes().replace(b'"seconds":"0.2"', b'"seconds":"0,2"'))
    with pytest.raises(VoiceFileError, match="ann.safetensors is a broken voice file .*0,2"):
        load_voice(saved)
    save_file({"latents": torch.zeros(4, 4)}, saved)
    with pytest.raises(VoiceFileError, match="holds no voice"):
        describe_voice(saved)


def test_places_where_no_voice_can_be_written(tmp_path):
    for name, message in (("v.wav", "must be a file that ends in .safetensors, or a name"), ("no/v.safetensors", "mkdir")):
        with pytest.raises(VoiceFileError, match=message):
            save_voice(VOICE, tmp_path / name)


def test_a_disk_that_refuses_is_an_error_of_ours(tmp_path, monkeypatch):
    """What the library raises then is neither an OSError nor a ValueError."""

    def refuse(*_, **__):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("ditar.storage.weights.save_file", refuse)
    with pytest.raises(VoiceFileError, match="v.safetensors cannot be written: .*No space left"):
        save_voice(VOICE, tmp_path / "v.safetensors")
    assert not os.listdir(tmp_path)
