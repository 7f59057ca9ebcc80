"""The user's folder of voices: what is deleted and what is not, and a folder that cannot be read."""

import errno
from pathlib import Path

import pytest

from ditar.cli import main
from ditar.serve.settings import ServeError, ServeSettings
from ditar.storage.atomic_write import WriteError
from ditar.synthesis import user_voices
from ditar.synthesis.user_voices import delete_voice, path_of_new
from ditar.synthesis.voice_file import VoiceFileError
from ditar.synthesis.voice_names import SHIPPED, find_voice, list_voices, read_voice, user_folder

FROM_BOB = ("bob.flac", "bob.wav", "bob.txt", "c+d.mp3", "note.safetensors")  # what is deleted from bob on
SHIPS = ["eric", "heart", "michael"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    user_folder().mkdir(parents=True)
    return user_folder()


def files(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"Hello." if name.endswith(".txt") else b"")
    return folder


def test_what_a_name_means_is_deleted_and_no_other_file(home, capsys):
    files(home, "ann.safetensors", "ann.wav", "ann.txt", "heart.flac", "heart.txt", "bob.wav", "bob.flac", "bob.txt")
    files(home, "c+d.mp3", "note.md", "note.safetensors", "note.txt")

    def gone(name):
        before = set(home.iterdir())
        assert main(["voice", "delete", name]) == 0
        return sorted(path.name for path in before - set(home.iterdir()))

    assert gone("ann") == ["ann.safetensors"]  # of the clip beside it nothing
    assert f"from now on --voice ann is {home / 'ann.wav'}" in capsys.readouterr().err
    assert gone("ann") == ["ann.txt", "ann.wav"]
    assert gone("heart") == ["heart.flac", "heart.txt"]
    assert f"from now on --voice heart is {SHIPPED / 'heart.flac'}" in capsys.readouterr().err
    assert gone("bob") == ["bob.flac"]  # the transcript is the other clip's, too
    assert gone("bob") == ["bob.txt", "bob.wav"] and gone("c+d") == ["c+d.mp3"]
    assert gone("note") == ["note.safetensors"]  # which has its words inside: the text is something else
    told = "".join(f"{home / name}: deleted\n" for name in FROM_BOB)
    assert capsys.readouterr().out == told
    assert sorted(path.name for path in home.iterdir()) == ["note.md", "note.txt"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("heart", "voice 'heart' ships with the package and cannot be deleted; those that can be are ann, bob"),
        ("an", "there is no voice 'an' to delete; did you mean 'ann'. those that can be are ann, bob"),
        ("note", "there is no voice 'note' to delete; those that can be are ann, bob"),
        ("ann.wav", "there is no voice 'ann.wav' to delete"),
        ("mine.wav", "'mine.wav' is no name of a voice in .*, and no other files are deleted; give a name"),
        ("../mine", "'../mine' is no name of a voice in"),
        ("../voices/ann", "'../voices/ann' is no name of a voice in"),
        ("", "there is no voice '' to delete"),
        ("a" * 300, "there is no voice 'a{300}' to delete"),
    ],
)
def test_what_is_not_deleted(home, tmp_path, monkeypatch, name, message):
    files(home, "ann.wav", "bob.safetensors", "note.md")
    files(home.parent, "mine.wav")
    monkeypatch.chdir(files(tmp_path, "mine.wav"))
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(VoiceFileError, match=message):
        delete_voice(name)
    assert sorted(tmp_path.rglob("*")) == before and find_voice("heart").path.is_file()


def test_a_voice_that_cannot_be_deleted_is_all_there(home, monkeypatch):
    files(home, "ann.wav", "ann.txt")
    unlink = Path.unlink

    def refuses(path, **how):
        if path.suffix == ".wav":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        unlink(path, **how)

    monkeypatch.setattr(Path, "unlink", refuses)
    with pytest.raises(VoiceFileError, match=f"ann.wav cannot be deleted: Permission denied; .* chmod u.wx {home}"):
        delete_voice("ann")
    assert (home / "ann.txt").is_file()


