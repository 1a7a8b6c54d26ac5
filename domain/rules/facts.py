"""The closed catalogue of facts: what a rule may ask beside fields.

A fact is about a record at a moment: the caller answers for that moment, so that a rule never looks at a clock.
Adding a fact means adding an entry here, a method to `RuleFacts` and its twin in the column back end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Protocol

from domain.rules.types import ValueType

ANY_TOUCH: Final = "any"
"""The touch kind that counts every touch, whatever its kind."""

MAX_DAYS: Final = 3660
"""The longest look back over touches, in days."""


class ArgumentKind(StrEnum):
    """An argument kind says which literals a fact takes in one place."""

    evidence_type = "evidence_type"
    touch_kind = "touch_kind"
    days = "days"
    work_template = "work_template"
    approval_chain = "approval_chain"
    form_field = "form_field"
    answer_type = "answer_type"
    """Not written by anybody: the checker puts it in, see `domain.rules.outcomes`."""


class RuleFacts(Protocol):
    """Rule facts answer, about one record at one moment, whatever the catalogue lists; None means unknown."""

    def evidence(self, evidence_type: str, /) -> bool | None:
        """Tell whether a valid piece of evidence of this type is attached."""
        ...

    def touches(self, kind: str, days: int, /) -> int | None:
        """Count the touches of this kind (`any`: of every kind) in the last `days` days."""
        ...

    def days_in_stage(self) -> Decimal | None:
        """Tell for how many days the record has been in its stage; None when the entry moment is unknown."""
        ...

    def stage(self) -> str | None:
        """Name the stage the record is in."""
        ...

    def today(self) -> date | None:
        """Name the day of the attempt, in the time zone of the playbook; None when its moment is unknown."""
        ...

    def done(self, template: str, /) -> bool | None:
        """Tell whether the work of this template that was asked last is done; where none was asked, it is not."""
        ...

    def outcome(self, template: str, field: str, answer_type: str, /) -> object:
        """Say what the form of the work of this template that was asked last says in a field; None until that work is done, and where the field is empty.

        The answer is a run-time value of the type that `answer_type` spells; what does not fit it is unknown.
        """
        ...

    def approved(self, chain: str, /) -> bool | None:
        """Tell whether the approval of this chain that was asked last was given, for what the record still says.

        Once a field that the rules of the chain read has changed since it was asked, it is no approval any more.
        """
        ...


@dataclass(frozen=True, slots=True)
class FactEntry:
    """A fact entry declares one fact: its name, the literals it takes, the type of its answer (None: that of the field of the form), its sentence."""

    name: str
    arguments: tuple[ArgumentKind, ...]
    result: ValueType | None
    docs: Mapping[str, str]

    @property
    def written(self) -> tuple[ArgumentKind, ...]:
        """The arguments an author writes."""
        return tuple(kind for kind in self.arguments if kind is not ArgumentKind.answer_type)


FACTS: Final[Mapping[str, FactEntry]] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            FactEntry(
                "evidence",
                (ArgumentKind.evidence_type,),
                ValueType.boolean,
                {
                    "en": "True when a valid piece of evidence of this type is attached.",
                    "zh": "已附上一份该类型的有效证据时为真。",
                },
            ),
            FactEntry(
                "touches",
                (ArgumentKind.touch_kind, ArgumentKind.days),
                ValueType.number,
                {
                    "en": "How many touches of this kind ('any': of every kind) happened in the last N days.",
                    "zh": "最近 N 天内该类触达（'any' 表示任意类型）的次数。",
                },
            ),
            FactEntry(
                "days_in_stage",
                (),
                ValueType.number,
                {
                    "en": "How many days the record has been in its stage; unknown when the entry moment is.",
                    "zh": "记录在当前阶段停留的天数；进入时刻未知时为未知。",
                },
            ),
            FactEntry(
                "stage",
                (),
                ValueType.choice,
                {"en": "The stage the record is in.", "zh": "记录当前所处的阶段。"},
            ),
            FactEntry(
                "today",
                (),
                ValueType.date,
                {
                    "en": "The day of the attempt, in the time zone of the playbook; unknown when its moment is.",
                    "zh": "尝试发生的当天，按打法手册的时区；时刻未知时为未知。",
                },
            ),
            FactEntry(
                "done",
                (ArgumentKind.work_template,),
                ValueType.boolean,
                {
                    "en": "True when the work of this template that was asked last is completed; false where none was asked.",
                    "zh": "最近一次按该模板提出的工作项已完成时为真；从未提出时为假。",
                },
            ),
            FactEntry(
                "outcome",
                (ArgumentKind.work_template, ArgumentKind.form_field, ArgumentKind.answer_type),
                None,
                {
                    "en": "What the form of the work of this template that was asked last says in this field; unknown until that work is completed, so work that is asked for again counts by its new answer. Neither personal fields nor those with several choices.",
                    "zh": "最近一次按该模板提出的工作项，其表单中该字段的内容；该工作项完成之前为未知，因此重新提出的工作以新的答复为准。个人信息字段和多选字段不可用。",
                },
            ),
            FactEntry(
                "approved",
                (ArgumentKind.approval_chain,),
                ValueType.boolean,
                {
                    "en": "True when the approval of this chain that was asked last was given, and no field the rules of the chain read has changed since it was asked.",
                    "zh": "最近一次按该审批链提出的审批已通过，且自提出以来该审批链的规则所读取的字段均未变更时为真。",
                },
            ),
        )
    }
)
