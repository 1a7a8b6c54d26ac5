"""Where the program starts: it takes a moment to be read in, and Ctrl-C ends it in that moment as well as later."""

import sys

INTERRUPTED = 130


def start() -> None:
    """Read the program in and run it."""
    try:
        from infra.cli.main import main  # noqa: PLC0415 — what can be interrupted is this
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    main()
