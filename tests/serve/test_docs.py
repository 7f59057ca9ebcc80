"""The interactive description at /docs, from files of a published package: it asks no other server."""

import re
from urllib.parse import urlsplit

import pytest

from tests.serve.browser import browser


def test_every_file_of_it_is_served_here(server):
    page = server.http.get("/docs")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert page.status_code == 200 and len(files) == 3  # script, style, icon
    for file in files:
        assert not urlsplit(file).netloc
        reply = server.http.get(file)
        assert reply.status_code == 200 and len(reply.content) > 1000
    assert '"validatorUrl": null' in page.text
    assert server.http.get("/redoc").status_code == 404


def test_the_files_beside_them_are_not_to_be_had(server):
    folder = re.search(r'src="([^"]+)/', server.http.get("/docs").text)[1]
    for path in ("/", "/../core.py", "/%2e%2e/core.py"):
        assert server.http.get(folder + path).status_code == 404


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_browser_shows_it_and_asks_nobody_else(server, tmp_path, host):
    url = f"http://{host}:{server.port}"
    with browser(f"{url}/docs", tmp_path) as page:
        page.until("document.querySelectorAll('.opblock').length > 0")
        shown = page.run("[...document.querySelectorAll('.opblock-summary-path')].map(node => node.dataset.path)")
        assert {"/v1/audio/speech", "/v1/audio/voices", "/health"} <= set(shown)
        asked = page.run("performance.getEntriesByType('resource').map(entry => entry.name)")
        assert len(asked) >= 3 and all(name.startswith((url, "data:")) for name in asked), asked
        assert not page.problems
