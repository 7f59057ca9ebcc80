import pytest

from tests.serve.browser import browser
from tests.serve.server import running
from tests.tiny import tiny_pipeline


@pytest.fixture(scope="module")
def pipeline():
    """Speech of a second or two, which never ends by itself."""
    return tiny_pipeline(seconds_per_symbol=0.03)


@pytest.fixture(scope="module")
def server(pipeline, tmp_path_factory):
    with running(pipeline, tmp_path_factory.mktemp("voices"), max_concurrent=3, max_queue=3) as found:
        yield found


@pytest.fixture(autouse=True)
def nothing_stays(request):
    """Behind every test that has a server: no row, no place, no thread is stuck."""
    yield
    if "server" in request.fixturenames:
        request.getfixturevalue("server").wait_until_idle()


@pytest.fixture(scope="module")
def page(server, tmp_path_factory):
    """The page of the server in a browser, which complains of nothing in all the tests of a file."""
    with browser(server.url, tmp_path_factory.mktemp("browser")) as found:
        found.resize(1200, 900)
        found.until("document.querySelector('select').options.length > 3")
        found.run("for (const name of ['A', 'B'].keys()) forms[name].querySelector('[name=steps]').value = 2")
        yield found
        assert not found.problems  # nor was anything asked for that the policy forbids


@pytest.fixture(autouse=True)
def quiet(request):
    """Behind every test that has a page: it says nothing any more."""
    yield
    if "page" in request.fixturenames:
        request.getfixturevalue("page").run("stop()")
