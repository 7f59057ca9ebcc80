import pytest

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
