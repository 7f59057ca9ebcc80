"""Lists of utterances: the folder they are spoken into, and the second run."""

import json
from dataclasses import replace

import pytest
import soundfile

from ditar.audio import AudioError
from ditar.evaluate.inputs import Ending, list_audio, read_stopped
from ditar.storage.lock import InUseError, only_writer
from ditar.synthesis.utterance_list import MANIFEST, SpeechTask, speak_many
from tests.speaker import VOICE, Speaker

ROWS = [("a1", "One sentence."), ("a2", "Two. " * 40), ("a3", "Three!"), ("a4", "\U0001f600"), ("a5", "Five.")]


def speak(speaker, rows, folder, **options):
    options = {"seed": 3, "settings": {"steps": 2}, "batch_size": 1, **options}
    return speak_many(speaker, [SpeechTask(utt, text, VOICE, "tone") for utt, text in rows], folder, **options)


def manifest(folder):
    return {row["id"]: row for row in map(json.loads, (folder / MANIFEST).read_text().splitlines())}


def test_each_line_is_a_file_and_one_bad_line_stops_no_other(tmp_path):
    speaker, shown = Speaker(), {}
    result = speak(
        speaker, ROWS, tmp_path, on_progress=lambda tasks, made: shown.update((task.name, made) for task in tasks)
    )
    assert result.spoken == 4 and [utt for utt, _ in result.failed] == ["a4"]
    assert shown == {utt: utt != "a4" for utt, _ in ROWS}
    rows = manifest(tmp_path)
    assert set(rows) == {"a1", "a2", "a3", "a5"} and rows["a2"]["pieces"] > 1 and rows["a1"]["pieces"] == 1
    for row in rows.values():
        assert abs(soundfile.info(tmp_path / row["file"]).duration - row["seconds"]) < 1e-3
    assert speaker.batches == -(-len(speaker.said) // 2)  # pieces of several utterances share batches


def test_a_second_run_keeps_what_is_done(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=2), ROWS, tmp_path)
    assert set(manifest(tmp_path)) == {"a1"}
    with open(tmp_path / MANIFEST, "a") as file:
        file.write('{"id": "a3", "fi')  # a killed process
    kept = (tmp_path / "a1.wav").stat().st_mtime_ns
    result = speak(Speaker(), ROWS, tmp_path)
    assert (result.kept, result.spoken) == (1, 3) and (tmp_path / "a1.wav").stat().st_mtime_ns == kept
    nothing = Speaker()
    assert speak(nothing, ROWS, tmp_path).kept == 4 and not nothing.said


@pytest.mark.parametrize("change", [{"seed": 9}, {"settings": {"steps": 9}}, {"text": "Another."}, {"gone": True}])
def test_what_has_changed_is_made_again(tmp_path, change):
    speak(Speaker(), ROWS[:1], tmp_path)
    rows = [("a1", change.pop("text", ROWS[0][1]))]
    if change.pop("gone", False):
        (tmp_path / "a1.wav").unlink()
    assert speak(Speaker(), rows, tmp_path, **change).spoken == 1


def test_an_utterance_sounds_the_same_whatever_else_is_in_the_list(tmp_path):
    speak(Speaker(), ROWS, tmp_path / "all")
    speak(Speaker(), ROWS[1:3], tmp_path / "some", batch_size=4)
    for utt in ("a2", "a3"):
        assert (tmp_path / "all" / f"{utt}.wav").read_bytes() == (tmp_path / "some" / f"{utt}.wav").read_bytes()
    speak(Speaker(), ROWS[:1], tmp_path / "some")
    assert set(manifest(tmp_path / "some")) == {"a1", "a2", "a3"}  # another list's files stay in the manifest


@pytest.mark.parametrize("damage", ["cut", "longer", "no audio"])
def test_a_file_that_is_not_as_long_as_the_manifest_says_is_made_again(tmp_path, damage):
    speak(Speaker(), ROWS[:1], tmp_path)
    path, whole = tmp_path / "a1.wav", (tmp_path / "a1.wav").read_bytes()
    path.write_bytes({"cut": whole[:-1000], "longer": whole, "no audio": b"x" * len(whole)}[damage])
    if damage == "longer":
        audio, rate = soundfile.read(path)
        soundfile.write(path, [*audio, *audio[:100]], rate)
    told = []
    result = speak(Speaker(), ROWS[:1], tmp_path, on_resume=lambda found: told.append((found.kept, found.damaged)))
    assert told == [(0, ["a1"])] and (result.kept, result.spoken) == (0, 1) and path.read_bytes() == whole


