"""A python for recipes of a dozen programs, which costs none of them the import of torch: a server forks them."""

import array
import atexit
import json
import multiprocessing
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

from tests.forked import context

REAL_PYTHON = sys.executable


@cache
def quick_python() -> str:
    """The path of an executable that behaves as sys.executable (tests/quick_python.py says how); its server is started."""
    folder = Path(tempfile.mkdtemp(prefix="ditar-python-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    program = folder / "python"
    program.write_text(f"#!{sys.executable} -IS\n" + Path(__file__).with_name("quick_python.py").read_text())
    program.chmod(0o755)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(folder / "socket"))
        listener.listen(64)
        context().Process(target=_serve, args=(listener, str(program)), daemon=True).start()
    return str(program)


def _serve(listener: socket.socket, executable: str) -> None:
    """Until it is killed, as a daemon of multiprocessing is in the end."""
    multiprocessing.current_process().daemon = False  # what it forks may have children
    sys.executable = executable
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_attend(client))
        client.close()


def _attend(client: socket.socket) -> int:
    """Start one program, hand on signals, and answer with its exit code. The program ends when the client goes."""
    head, rights, _, _ = client.recvmsg(8, socket.CMSG_SPACE(3 * array.array("i").itemsize))
    streams = array.array("i")
    streams.frombytes(rights[0][2])
    left, pieces = int.from_bytes(head, "big"), []
    while left:
        pieces.append(client.recv(left))
        left -= len(pieces[-1])
    request = json.loads(b"".join(pieces))
    program = os.fork()
    if program == 0:
        client.close()
        _become(request, streams)
    for stream in streams:
        os.close(stream)
    handle = os.pidfd_open(program)
    while handle not in select.select([client, handle], [], [])[0]:
        sent = client.recv(1)
        os.kill(program, sent[0] if sent else signal.SIGKILL)
        if not sent:
            return 1
    code = os.waitstatus_to_exitcode(os.waitpid(program, 0)[1])
    client.sendall(bytes([code if code >= 0 else 128 - code]))  # as a shell says it
    return 0


def _become(request: dict, streams: array.array) -> None:
    """In the new process: what python's own start does, as far as our programs can tell."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    sys.stdin = sys.__stdin__ = open(0, closefd=False)
    unbuffered = request["arguments"][0] == "-u"  # torchrun's
    sys.stdout = sys.__stdout__ = open(1, "w", buffering=1 if unbuffered else -1, closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    given = request["arguments"]
    kind, *arguments = given[1:] if unbuffered else given
    if kind.startswith("-") and kind not in ("-m", "-c"):
        os.execv(REAL_PYTHON, [REAL_PYTHON, *given])
    first = "" if kind == "-c" else os.getcwd() if kind == "-m" else os.path.dirname(os.path.realpath(kind))
    sys.path[:0] = [first, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    code: object = 0
    try:
        if kind == "-m":
            sys.argv = arguments
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
        elif kind == "-c":
            sys.argv = ["-c", *arguments[1:]]
            exec(compile(arguments[0], "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = [kind, *arguments]
            runpy.run_path(kind, run_name="__main__")
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if not (code is None or isinstance(code, int)):
        print(code, file=sys.stderr)
    atexit._run_exitfuncs()
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(0 if code is None else code & 255 if isinstance(code, int) else 1)
