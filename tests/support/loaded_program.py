"""The program `dealtrail`, loaded once: whoever types its name gets a process that has imported everything already.

What runs is the program's own `main`, each time in a process of its own, with the arguments, the folder, the environment and the files
of whoever typed it; its exit status and the signals it is sent pass as well. Left out are only the seconds in which each process would
import the same modules again: the guides type the name about a hundred and fifty times.
"""

import gc
import json
import os
import selectors
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree

TYPED = Path(__file__).with_name("typed_program.py")
STREAMS = (0, 1, 2)
READY = b"loaded\n"
MUCH = 65_536


@contextmanager
def loaded_program(environment: Mapping[str, str]) -> Iterator[Path]:
    """A folder with a `dealtrail` in it, to be put before the others on the PATH; what is begun by it ends with the block."""
    if sys.platform != "linux":  # elsewhere, what a process was forked from may have used what it must not
        yield Path(sys.executable).parent
        return
    folder = Path(tempfile.mkdtemp(prefix="dealtrail-loaded-"))
    place, typed = folder / "place", folder / "dealtrail"
    # A script of the shell, because what follows `#!` may be neither long nor have spaces in it.
    beginning = shlex.join([sys.executable, "-IS", str(TYPED), str(place)])
    typed.write_text(f'#!/bin/sh\nexec {beginning} "$0" "$@"\n', "utf-8")
    typed.chmod(0o755)
    loaded = subprocess.Popen(
        [sys.executable, __file__, str(place)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert loaded.stdin is not None
    assert loaded.stdout is not None
    try:
        assert loaded.stdout.readline() == READY
        yield folder
    finally:
        loaded.stdin.close()  # which tells it that nobody needs it any more, and so would the end of this process
        loaded.wait()
        loaded.stdout.close()
        rmtree(folder)


class Loaded:
    """The process in which everything is loaded: it waits for whoever types the name, and begins a process for each of them."""

    def __init__(self, place: str) -> None:
        self._typing: dict[int, socket.socket] = {}
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(place)
        self._door.listen()
        self._bell, bell_rope = socket.socketpair()
        for end in (self._bell, bell_rope):
            end.setblocking(False)
        self._bell_rope = bell_rope
        signal.set_wakeup_fd(bell_rope.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._waited_for = selectors.DefaultSelector()
        for source in (sys.stdin, self._bell, self._door):
            self._waited_for.register(source, selectors.EVENT_READ)

    def begins(self) -> bool:
        """True in a process that was typed, each time there is one; False when nobody needs any."""
        while True:
            for key, _ in self._waited_for.select():
                if key.fileobj is sys.stdin:
                    self._end()
                    return False
                if key.fileobj is self._bell:
                    self._tell_who_ended()
                elif key.fileobj is not self._door:
                    self._stop(key.data)
                elif self._begun():
                    return True

    def _begun(self) -> bool:
        typing, _ = self._door.accept()
        told, files, _, _ = socket.recv_fds(typing, MUCH, len(STREAMS))
        while told and not told.endswith(b"\n"):
            more = typing.recv(MUCH)
            told = told + more if more else b""
        if not told:  # whoever typed it was stopped before everything was told
            for file in files:
                os.close(file)
            typing.close()
            return False
        process = os.fork()
        if not process:
            self._become(typing, files, *json.loads(told))
            return True
        for file in files:
            os.close(file)
        self._typing[process] = typing
        self._waited_for.register(typing, selectors.EVENT_READ, process)
        with suppress(ConnectionError):
            typing.sendall(b"%d\n" % process)
        return False

    def _become(
        self,
        typing: socket.socket,
        files: list[int],
        words: list[str],
        folder: str,
        environment: dict[str, str],
    ) -> None:
        """Be what was typed, where it was typed."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._waited_for.close()
        for inherited in (self._door, self._bell, self._bell_rope, typing, *self._typing.values()):
            inherited.close()
        for stream, file in zip(STREAMS, files, strict=True):
            os.dup2(file, stream)
            os.close(file)
        sys.argv[:] = words
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)

    def _tell_who_ended(self) -> None:
        """Tell each who waits how what they typed ended."""
        with suppress(BlockingIOError):
            self._bell.recv(MUCH)
        with suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG):
                process, status = ended
                if not process:
                    return
                if (typing := self._typing.pop(process, None)) is None:
                    continue
                self._waited_for.unregister(typing)
                with typing, suppress(ConnectionError):
                    typing.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))

    def _stop(self, process: int) -> None:
        """Whoever typed it is gone, so it has to go too."""
        if (typing := self._typing.pop(process, None)) is not None:
            self._waited_for.unregister(typing)
            typing.close()
            os.kill(process, signal.SIGKILL)

    def _end(self) -> None:
        for process in list(self._typing):
            self._stop(process)
        with suppress(ChildProcessError):
            while True:
                os.wait()


if __name__ == "__main__":
    del sys.path[0]  # where this file is, there is nothing the program looks for
    from infra.cli.main import main

    gc.freeze()
    loaded = Loaded(sys.argv[1])
    sys.stdout.buffer.write(READY)
    sys.stdout.flush()
    if loaded.begins():
        main()
