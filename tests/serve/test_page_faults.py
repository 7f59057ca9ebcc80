"""The page of the server when something goes wrong: a server that is away or refuses, and what people do."""

from tests.serve.browser import browser
from tests.serve.server import running
from tests.serve.test_page import say


def test_a_file_that_is_no_sound_takes_the_place_of_a_clip(page):
    page.run("takeClip(toWav(new Float32Array(RATE)), 'good.wav')")
    assert page.run("clip.size > 40000 && !document.querySelector('#add').disabled")
    page.run("takeClip(new Blob(['no sound']), 'bad.txt')")
    assert "bad.txt cannot be read as audio" in page.run("document.querySelector('#problem').textContent")
    assert page.run("clip === null && document.querySelector('#add').disabled")  # the good one is not meant
    page.run("takeClip(toWav(new Float32Array(9 * RATE)), 'a.wav'), takeClip(toWav(new Float32Array(RATE)), 'b.wav')")
    page.until("clip !== null")
    assert page.run("document.querySelector('#clip-facts').textContent") == "b.wav, 1.0 s"
    text = "(window.dropped = new DataTransfer()).setData('text/plain', 'Hello.'), "
    event = "new DragEvent('drop', {dataTransfer: dropped, cancelable: true})"
    assert page.run(f"{text} document.dispatchEvent({event})")  # not prevented


def test_what_is_wrong_is_said(page):
    page.run("document.querySelector('[name=voice]').add(new Option('nobody', 'nobody', true, true))")
    say(page, "It rains.")
    before = page.run("document.querySelectorAll('.take').length")
    page.run("speak()")
    assert 'voice "nobody" is not known' in page.until("document.querySelector('#problem').textContent")
    page.until(f"document.querySelectorAll('.take').length === {before}")
    page.run("document.querySelector('[name=voice]').value = 'default'")
    page.problems.clear()  # the browser logs the answer 422


def answering(page, script):
    """Let the server's answer to a request for speech be what a function (path, options) returns; None: its own."""
    page.run(
        "window.fetched ??= fetch, window.fetch = (path, options) => "
        f"(path.endsWith('/speech') ? {script or 'fetched'} : fetched)(path, options), 0"
    )


def test_fields_that_are_hidden_keep_nobody_from_speaking(page):
    page.run(
        "document.querySelector('#name').value = 'my voice', document.querySelector('#new-voice').open = false,"
        "forms[1].querySelector('[name=steps]').value = 0"
    )
    say(page, "It rains.")
    before = page.run("takes.length")
    page.click("#speak")
    page.until(f"takes.length === {before + 1} && takes.at(-1).done")
    page.run("document.querySelector('#name').value = '', forms[1].querySelector('[name=steps]').value = 2")


def test_long_text_is_not_cut_in_silence(page):
    text = "It rains. " * 500
    page.run("document.querySelector('#text').focus(), document.querySelector('#text').select()")
    page.call("Input.insertText", text=text)
    assert page.run("document.querySelector('#text').value") == text
    page.run("speak()")
    assert "5000 characters" in page.run("document.querySelector('#problem').textContent")
    page.problems.clear()  # the browser logs the answer 413


def test_a_server_that_goes_away(page):
    say(page, "It rains.")
    before = page.run("takes.length")
    answering(page, "() => Promise.reject(new TypeError('Failed to fetch'))")
    page.run("speak()")
    assert page.run("document.querySelector('#problem').textContent").startswith("The server cannot be reached")
    assert page.run("takes.length") == before
    # in the middle: what was heard stays, under its seed
    answering(page, """async (path, options) => {
        const reply = await fetched(path, options), reader = reply.body.getReader(), text = new TextDecoder();
        let start = "";
        while (!start.includes("\\n\\n")) start += text.decode((await reader.read()).value);
        const first = new TextEncoder().encode(start.split("\\n\\n")[0] + "\\n\\n"), parts = [first];
        const pull = to => parts.length ? to.enqueue(parts.pop()) : to.error(new TypeError("network error"));
        reader.cancel();
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { headers: reply.headers });
    }""")
    page.run("document.querySelector('[name=seed]').value = ''")
    page.run("speak()")
    assert page.run("document.querySelector('#problem').textContent") == "The speech was cut off; ask again"
    assert page.run("takes.at(-1).samples > 0 && Number.isInteger(takes.at(-1).seed)")
    assert "stopped before its end" in page.run("takes.at(-1).node.textContent")
    answering(page, None)


def test_a_server_that_was_away_when_the_page_came(page):
    say(page, "It rains.")
    page.run("voices = [], forms[0].querySelector('[name=voice]').replaceChildren()")
    page.run("speak()")
    assert page.run("takes.at(-1).done && takes.at(-1).found.voice") == "default"


def test_one_of_two_is_refused(page):
    """Its error does not wait for the other one, which is heard."""
    say(page, "It rains.")
    page.click("#compare")
    for refused, heard in ((0, 1), (1, 0)):
        before = page.run("takes.length")
        page.run("window.asked = 0")
        answering(
            page, f"(path, options) => asked++ === {refused} ? Promise.resolve(new Response(JSON.stringify("
            "{error: {message: 'too many'}}), {status: 429})) : new Promise(done => { window.go = () => "
            "done(fetched(path, options)); })",
        )  # fmt: skip
        page.run("speak(), 0")
        page.until("document.querySelector('#problem').textContent === 'too many'")
        page.run("go(), 0")
        page.until(f"takes.length === {before + 1} && takes.at(-1).done")
        page.until("/^Done: [0-9.]+ s$/.test(document.querySelector('#status').textContent)")
        assert page.run("playing === takes.at(-1)") and page.run("document.querySelectorAll('h3').length") > 0
        assert page.run("takes.at(-1).node.ariaLabel") == f"Take {'AB'[heard]}"
        page.run("stop()")
    answering(page, None)
    page.click("#compare")


def test_no_microphone_without_https(page):
    page.run("Object.defineProperty(navigator, 'mediaDevices', {value: undefined, configurable: true}), 0")
    page.run("document.querySelector('#record').click()")
    assert "https" in page.run("document.querySelector('#problem').textContent")
    page.run("delete navigator.mediaDevices, 0")


def test_a_password_in_the_address(pipeline, tmp_path):
    """Browsers refuse to ask for a relative address then."""
    with running(pipeline, tmp_path, keys=("secret-key",)) as server:
        with browser(f"http://me:secret-key@127.0.0.1:{server.port}/", tmp_path) as page:
            page.until("document.querySelector('select').options.length > 3")
            assert page.run("document.querySelector('#problem').textContent") == ""
