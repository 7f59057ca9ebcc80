"""`PROGRAM arguments`, `-m MODULE arguments` or `-c CODE arguments`: as python, without the seconds that importing torch
takes. A server (tests/python_server.py), which has imported it, forks a process that has this one's streams, folder and
environment. Signals go on to that process, and it is killed with this one. The server's socket lies beside this file."""

import array
import json
import os
import signal
import socket
import sys

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> int:
    """Ask the server and wait; the exit code."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.connect(os.path.join(os.path.dirname(__file__), "socket"))
    for number in SIGNALS:
        signal.signal(number, lambda number, _: server.sendall(bytes([number])))
    request = json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "environment": dict(os.environ)}).encode()
    streams = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    server.sendmsg([len(request).to_bytes(8, "big")], streams)
    server.sendall(request)
    answer = server.recv(1)
    return answer[0] if answer else 1


if __name__ == "__main__":
    sys.exit(main())
