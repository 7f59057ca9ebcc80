# `ditar serve` as a user without rights; README.md, "In a container", has the commands that build and run it.
#
# Built by buildah (chroot isolation), with an index of torch's CPU build and a base image made here in place of
# Docker's own: Debian 12 with Python 3.11 in /usr/local; 1.9 GB. Run as process 1 and user 10001 in namespaces of its
# own: no key and an unreadable one are refused, the health check, speech, an uploaded voice, a learnt one, SIGTERM while
# it speaks (what was begun is finished, the health check fails, exit code 0); and as another user on a root file system
# that is read-only. Not tried: Docker itself, and its python:3.11-slim. tests/test_container.py holds this file against
# the package and the options of `ditar serve`.
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
