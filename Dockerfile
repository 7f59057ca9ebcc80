# `ditar serve` as a user without rights; README.md, "In a container", has the commands that build and run it.
#
# No daemon has built it yet. What was run instead, before pocketsphinx came in: both pip lines, over a folder of what
# .dockerignore lets through and with an index of torch's CPU build, in a fresh environment of Python 3.11 on Debian 12
# (1.3 GB; the libraries that it takes from the system are glibc, libgcc, libstdc++ and zlib); then as user 10001 the
# entry point, which refuses without a key, a request with the key, the upload of a voice, the health check before and
# after SIGTERM. Not run: the line that adds the user. With pocketsphinx, torch's CUDA build and as root: both pip lines,
# and a server that learnt a voice and spoke with it. tests/test_container.py holds this file against the package and the
# options of `ditar serve`.
FROM python:3.11-slim

# PyPI's torch for x86-64 brings gigabytes of CUDA libraries that no CPU uses: give the index of the CPU builds.
ARG TORCH_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN pip install ${TORCH_INDEX_URL:+--index-url "$TORCH_INDEX_URL"} 'torch>=2.11,<2.15'

COPY pyproject.toml README.md LICENSE /src/
COPY ditar /src/ditar
RUN pip install '/src[serve]' && rm -r /src/*

RUN useradd --uid 10001 --create-home ditar && install --directory --owner=ditar /voices
USER ditar
WORKDIR /home/ditar
VOLUME /voices
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=4)"]
ENTRYPOINT ["ditar", "serve", "--host", "0.0.0.0", "--port", "8000", "--voices", "/voices"]
