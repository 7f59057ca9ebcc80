"""Voices by name: a file first, then the user's folder, then what ships."""

import pwd

import numpy as np
import pytest
import soundfile

from ditar.audio.read import read_audio
from ditar.audio.trim import prepare_reference
from ditar.cli import main
from ditar.synthesis.model_folder import voices_of
from ditar.synthesis.reference import Reference
from ditar.synthesis.request import SpeechRequest
from ditar.synthesis.voice import VoiceError, blend_voices, voice_key, voice_warnings
from ditar.synthesis.voice_file import VoiceFileError, save_voice
from ditar.synthesis.voice_names import DEFAULT, SHIPPED, find_voice, list_voices, make_voice, read_voice, user_folder
from ditar.text import Phonemiser
from ditar.units import SAMPLE_RATE_HZ
from tests.tiny import clip, tiny_pipeline


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return user_folder()


def write_clip(path, transcript=None, samples=0.1 * np.ones(SAMPLE_RATE_HZ)):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, SAMPLE_RATE_HZ)
    if transcript is not None:
        path.with_suffix(".txt").write_text(transcript + "\n")
    return path


def test_a_transcript_in_another_encoding_is_named(tmp_path):
    write_clip(tmp_path / "ann.wav")
    (tmp_path / "ann.txt").write_bytes(b"Caf\xe9.")
    with pytest.raises(VoiceFileError, match="ann.txt is not UTF-8 text .byte 3.; convert it with iconv"):
        read_voice(str(tmp_path / "ann.wav"))
    (tmp_path / "ann.txt").write_bytes("Café.".encode("utf-16"))
    assert find_voice(str(tmp_path / "ann.wav")).transcript == "Café."


def test_every_voice_that_ships_is_a_reference_with_its_transcript():
    names = [voice.name for voice in list_voices()]
    assert names == sorted(names) and 2 <= len(names) <= 3
    for voice in map(find_voice, names):
        samples = prepare_reference(read_audio(voice.path), SAMPLE_RATE_HZ)
        assert 3.0 <= len(samples) / SAMPLE_RATE_HZ <= 7.0
        assert Phonemiser()(voice.transcript)


def test_a_new_voice_is_kept_under_its_name(home, tmp_path, monkeypatch, capsys):
    tiny_pipeline().save_pretrained(tmp_path / "model")
    write_clip(tmp_path / "ann.wav", "Hello there.", clip(1.0))
    made = ["voice", "create", "ann", f"--prompt-audio={tmp_path}/ann.wav", f"--model={tmp_path}/model"]
    assert main(made) == 0 and find_voice("ann").path == home / "ann.safetensors"
    told = f'/ann.txt is not read; if it is the clip\'s transcript, give that: "$(cat {tmp_path}/ann.txt)"'
    assert told in capsys.readouterr().err
    assert main(made) == 1 and "exists already" in capsys.readouterr().err
    made[2] = "heart"
    assert main(made) == 0 and "--voice heart is this voice, and not the one that ships" in capsys.readouterr().err
    (home / "heart.safetensors").unlink()
    monkeypatch.chdir(tmp_path)
    (home / "ann.safetensors").unlink()
    with pytest.raises(VoiceFileError, match="no voice has this name; the file ann.wav is one; .*voice create NAME"):
        find_voice("ann")


