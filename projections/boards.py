"""Boards: how many records stand in each stage, what they are worth, and where."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from domain.organisation.state import Organisation
from domain.playbook.model import Kind
from domain.record.state import Record
from projections.as_of import Horizon
from projections.footing import Footing
from projections.lens import Visible
from projections.lists import incomplete, records_of
from projections.record_versions import RecordVersions


def board(footing: Footing, kind: str, horizon: Horizon) -> Visible:
    """Show how many records stand in each stage and what they are worth, in total and by region."""
    listed, on = records_of(footing, kind, horizon)
    records = [item.record for item in listed]
    playbook = on.playbooks.for_kind(kind)
    money = on.kind.worth
    stages = [
        _column(name, on.kind, [record for record in records if record.stage == name], money, on.people)
        for name in on.kind.steps
    ]
    return footing.lens(on.bounded).figures(
        kind=kind,
        label=on.kind.label.model_dump(),
        playbook=playbook.name,
        playbook_version=playbook.number,
        money_field=money,
        money_label=on.kind.fields[money].label.model_dump() if money else None,
        currency=on.kind.fields[money].currency if money else None,
        records=len(records),
        stages=stages,
        **incomplete(footing.parked(RecordVersions.name, kind=kind)),
        **footing.about(on.bounded),
    )


def _column(
    name: str, spec: Kind, records: Sequence[Record], money: str | None, people: Organisation
) -> dict[str, Any]:
    regions: dict[str, int] = {}
    for record in records:
        region = people.region_of(record.owner or "") or "–"
        regions[region] = regions.get(region, 0) + 1
    amounts = [
        Decimal(str(value["amount"]))
        for record in records
        if money and isinstance(value := record.fields.get(money), dict) and "amount" in value
    ]
    step = spec.steps[name]
    return {
        "stage": name,
        "label": step.label.model_dump(),
        "part_of": step.part_of,
        "part_of_label": step.stage.label.model_dump(),
        "outcome": step.outcome,
        "records": len(records),
        "amount": str(sum(amounts, Decimal(0))) if money else None,
        "records_with_amount": len(amounts) if money else None,
        "by_region": dict(sorted(regions.items())),
    }
