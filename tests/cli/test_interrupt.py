"""Ctrl-C, and the collection of garbage, while a command starts."""

import gc
import signal
import subprocess
import sys
from contextlib import suppress

PROGRAM = """
import os, signal, sys
from ditar.cli.interrupt import starting
signal.signal(signal.SIGINT, {handler})
with starting():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # what is around many an optional import
        pass
print("went on")
"""


def start(handler):
    return subprocess.run([sys.executable, "-c", PROGRAM.format(handler=handler)], capture_output=True, text=True)


def test_ctrl_c_is_not_lost_in_an_import():
    done = start("signal.default_int_handler")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "ditar: interrupted\n")


def test_who_ignores_it_still_does():
    assert start("signal.SIG_IGN").stdout == "went on\n"


def test_afterwards_it_is_an_exception_again():
    from ditar.cli.interrupt import starting

    before = signal.getsignal(signal.SIGINT)
    with starting():
        assert not gc.isenabled()
    assert signal.getsignal(signal.SIGINT) is before
    assert gc.isenabled()


def test_garbage_is_looked_for_again_after_a_failure_and_not_where_nobody_did():
    from ditar.cli.interrupt import starting

    with suppress(ValueError), starting():
        raise ValueError
    assert gc.isenabled()
    gc.disable()
    try:
        with starting():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
