"""The playbooks that ship: what the stories tell of them is true."""

from itertools import chain

import pytest
from support.given import PLAYBOOKS

from commands.playbook_file import read_playbook
from domain.playbook.model import related_field

SHIPPED = PLAYBOOKS.parents[2] / "playbooks"
NAMES = ("smart_hardware", "campaign", "parts_manufacturer", "leads", "medical_distribution", "order_desk")
TWELVE = (
    "material", "material_standard", "tolerance_grade", "tightest_tolerance", "geometric_tolerance", "surface_treatment",
    "roughness", "heat_treatment", "hardness", "outer_dimensions", "drawing_revision", "packaging",
)  # fmt: skip


def shipped(name):
    return read_playbook(SHIPPED / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_every_stage_node_gate_and_form_says_why(name):
    """A newcomer works alone on the third day."""
    for kind in shipped(name).document.kinds.values():
        steps = chain(kind.stages.values(), *(stage.nodes.values() for stage in kind.stages.values()))
        assert all(part.why for part in chain(steps, kind.forms.values(), kind.paths.values()))
        for place, _, side, gate in kind.gates:
            asks = gate.fields or gate.evidence or gate.conditions
            assert gate.why or not asks, (place, side)
            assert all(condition.why for condition in gate.conditions.values()), place


@pytest.mark.parametrize("name", NAMES)
def test_every_field_a_gate_asks_for_can_be_filled_in(name):
    for kind in shipped(name).document.kinds.values():
        if kind.paths:
            on_forms = {entry for form in kind.forms.values() for entry in form.fields}
            asked = {field for *_, gate in kind.gates for field in (*gate.fields, *gate.evidence)}
            assert asked - on_forms <= {
                "order_number",
                "order_scan",
                "first_delivery_on",
                "delivery_note",
                "loss_reason",
            }


# ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_parts_are_made_in_seven_stages_with_sixteen_nodes():
    project = shipped("parts_manufacturer").kind("project")
    stages = [stage for stage in project.stages.values() if stage.outcome == "open"]
    assert (len(stages), sum(len(stage.nodes) for stage in stages)) == (7, 16)
    assert len(project.way("custom")) == 16


def test_a_standard_part_is_neither_sampled_nor_tried():
    project = shipped("parts_manufacturer").kind("project")
    left_out = [step for step in project.way("custom") if step not in project.way("standard")]
    assert {project.steps[step].part_of for step in left_out} == {"sampling", "trial"}


def test_the_technical_specification_has_twelve_items():
    project = shipped("parts_manufacturer").kind("project")
    assert project.stages["specification"].leave.fields == TWELVE


def test_a_trial_waits_for_the_technical_contact_and_the_report_on_the_sample():
    project = shipped("parts_manufacturer").kind("project")
    condition = project.stages["trial"].enter.conditions["ready_for_trial"]
    assert condition.label.en == "Technical contact done and sample test report received"
    assert "evidence('sample_report')" in condition.rule


# ── the field in five minutes ────────────────────────────────────────────────────────────────────────────────────────


def test_the_campaign_begins_without_the_referrer():
    assert "referrer_phone" not in shipped("campaign").kind("customer").fields


def test_the_draft_adds_one_field_and_puts_it_on_the_form_of_the_order():
    before, after = shipped("campaign").document, shipped("campaign.referrer.draft").document
    customer, order = after.kinds["customer"], after.kinds["order"]
    field = customer.fields["referrer_phone"]
    assert field.label.zh == "推荐人手机号"
    assert (field.hint, field.pattern_why) != (None, None)
    assert (field.lookup.kind, field.lookup.by, field.lookup.show[0]) == ("member", "phone", "nickname")
    assert related_field(order, "customer.referrer_phone") == ("customer", "customer", "referrer_phone")
    assert not any("referrer_phone" in gate.fields for *_, gate in customer.gates)
    without = {name: spec for name, spec in customer.fields.items() if name != "referrer_phone"}
    page = order.forms["order"].model_copy(update={"fields": before.kinds["order"].forms["order"].fields})
    kinds = {
        **after.kinds,
        "customer": customer.model_copy(update={"fields": without}),
        "order": order.model_copy(update={"forms": {**order.forms, "order": page}}),
    }
    assert after.model_copy(update={"kinds": kinds}) == before