def test_the_list_says_what_can_be_deleted(home, capsys):
    files(home, "ann.wav", "bob.safetensors", "heart.wav")
    assert main(["voice", "list"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert {row[0] for row in rows if row[3] == "can be deleted"} == {"ann", "bob", "heart"}
    assert {row[0] for row in rows if row[3] == "ships"} == {"eric", "michael"}


def denied(folder, monkeypatch):
    """As for a user whom its permissions keep out, since tests may run as root."""
    scandir = Path.iterdir

    def iterdir(path):
        if path == folder:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)


@pytest.mark.parametrize("reason", ["Permission denied", "Not a directory", "Too many levels of symbolic links"])
def test_a_folder_that_cannot_be_read_hides_no_voice_that_ships(home, monkeypatch, capsys, reason):
    if reason == "Permission denied":
        denied(home, monkeypatch)
    else:
        home.rmdir()
        home.touch() if reason == "Not a directory" else home.symlink_to(home)
    fault = f"the folder of voices {home} cannot be read ({reason}), so that none of its voices are found; make it a"
    assert [voice.name for voice in list_voices()] == SHIPS
    heart = read_voice("heart")
    assert heart.ships and heart.warnings[0].startswith(fault) and "(XDG_DATA_HOME)" in heart.warnings[0]
    assert read_voice(str(SHIPPED / "heart.flac")).warnings == read_voice(None).warnings == ()  # nobody looked there
    for how in (["list"], ["show", "heart"]):
        assert main(["voice", *how]) == 0 and f"warning: {fault}" in capsys.readouterr().err
    for how in (["show", "ann"], ["delete", "ann"]):
        assert main(["voice", *how]) == 1 and fault in capsys.readouterr().err
    with pytest.raises(ServeError, match="--voices.* folder"):
        ServeSettings(voices=home)


def test_no_folder_is_no_fault(home, tmp_path, monkeypatch):
    home.rmdir()
    assert read_voice("heart").warnings == ()
    monkeypatch.setenv("XDG_DATA_HOME", "/dev/null")  # what services have for a home
    assert read_voice("heart").warnings == ()


def test_a_folder_that_cannot_be_written_to_is_said_before_a_voice_is_made(home, monkeypatch):
    home.rmdir()  # then that above it counts
    asked = []

    def refuses(folder):
        asked.append(folder)
        raise WriteError(f"{folder} cannot be written to")

    monkeypatch.setattr(user_voices, "check_folder", refuses)
    with pytest.raises(VoiceFileError, match=f"the voice 'ann' cannot be kept: {home.parent} .*XDG_DATA_HOME"):
        path_of_new("ann")
    assert asked == [home.parent] and path_of_new("ann.safetensors") == Path("ann.safetensors")


@pytest.mark.parametrize("levels", [0, 1, 2])
def test_where_no_voice_can_be_kept_is_said_before_it_is_made(home, capsys, levels):
    """A file in the place of .../data/ditar/voices, of .../data/ditar or of .../data."""
    file = home
    for _ in range(levels):
        file.rmdir()
        file = file.parent
    file.rmdir()
    file.touch()
    message = f"{file} is not a folder, so that the voice 'ann' cannot be kept in {home}; move it away, or choose"
    with pytest.raises(VoiceFileError, match=message):
        path_of_new("ann")
    assert main(["voice", "create", "ann", f"--prompt-audio={SHIPPED}/heart.flac"]) == 1
    assert message in capsys.readouterr().err


def test_a_damaged_transcript_hides_no_other_voice(home, capsys):
    files(home, "ann.wav", "bob.wav", "bob.txt")
    (home / "ann.txt").write_bytes(b"Caf\xe9.")
    assert read_voice("heart").ships and find_voice("bob").transcript == "Hello."
    assert main(["voice", "list"]) == 0 and "(no transcript: " in capsys.readouterr().out
    with pytest.raises(VoiceFileError, match="ann.txt is not UTF-8 text .byte 3."):
        read_voice("ann")
    assert delete_voice("ann") == [home / "ann.wav", home / "ann.txt"]
