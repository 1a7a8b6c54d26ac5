"""What can go wrong with a command on its way to and from the log, besides the domain's refusals."""


class CommandError(Exception):
    """The root of the write side's own errors. Nothing was changed."""

    code = "command-error"


class KeyReused(CommandError):
    """The idempotency key was used before for another command."""

    code = "idempotency-key-reused"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"the idempotency key {key!r} was used before for another command; use a new key for a new command"
        )
        self.key = key


class TooBusy(CommandError):
    """What the decision stands on kept moving; the command can be sent again with the same key."""

    code = "too-busy"

    def __init__(self, stream: str, attempts: int) -> None:
        super().__init__(
            f"{stream!r} moved during each of {attempts} attempts; send the command again with the same key"
        )
        self.stream = stream
        self.attempts = attempts
