"""What is typed instead of `dealtrail` where it is loaded already: hands over what was typed, and ends as that ends.

It is begun as often as the program would be, so it imports next to nothing.
"""

import json
import os
import signal
import socket
import sys
from types import FrameType

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def typed(place: str, words: list[str]) -> int:
    """Have it done, and return its exit status; the number of a signal that ended it, below zero."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as loaded:
        loaded.connect(place)
        folder = os.getcwd()  # noqa: PTH109 — pathlib would take as long as everything else here together
        told = json.dumps([words, folder, dict(os.environ)]).encode() + b"\n"
        at = socket.send_fds(loaded, [told], [0, 1, 2])
        loaded.sendall(told[at:])
        answers = loaded.makefile("r")
        process = int(answers.readline())

        def pass_on(number: int, frame: FrameType | None) -> None:
            os.kill(process, number)

        for number in PASSED_ON:
            signal.signal(number, pass_on)
        return int(answers.readline())


if __name__ == "__main__":
    status = typed(sys.argv[1], sys.argv[2:])
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
