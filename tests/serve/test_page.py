"""The page of the server: in one file, and in a browser."""

import base64
import re

import pytest
import soundfile

from ditar.audio.read import read_audio
from ditar.serve.app import PAGE
from ditar.synthesis.model_folder import ASSETS
from ditar.synthesis.voice_file import load_voice
from tests.serve.browser import browser
from tests.serve.server import running
from tests.serve.test_voices import encoded
from tests.tiny import clip, tiny_pipeline

CTRL = 2


def test_it_is_one_file_that_asks_nobody(server):
    reply = server.http.get("/")
    assert reply.status_code == 200 and reply.headers["content-type"].startswith("text/html")
    assert reply.text == PAGE.read_text(encoding="utf-8")
    assert not re.search(r"https?://|(src|href)=|@import|url\(", reply.text)
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script-src 'sha256-" in policy and "connect-src 'self'" in policy


def say(page, text):
    page.run(f"document.querySelector('#text').value = {text!r}, document.querySelector('[name=seed]').value = 1")


def is_drawn(page, canvas):
    """Whether a picture has more than one colour."""
    return page.run(
        f"(() => {{ const c = {canvas}, d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        " return new Set(new Uint32Array(d.buffer)).size > 1; })()"
    )


def test_a_click_speaks_and_it_is_heard_and_seen(page, tmp_path):
    page.run(
        "window.farthest = 0, Take.prototype.shown = Take.prototype.show,"
        "Take.prototype.show = function (at) { farthest = Math.max(farthest, at); this.shown(at); }, 0"
    )
    say(page, "Good morning. It rains.")
    page.click("#speak")
    page.until("takes.length === 1 && takes[0].samples > 0 && context.state === 'running'")
    page.until("farthest > 0.2")  # the sound goes on
    page.until("takes[0].done")
    page.until("document.querySelector('#status').textContent.startsWith('Done: ')")
    assert page.run("takes[0].audio.slice(0, takes[0].samples).some(x => Math.abs(x) > 0.01)")
    assert is_drawn(page, "takes[0].wave") and is_drawn(page, "takes[0].spectrum")
    assert page.run("takes[0].words.map(word => word.node.textContent)") == ["Good", "morning.", "It", "rains."]
    ends = page.run("takes[0].words.map(word => [word.start, word.end])")
    assert ends[0] == ends[1] and ends[2] == ends[3]  # of the first sentence, and of the second
    assert ends[0][1] <= ends[2][0] < ends[2][1] <= page.run("takes[0].seconds")
    page.run(f"stop(), takes[0].show({ends[2][0]} + 0.01)")
    assert page.run("[...document.querySelectorAll('.now')].map(node => node.textContent)") == ["It"]
    page.run("window.take = new Take('', {}, ''), take.timed = true, take.addPiece({text: 'Say *it*. No', start: 0})")
    page.run("take.setTime({text: 'it.', start: 1, end: 2}), take.setTime({text: 'No', start: 2, end: 3})")
    assert page.run("take.words.slice(1).map(word => word.start)") == [1, 2]
    page.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 10_000


def test_the_same_settings_again_and_a_download(page, server, tmp_path):
    page.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    say(page, "It rains.")
    page.run("speak()")
    page.until("takes.at(-1).done")
    page.run("takes.at(-1).download.click()")
    expected = len(server.speak(input="It rains.", seed=1, steps=2).content) // 2
    path, tries = tmp_path / "default-1.wav", 0
    while not path.is_file() and tries < 200:
        page.until("new Promise(done => setTimeout(() => done(true), 50))")
        tries += 1
    assert soundfile.info(path).frames == expected and soundfile.info(path).samplerate == 24_000
    page.run("takes.at(-1).again.click()")
    assert page.run("document.querySelector('[name=seed]').value") == "1"
    page.run("window.sent = Int16Array.from({ length: 65535 }, (_, i) => i - 32767), 0")
    page.run("window.take = new Take('', {}, ''), take.add(sent)")
    saved = "toWav(take.audio.subarray(0, take.samples)).arrayBuffer().then(saved => new Int16Array(saved, 44))"
    assert page.run(f"{saved}.then(saved => sent.every((x, i) => x === saved[i]))")  # to the last bit


def test_two_settings_side_by_side(page):
    say(page, "It rains.")
    page.click("#compare")
    page.run("forms[1].querySelector('[name=voice]').value = 'heart'")
    before = page.run("takes.length")
    page.run("speak()")
    page.until(f"takes.length === {before + 2} && takes.at(-1).done && takes.at(-2).done")
    assert page.run("takes.slice(-2).map(take => take.found.voice)") == ["default", "heart"]
    boxes = page.run("takes.slice(-2).map(take => take.node.getBoundingClientRect()).map(box => [box.x, box.y])")
    assert boxes[0][0] < boxes[1][0] and boxes[0][1] == boxes[1][1]
    page.click("#compare")


