"""Healthy actions: what a playbook wants done by a certain time wherever it is asked for, so that the share that is can be measured."""

from typing import Literal

from domain.labels import Label
from domain.playbook.measuring import Positive
from domain.playbook.part import Name, Part


class HealthyAction(Part):
    """Something that is to follow within so many hours. Exactly one of `fork`, `work` and `request` says what.

    `fork`: after it began, somebody is at one of its legs. `work`: after work of this template was asked for, somebody is at it (`clock: triggered`),
    answers (`response`) or has done it (`done`). `request`: after it was asked, its answer. `within_hours` is working time where the playbook has a
    calendar, not counting what work was paused for; left out, the limit of the template holds.
    """

    label: Label
    why: Label | None = None
    fork: Name | None = None
    work: Name | None = None
    request: Name | None = None
    clock: Literal["triggered", "response", "done"] = "done"
    within_hours: Positive | None = None
