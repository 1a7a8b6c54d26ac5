"""Replay: what would these rules have decided? Recorded decisions are judged again on what was recorded then, in columns.

Open loop: each decision is judged on its own, on the state its record had as of the decision's basis;
people might have acted otherwise after a different answer, and every report says so. Nothing is written.
"""

from projections.replay.asking import Ask, Window
from projections.replay.engine import Replayed, replay
from projections.replay.law import LawFigures

__all__ = ["Ask", "LawFigures", "Replayed", "Window", "replay"]