def test_what_is_compared_starts_from_one_noise(page):
    """An empty seed is the other's, or one that is drawn for both; and it is shown."""
    page.click("#compare")
    for first, second, expected in (("", "", None), ("7", "", [7, 7]), ("", "8", [8, 8]), ("7", "8", [7, 8])):
        say(page, "It rains.")
        fields = "forms.map(form => form.querySelector('[name=seed]'))"
        page.run(f"{fields}.forEach((field, i) => {{ field.value = {[first, second]}[i]; }})")
        before = page.run("takes.length")
        page.run("speak()")
        page.until(f"takes.length === {before + 2} && takes.at(-1).done && takes.at(-2).done")
        one, two = page.run("takes.slice(-2).map(take => take.seed)")
        assert [one, two] == (expected or [one, one])
        assert page.run("takes.slice(-2).map(take => take.found.seed)") == [one, two]
        shown = page.run("takes.slice(-2).map(take => take.facts.textContent)")
        assert f"seed {one}" in shown[0] and f"seed {two}" in shown[1]
    page.run("forms[1].querySelector('[name=seed]').value = ''")
    page.click("#compare")


LANGUAGES = "[...document.querySelectorAll('[name=language], #clip-language')]"
HIDDEN = "getComputedStyle(select.parentNode).display === 'none'"


def test_a_model_of_one_language_offers_none(page):
    page.run("offer(['en-us'], 'en-gb')")
    assert page.run(f"{LANGUAGES}.map(select => [select.options.length, {HIDDEN}])") == [[0, True]] * 3
    assert page.run("settings(forms[0]).language === undefined")


def test_a_model_of_several_languages_is_asked_for_one(tmp_path):
    pipeline = tiny_pipeline(seconds_per_symbol=0.03, trained_languages=("en-us", "fr-fr"))
    (tmp_path / "voices").mkdir()
    with running(pipeline, tmp_path / "voices", language="en-gb") as server, browser(server.url, tmp_path) as page:
        page.until("document.querySelector('select').options.length > 3")
        page.until(f"{LANGUAGES}.every(select => !({HIDDEN}) && select.value === 'en-gb')")
        offered = f"{LANGUAGES}.map(select => [...select.options].map(option => option.value))"
        assert page.run(offered) == [["en-gb", "en-us", "fr-fr"]] * 3
        texts = []
        read = server.service._read
        server.service._read = lambda text, voice, found: [read(text, voice, found), texts.append(found)][0]
        page.run("forms[0].querySelector('[name=steps]').value = 2")
        page.run("forms[0].querySelector('[name=language]').value = 'fr-fr'")
        say(page, "Bonjour.")
        page.run("speak()")
        page.until("takes.at(-1)?.done")
        assert [found.request_options["language"] for found in texts] == ["fr-fr"]
        assert "language fr-fr, " in page.run("takes.at(-1).facts.textContent")
        page.run("forms[0].querySelector('[name=language]').value = 'en-us', takes.at(-1).again.click()")
        assert page.run("forms[0].querySelector('[name=language]').value") == "fr-fr"
        page.run("takeClip(toWav(new Float32Array(2 * RATE).map((_, i) => .1 * Math.sin(i / 20))), 'a.wav')")
        page.until("clip !== null")
        page.run("document.querySelector('#transcript').value = 'Il est 10 heures.'")
        page.run("document.querySelector('#adapt').checked = false, document.querySelector('#name').value = 'mine'")
        page.run("document.querySelector('#clip-language').value = 'fr-fr'")
        page.run("document.querySelector('#add').click()")
        page.until("document.querySelector('[name=voice]').value === 'mine'")
        phonemes = "".join(load_voice(tmp_path / "voices/mine.safetensors").symbols)
        assert "œʁ" in phonemes, phonemes
        assert not page.problems


def test_the_keyboard(page):
    say(page, "It rains, and it rains, and it rains.")
    before = page.run("takes.length")
    page.run("window.times = 0, window.spoken = speak, window.speak = () => { times += 1; return spoken(); }, 0")
    page.run("document.querySelector('#text').focus()")
    page.press("Enter", 13, CTRL)
    page.press("Enter", 13, CTRL, autoRepeat=True)  # held down
    page.until(f"takes.length === {before + 1} && takes.at(-1).samples > 0")
    assert page.run("window.speak = spoken, times") == 1
    page.press("Escape", 27)
    page.until("playing === null && asking.length === 0")
    reached = []
    page.run("document.querySelector('#text').focus()")
    for _ in range(12):
        page.press("Tab", 9)
        reached.append(page.run("document.activeElement.name || document.activeElement.id"))
    assert {"voice", "temperature", "guidance_scale", "steps", "seed", "compare", "speak"} <= set(reached)