def test_what_a_model_was_fine_tuned_on_is_its_voice(home, tmp_path):
    """In Python, on the command line and by name; several are chosen by name."""
    pipeline, own = tiny_pipeline(), tmp_path / "model/voices"
    pipeline.save_pretrained(own.parent)
    own.mkdir()
    ann = pipeline.create_voice(clip(), "Hello there.", name="ann")
    save_voice(ann, own / "ann.safetensors")
    (own / DEFAULT).write_text("ann\n")
    assert voices_of(own.parent) == voices_of("of/the-hub", own.parent) == own and voices_of(tmp_path) is None
    (tmp_path / "adapter/voices").mkdir(parents=True)
    assert voices_of(own.parent, tmp_path / "adapter") == tmp_path / "adapter/voices"
    loaded = type(pipeline).from_pretrained(own.parent)
    assert voice_key(loaded.create_voice()) == voice_key(ann) != voice_key(pipeline.create_voice())
    how = {"max_retries": 0, "num_inference_steps": 1, "temperature": 0.0}
    whole = loaded("Good morning.", voice="ann", seed=1, **how).audio
    (one,) = loaded.batch([SpeechRequest("Good morning.", seed=1)], **how)
    assert np.array_equal(loaded("Good morning.", seed=1, **how).audio, whole) and np.array_equal(one.audio, whole)
    assert loaded.create_voice(name="bob").name == "bob"
    given = read_voice(None, write_clip(tmp_path / "mine.wav", samples=clip(1.0)), "Hello there.", of_model=own)
    assert isinstance(given, Reference) and given.name == "mine"  # a clip goes first
    assert read_voice(None, of_model=own) == find_voice("ann", own).path == own / "ann.safetensors"
    assert [voice.name for voice in list_voices(of_model=own)][0] == "ann"
    write_clip(home / "ann.wav", "My own.")
    assert find_voice("ann", own).path == home / "ann.wav"
    with pytest.raises(VoiceFileError, match="ann.safetensors holds no sound to adapt to"):
        loaded.create_voice(adapt=True)
    save_voice(ann, own / "bob.safetensors")
    assert read_voice(None, of_model=own) == own / "ann.safetensors"  # as it was said to be
    for wrong in ("../ann", "", "bo", "ann.safetensors"):
        (own / DEFAULT).write_text(wrong)
        with pytest.raises(VoiceFileError, match="default names the voice .*, and there are ann, bob beside it"):
            read_voice(None, of_model=own)
    (own / DEFAULT).unlink()
    assert isinstance(read_voice(None, of_model=own), Reference)
    (own / "bob.safetensors").unlink()
    assert read_voice(None, of_model=own) == own / "ann.safetensors"  # the only one


@pytest.mark.parametrize("ending", [".flac", ".wav"])
def test_a_voice_file_comes_before_a_clip_beside_it(home, ending):
    """Whichever ending is first in the alphabet: the file may be what was learnt of the clip."""
    write_clip(home / "ann.wav", "My own.").rename(home / f"ann{ending}")
    assert find_voice("ann").path == home / f"ann{ending}"
    voice = tiny_pipeline().create_voice(clip(), "Hello there.", name="ann")
    save_voice(voice, home / "ann.safetensors")
    write_clip(home / "bob.wav", "My own.")
    assert find_voice("ann").path == home / "ann.safetensors"
    assert [voice.name for voice in list_voices()][:2] == ["ann", "bob"]


def test_a_file_comes_before_the_user_s_folder_and_that_before_what_ships(home, tmp_path, monkeypatch):
    name = list_voices()[0].name
    assert find_voice(name).path.parent == SHIPPED
    write_clip(home / f"{name}.wav", "My own.")
    assert find_voice(name).path == home / f"{name}.wav" and find_voice(name).transcript == "My own."
    (home / "ann.safetensors").touch()
    assert find_voice("ann").transcript is None
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / f"{name}.flac")
    assert find_voice(f"{name}.flac").transcript == ""
    assert [v.name for v in list_voices()].count(name) == 1


def test_a_relative_data_home_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    for value in ("data", ""):
        monkeypatch.setenv("XDG_DATA_HOME", value)
        assert user_folder() == tmp_path / ".local" / "share" / "ditar" / "voices"


def test_a_user_without_a_home_has_the_voices_that_ship(monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: {}[uid])  # a number that nobody has
    assert find_voice("heart").path.parent == SHIPPED


def test_a_name_that_nobody_has_says_who_is_there():
    name = list_voices()[0].name
    with pytest.raises(VoiceFileError, match=f"voice '{name}x' is not a file.*did you mean '{name}'.*ditar voice create NAME"):
        find_voice(f"{name}x")


def test_python_takes_names_as_the_command_line_does(home):
    """A call, and the speakers of a script, by name: the same samples as with the voice itself."""
    pipeline = tiny_pipeline(stop_bias=20.0)
    name = list_voices()[0].name
    voice = make_voice(read_voice(name), pipeline)
    by_name, itself = pipeline("Good.", voice=name, seed=1), pipeline("Good.", voice=voice, seed=1)
    assert np.array_equal(by_name.audio, itself.audio)
    script = "[ann] Good.\n[bob] Day."
    named, given = (pipeline(script, voices={"ann": one, "bob": one}, seed=1) for one in (name, voice))
    assert np.array_equal(named.audio, given.audio)
    with pytest.raises(VoiceFileError, match="voice 'nobody' is not a file, and no voice has this name"):
        pipeline("Good.", voice="nobody")
    with pytest.raises(ValueError, match="give a voice, or prompt_audio and prompt_text, not both"):
        pipeline("Good.", "clip.wav", voice=name)


