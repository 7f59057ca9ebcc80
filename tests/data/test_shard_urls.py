"""Shards on other machines: webdataset's patterns, HTTP, commands, and what goes wrong with them."""

import functools
import http.server
import threading

import pytest
import torch

from ditar.data import shard_urls
from ditar.data.errors import DataError
from ditar.data.latents import LatentStore
from ditar.data.shard_urls import expand, fetch, locate
from tests.data.test_batches import write_store


def test_patterns():
    assert list(expand("a.tar")) == ["a.tar"]
    assert list(expand("http://h{1,2}/x.{08..10}.tar")) == [
        f"http://h{host}/x.{number}.tar" for host in (1, 2) for number in ("08", "09", "10")
    ]
    for bad in ("x.{9..1}.tar", "x.{a..c}.tar"):
        with pytest.raises(DataError, match="is no range; write one as"):
            list(expand(bad))


def test_shards_of_several_machines():
    names = [f"latents.{number:06d}.tar" for number in range(4)]
    patterns = ["http://a/latents.{000000..000001}.tar", "pipe:cat /b/latents.{000001..000003}.tar | cat"]
    found = locate(names, patterns)
    assert list(found.values()) == [
        "http://a/latents.000000.tar", "http://a/latents.000001.tar",
        "pipe:cat /b/latents.000002.tar | cat", "pipe:cat /b/latents.000003.tar | cat",
    ]  # fmt: skip
    with pytest.raises(DataError, match=r"ends with latents.000002.tar \(and 1 more\), which the index names"):
        locate(names, patterns[:1])


class Handler(http.server.SimpleHTTPRequestHandler):
    """Fails `ill` times before it answers, and cuts short what is named `short`."""

    ill, asked = 0, 0

    def do_GET(self):
        Handler.asked += 1
        if Handler.ill:
            Handler.ill -= 1
            return self.send_error(503)
        return super().do_GET()

    def copyfile(self, source, output):
        data = source.read()
        output.write(data[: len(data) // 2] if "short" in self.path else data)

    def log_message(self, *_):
        pass


@pytest.fixture
def machine(tmp_path, monkeypatch):
    monkeypatch.setattr(shard_urls, "WAIT_S", 0.01)
    Handler.ill = Handler.asked = 0
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_what_comes_over_the_network_is_what_is_there(machine, tmp_path):
    store = write_store(tmp_path / "here", utterances=30, shards=3)
    (tmp_path / "there").mkdir()
    for shard in store.shards[1:]:
        (tmp_path / "here/shar" / shard).rename(tmp_path / "there" / shard)
    urls = [f"pipe:cat {tmp_path}/here/shar/latents.{{000000..000000}}.tar", f"{machine}/there/latents.{{000000..000002}}.tar"]
    far = LatentStore(tmp_path / "here", store.mean, store.std, urls)
    far.hold(far.shards)
    for shard in store.shards[1:]:
        (tmp_path / "here/shar" / shard).symlink_to(tmp_path / "there" / shard)
    assert all(torch.equal(far.latents(e.utt), store.latents(e.utt)) for e in store.entries)


def test_a_moment_of_illness_is_waited_for_and_an_absence_is_not(machine, tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    Handler.ill = shard_urls.TRIES - 1
    assert fetch(f"{machine}/x") == b"content" and Handler.asked == shard_urls.TRIES
    Handler.ill, Handler.asked = 100, 0
    with pytest.raises(OSError, match="the server answers 503"):
        fetch(f"{machine}/x")
    assert Handler.asked == shard_urls.TRIES
    Handler.ill = Handler.asked = 0
    with pytest.raises(FileNotFoundError, match="the server answers 404"):
        fetch(f"{machine}/none")
    assert Handler.asked == 1
    with pytest.raises(OSError, match="its command ended with 3: no such bucket"):
        fetch("pipe:echo no such bucket >&2; exit 3")


def test_what_comes_cut_short_is_refused_or_left_out(machine, tmp_path, capsys):
    store = write_store(tmp_path / "short", utterances=20, shards=2)
    urls = [f"{machine}/short/shar/latents.{{000000..000001}}.tar"]
    with pytest.raises(DataError, match=r"short/shar/latents.000000.tar cannot be read \(IncompleteRead"):
        LatentStore(tmp_path / "short", store.mean, store.std, urls).latents(store.entries[0].utt)
    lenient = LatentStore(tmp_path / "short", store.mean, store.std, urls, skip_bad=True)
    lenient.hold(lenient.shards)
    assert not any(lenient.readable(e.utt) for e in store.entries)
    assert capsys.readouterr().err.count("left out, with its 10 utterances") == 2