@pytest.mark.parametrize("way", ["chosen", "dropped"])
def test_a_clip_becomes_a_voice(page, server, tmp_path, way):
    page.run("clip = null, document.querySelector('#clip-facts').textContent = ''")
    if way == "chosen":
        (tmp_path / "my voice.flac").write_bytes(encoded(clip(1.0)))
        document = page.call("DOM.getDocument")["root"]["nodeId"]
        node = page.call("DOM.querySelector", nodeId=document, selector="#file")["nodeId"]
        page.call("DOM.setFileInputFiles", nodeId=node, files=[str(tmp_path / "my voice.flac")])
    else:
        clean = read_audio(ASSETS / "voices" / "heart.flac")[:48_000]  # noise would not be learnt from
        data = base64.b64encode(encoded(clean)).decode("ascii")
        page.run(
            "window.dropped = new DataTransfer(), dropped.items.add(new File("
            f"[Uint8Array.from(atob('{data}'), one => one.charCodeAt(0))], 'my voice.flac')),"
            "document.dispatchEvent(new DragEvent('drop', {dataTransfer: dropped, cancelable: true}))"
        )
    assert "my voice.flac" in page.until("document.querySelector('#clip-facts').textContent")
    assert page.until("clip !== null")
    learn = way == "dropped"  # as it is unless one says otherwise, if it is known what is said
    page.run(f"document.querySelector('#transcript').value = {'Hello there.' if learn else ''!r}")
    assert page.run("document.querySelector('#adapt').checked && !document.querySelector('#adapting').hidden")
    page.run("document.querySelector('#name').value = 'mine', document.querySelector('#add').click()")
    page.until("document.querySelector('[name=voice]').value === 'mine'")
    (made,) = server.service.settings.voices.iterdir()
    assert made.name == "mine.safetensors" and (load_voice(made).embedding is not None) is learn
    said = f"Voice mine {'learnt' if learn else 'added'}"
    page.until(f"document.querySelector('#status').textContent.startsWith({said!r})")
    say(page, "It rains.")
    page.run("speak()")
    page.until("takes.at(-1).done && takes.at(-1).found.voice === 'mine'")
    page.run("window.confirm = () => true, document.querySelector('#remove').click()")
    page.until("![...document.querySelector('[name=voice]').options].some(option => option.value === 'mine')")
    assert not list(server.service.settings.voices.iterdir())


def test_the_microphone(page):
    page.run("clip = null, document.querySelector('#record').click()")
    page.until("recorder !== null && recorder.state === 'recording'")
    page.until("new Promise(done => setTimeout(() => done(true), 700))")
    page.run("document.querySelector('#record').click()")
    page.until("clip !== null && clip.size > 10000")
    assert "Recording, " in page.run("document.querySelector('#clip-facts').textContent")


def test_enter_in_the_name_adds_the_voice(page):
    before = page.run("takes.length")
    page.run("clip = new Blob(['no sound']), document.querySelector('#new-voice').open = true")
    page.run("document.querySelector('#add').disabled = false, document.querySelector('#name').value = 'mine'")
    page.run("document.querySelector('#problem').textContent = '', document.querySelector('#name').focus()")
    for kind in ("keyDown", "keyUp"):
        page.call("Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter", windowsVirtualKeyCode=13, text="\r")
    assert "cannot be read as audio" in page.until("document.querySelector('#problem').textContent")
    assert page.run("takes.length") == before
    page.problems.clear()  # the browser logs the answer 422


def test_stop_is_there_while_something_is_heard(page):
    say(page, "It rains.")
    page.run("speak()")
    page.until("playing === null")
    assert page.run("document.querySelector('#stop').disabled")
    page.run("takes.at(-1).button.click()")
    page.click("#stop")
    assert page.run("playing === null && document.querySelector('#stop').disabled")
    assert page.run("document.querySelector('#status').textContent") == "Stopped"


def test_a_screen_reader_and_narrow_screens(page):
    unnamed = "[...document.querySelectorAll('input, select, textarea')].filter(e => !e.labels?.length && !e.ariaLabel)"
    assert page.run(f"{unnamed}.map(e => e.outerHTML)") == []
    assert page.run("[...document.querySelectorAll('button')].every(button => button.textContent.trim())")
    assert page.run("[...document.querySelectorAll('canvas')].every(c => c.role === 'img' && c.ariaLabel)")
    assert page.run("[...document.querySelectorAll('h1, h2, h3')].every(heading => heading.textContent.trim())")
    named = "[...document.querySelectorAll('[aria-label]')]"
    assert page.run(f"{named}.every(e => e.role || !['P', 'DIV', 'SPAN'].includes(e.tagName))")
    page.run("document.documentElement.style.fontSize = '32px'")  # text alone is larger
    page.resize(320, 800)
    assert page.run("document.documentElement.scrollWidth <= innerWidth")
    page.run("document.documentElement.style.fontSize = ''")
    for width, dark in ((320, False), (1200, True)):
        page.resize(width, 800, dark)
        assert page.run("document.documentElement.scrollWidth <= innerWidth")
        text = page.run("getComputedStyle(document.body).color")
        assert text == ("rgb(255, 255, 255)" if dark else "rgb(0, 0, 0)")
