"""What can be asked of reactions. All but trying again is asked by the part of the system that carries them out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TakeStep:
    """Do what a step of a reaction says, counted from 0, because of the event at a position. `made` is what ids of new things are made of."""

    record: str
    reaction: str
    cause: int
    step: int
    made: str = ""


@dataclass(frozen=True, slots=True)
class FinishReaction:
    """Note that a reaction did everything it does, and which events came of it."""

    record: str
    reaction: str
    cause: int
    positions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FailReaction:
    """Note that a step of a reaction was refused, and why; `positions` are the events of the steps before it."""

    record: str
    reaction: str
    cause: int
    step: int
    code: str
    message: str
    positions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RetryReaction:
    """Let a reaction that failed be tried again, from the step that failed on: asked by the record's owner, by who leads them, or with a right."""

    record: str
    reaction: str
    cause: int


ReactionCommand = TakeStep | FinishReaction | FailReaction | RetryReaction