def test_a_blend_of_two_voices(home, tmp_path):
    pipeline = tiny_pipeline(stop_bias=20.0)
    first, second = (voice.name for voice in list_voices()[:2])
    write_clip(home / "ann.wav", samples=clip())
    one, two, ann = (make_voice(read_voice(name), pipeline) for name in (first, second, "ann"))
    blend = make_voice(read_voice(f"{first}:3 + {second}:1"), pipeline)
    assert [(voice.text, share) for voice, share in blend.others] == [(two.text, 0.25)] and blend.text == one.text
    assert voice_key(blend) == voice_key(blend_voices([(two, 0.25), (one, 0.75)], "other way round"))
    assert len({str(voice_key(voice)) for voice in (blend, one, blend_voices([(one, 0.6), (two, 0.4)], ""))}) == 3
    by_name = pipeline("Good.", voice=f"{first}:0.75+{second}:0.25", seed=1)
    assert np.array_equal(by_name.audio, pipeline("Good.", voice=blend, seed=1).audio)
    assert not np.array_equal(by_name.audio, pipeline("Good.", voice=one, seed=1).audio)
    *_, warning = voice_warnings(blend_voices([(one, 0.6), (ann, 0.4)], "half known"))
    assert "what is said in the reference 'ann' is not known" in warning
    other = tiny_pipeline(stop_bias=20.0, symbols=("_", *"abc .ɡʊdmɔːɹnɪŋ"))
    with pytest.raises(VoiceError, match="was made with the vocabulary"):
        other("Good.", voice=blend)


def test_a_blend_is_kept_under_a_name(home, tmp_path, capsys):
    """And sounds as the blend itself."""
    pipeline = tiny_pipeline(stop_bias=20.0)
    pipeline.save_pretrained(tmp_path / "model")
    made = ["voice", "create", "mix", "--voice", "heart:3+michael:1", f"--model={tmp_path}/model"]
    assert main(made) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"{home / 'mix.safetensors'}: voice 'mix' of ") and "with 0.25 of 'michael'" in told.out
    by_name, itself = (pipeline("Good.", voice=name, seed=1) for name in ("mix", "heart:0.75+michael:0.25"))
    assert np.array_equal(by_name.audio, itself.audio)
    assert main(["voice", "show", "mix"]) == 0 and "blended     with 0.25 of 'michael': The" in capsys.readouterr().out
    for refused, message in (
        ([*made, "--force", "--voice=mix:1+eric:1"], "would overwrite"),
        ([*made[:2], "two", "--voice=mix:1+eric:1", made[-1]], "mix.safetensors is a blend already; blend the voices"),
        ([*made[:2], "two", "--voice=heart", "--prompt-text=Hi.", made[-1]], "not both"),
    ):
        assert main(refused) == 1 and message in capsys.readouterr().err
    with pytest.raises(VoiceError, match="voice 'mix' is a blend already"):
        blend_voices([(make_voice(read_voice(name), pipeline), 1.0) for name in ("mix", "eric")], "two")
    assert main([*made[:2], "copy", "--voice=heart", made[-1]]) == 0 and find_voice("copy").path.is_file()
    assert [path.name for path in sorted(home.iterdir())] == ["copy.safetensors", "mix.safetensors"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("heart+michael", "'heart.michael' is no voice's name and no blend of two; write NAME:SHARE.NAME:SHARE"),
        ("heart:0.5+michael:0.3+eric:0.2", "no blend of two"),
        ("heart:0.7+:0.3", "no blend of two"),
        ("heart:0.7+michael:some", "the share of 'michael' must be a number above 0, got 'some'"),
        ("heart:0+michael:1", "the share of 'heart' must be a number above 0, got '0'"),
        ("heart:-1+michael:2", "the share of 'heart' must be a number above 0, got '-1'"),
        ("heart:1+michael:nan", "the share of 'michael' must be a number above 0, got 'nan'"),
        ("heart:1e300+michael:1e-300", "its shares are too far apart or too large; write shares such as 0.7 and 0.3"),
        ("heart:1e308+michael:1e308", "its shares are too far apart or too large"),
        ("heart:1+nobody:1", "voice 'nobody' is not a file, and no voice has this name"),
        ("a" * 300, "voice 'a{300}' is not a file, and no voice has this name"),
        (f"{'a' * 300}:1+heart:1", "voice 'a{300}' is not a file, and no voice has this name"),
    ],
)
def test_what_is_no_blend(name, message):
    with pytest.raises(VoiceFileError, match=message):
        read_voice(name)


def test_a_name_with_a_plus_is_a_name(home):
    write_clip(home / "ann+bob.wav", "Hello.", clip())
    assert read_voice("ann+bob").text == "Hello."