def test_what_is_to_be_replaced_stays_until_its_successor_is_there(tmp_path):
    speak(Speaker(), ROWS[:2], tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.wav")}
    told = []
    with pytest.raises(KeyboardInterrupt):
        speak(Speaker(interrupt_at=1), ROWS[:2], tmp_path, seed=9, on_resume=lambda found: told.append(found.replaced))
    assert told == [(2, 0)] and {path.name: path.read_bytes() for path in tmp_path.glob("*.wav")} == before
    nothing = Speaker()
    assert speak(nothing, ROWS[:2], tmp_path).kept == 2 and not nothing.said  # back to the first seed
    speak(Speaker(), ROWS[:2], tmp_path, seed=9)
    assert len((tmp_path / MANIFEST).read_text().splitlines()) == 2


def test_what_is_wrong_after_all_attempts_stands_in_the_manifest_and_is_told_of_what_is_kept(tmp_path):
    class Endless(Speaker):
        def batch(self, requests, **options):
            made = super().batch(requests, **options)
            return [replace(o, wrong="it did not end" if "Two" in r.text else None) for r, o in zip(requests, made)]

    assert speak(Endless(), ROWS[:2], tmp_path).wrong == [("a2", "it did not end")]
    assert {utt: row["wrong"] for utt, row in manifest(tmp_path).items()} == {"a1": None, "a2": "it did not end"}
    assert speak(Speaker(), ROWS[:2], tmp_path).wrong == [("a2", "it did not end")]


def test_recordings_are_not_taken_for_outputs_that_may_go(tmp_path):
    (tmp_path / "wav").mkdir()
    soundfile.write(tmp_path / "wav/mine.wav", [0.0], 24_000)
    with pytest.raises(AudioError, match="holds 1 WAV files and .* no manifest.jsonl.*choose another folder"):
        speak(Speaker(), ROWS[:1], tmp_path, audio="wav", keep_others=False)
    assert (tmp_path / "wav/mine.wav").exists()


def test_what_cannot_be_spoken_any_more_leaves_no_audio_of_another_text(tmp_path):
    speak(Speaker(), ROWS[:2], tmp_path)
    result = speak(Speaker(), [ROWS[0], ("a2", "\U0001f600")], tmp_path)
    assert result.kept == 1 and [utt for utt, _ in result.failed] == ["a2"]
    assert set(manifest(tmp_path)) == {"a1"} and sorted(p.name for p in tmp_path.glob("*.wav")) == ["a1.wav"]


def test_two_programs_do_not_speak_into_one_folder(tmp_path):
    speak(Speaker(), ROWS[:1], tmp_path)
    speaker = Speaker()
    with only_writer(tmp_path), pytest.raises(InUseError, match="is being written by another program"):
        speak(speaker, ROWS, tmp_path)
    assert not speaker.said and set(manifest(tmp_path)) == {"a1"}


def test_how_each_output_ended_is_there_for_the_evaluation(tmp_path):
    class Endless(Speaker):
        def batch(self, requests, **options):
            made = super().batch(requests, **options)
            return [replace(o, stopped="Three" not in r.text, attempts=3) for r, o in zip(requests, made)]

    speak(Endless(), ROWS, tmp_path)
    assert read_stopped(tmp_path, list_audio(tmp_path)) == {
        utt: Ending(utt != "a3", 3) for utt in ("a1", "a2", "a3", "a5")
    }
    speak(Speaker(), ROWS[:2], tmp_path, settings={"steps": 9})  # what is made again ends anew; others stay told
    assert (tmp_path / "stopped").read_text() == "a1 1 1\na2 1 1\na3 0 3\na5 1 3\n"


def test_tasks_of_other_settings_do_not_share_a_batch(tmp_path):
    class Asked(Speaker):
        def batch(self, requests, *, batch_size, **options):
            asked.append(([r.text for r in requests], options))
            return super().batch(requests, batch_size=batch_size)

    asked = []
    tasks = [
        SpeechTask(f"{k}/a", f"Number {k}.", VOICE, "tone", seed=k, batch_options={"top_k": k // 2}) for k in range(4)
    ]
    speak_many(Asked(), tasks, tmp_path, settings={}, audio="wav", batch_size=4)
    assert asked == [(["Number 0.", "Number 1."], {"top_k": 0}), (["Number 2.", "Number 3."], {"top_k": 1})]
    assert {row["file"] for row in manifest(tmp_path).values()} == {f"wav/{k}/a.wav" for k in range(4)}


def test_a_folder_of_these_tasks_alone(tmp_path):
    speak(Speaker(), ROWS[:3], tmp_path)
    (tmp_path / "stray.wav").touch()
    result = speak(Speaker(), [ROWS[0], ("a2", "Other.")], tmp_path, keep_others=False)
    assert (result.kept, result.spoken, result.replaced) == (1, 1, (2, 1))  # a2 and a3 of other inputs, and the stray
    assert sorted(path.name for path in tmp_path.glob("*.wav")) == ["a1.wav", "a2.wav"]
