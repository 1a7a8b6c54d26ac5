"""Lookups: a phone number leads to the member who has it, although the table that finds them holds no number."""

from pathlib import Path

import pytest
from support.sales import a_submission

from commands.playbook_file import read_playbook
from domain.erasure import EraseSubject, Ground
from domain.playbook.commands import PublishPlaybook
from domain.record.commands import EditFields, OpenRecord
from domain.refusals import NotFound
from projections.catch_up import CatchUp
from projections.current_records import CurrentRecords
from projections.errors import InvalidQuery
from projections.footing import Footing
from projections.looked_up import look_up, shown
from projections.lookups import Lookups

SHIPPED = Path(__file__).parents[2] / "playbooks"
BEFORE, AFTER = (read_playbook(SHIPPED / f"{name}.yaml") for name in ("campaign", "campaign.referrer.draft"))
PHONE, OTHER_PHONE = "+86 138 0013 8000", "+86 139 0013 9000"
MARIE, LI = "member/mem_marie", "member/mem_li"
CUSTOMER = "customer/cus_1"


class Campaign:
    """A tenant that runs the campaign, with the read model of lookups at hand."""

    def __init__(self, tenant):
        self.tenant = tenant
        self.lookups = Lookups(tenant.log, tenant.vault)
        self.catch_up = CatchUp(tenant.pool, tenant.log, [CurrentRecords(), self.lookups])
        self.footing = Footing(tenant.pool, tenant.log, tenant.vault)

    def do(self, *commands):
        """Carry commands out, and let the read models follow."""
        for command in commands:
            self.tenant.bus.submit(a_submission(command))
        self.catch_up.run()

    def rows(self):
        """What the read model keeps."""
        with self.tenant.pool.connection() as connection:
            rows = connection.execute(
                "SELECT kind, field, stream, pseudonym, subject, position FROM dealtrail_read.lookups ORDER BY stream"
            ).fetchall()
        return [dict(row) for row in rows]

    def finds(self, phone):
        """What the form of the customer finds for a number."""
        return look_up(self.footing, self.lookups, "customer", "referrer_phone", phone).data


@pytest.fixture
def campaign(a_tenant):
    running = Campaign(a_tenant())
    running.do(
        PublishPlaybook(BEFORE),
        OpenRecord(MARIE, {"nickname": "小美", "phone": PHONE, "level": "gold"}),
    )
    return running


def test_nothing_is_kept_that_no_playbook_looks_up(campaign):
    assert campaign.rows() == []


def test_who_was_there_before_the_field_is_found_at_once(campaign):
    """The new field is published, and the member of last year stands beside it."""
    campaign.do(PublishPlaybook(AFTER))
    assert campaign.finds(PHONE)["record"] == MARIE


def test_who_comes_after_the_field_is_found_too(campaign):
    campaign.do(PublishPlaybook(AFTER), OpenRecord(LI, {"nickname": "阿力", "phone": OTHER_PHONE}))
    assert campaign.finds(OTHER_PHONE)["shows"]["nickname"]["value"] == "阿力"


def test_publication_and_members_of_one_batch_come_in_their_order(campaign):
    """A read model that is far behind handles them all at once."""
    for command in (
        OpenRecord(LI, {"nickname": "阿力", "phone": OTHER_PHONE}),
        PublishPlaybook(AFTER),
        EditFields(LI, {"phone": PHONE}),
        EditFields(MARIE, {"phone": OTHER_PHONE}),
    ):
        campaign.tenant.bus.submit(a_submission(command))
    campaign.catch_up.run()
    assert (campaign.finds(PHONE)["record"], campaign.finds(OTHER_PHONE)["record"]) == (LI, MARIE)


def test_an_answer_shows_what_the_playbook_says_and_nothing_else(campaign):
    campaign.do(PublishPlaybook(AFTER))
    found = campaign.finds(PHONE)
    assert {name: shown["value"] for name, shown in found["shows"].items()} == {
        "nickname": "小美",
        "level": "gold",
    }
    assert found["shows"]["nickname"]["label"] == {"zh": "昵称", "en": "Nickname"}
    assert found["looked_up"] == {"kind": "member", "by": "phone"}
    assert found["as_of_position"] == campaign.tenant.log.head()
    assert "others" not in found


def test_a_number_is_found_however_it_is_written(campaign):
    campaign.do(PublishPlaybook(AFTER))
    assert campaign.finds("+8613800138000") == campaign.finds("+86-138-0013-8000") == campaign.finds(PHONE)


def test_nobody_is_an_answer_too(campaign):
    campaign.do(PublishPlaybook(AFTER))
    assert (campaign.finds(OTHER_PHONE)["record"], campaign.finds(OTHER_PHONE)["shows"]) == (None, {})


def test_of_several_the_one_who_has_had_it_longest_is_shown_and_the_others_are_counted(campaign):
    campaign.do(PublishPlaybook(AFTER), OpenRecord(LI, {"nickname": "阿力", "phone": PHONE}))
    assert (campaign.finds(PHONE)["record"], campaign.finds(PHONE)["others"]) == (MARIE, 1)


def test_a_number_that_changed_leads_there_no_more(campaign):
    campaign.do(PublishPlaybook(AFTER), EditFields(MARIE, {"phone": OTHER_PHONE}))
    assert (campaign.finds(PHONE)["record"], campaign.finds(OTHER_PHONE)["record"]) == (None, MARIE)


def test_a_number_that_was_cleared_leads_nowhere(campaign):
    campaign.do(PublishPlaybook(AFTER), EditFields(MARIE, {"phone": None}))
    assert campaign.rows() == []


def test_the_table_holds_no_number(campaign):
    campaign.do(PublishPlaybook(AFTER))
    (row,) = campaign.rows()
    assert len(row["pseudonym"]) == 16
    assert not any("138" in str(value) and "8000" in str(value) for value in row.values())
    assert row["subject"] == MARIE


def test_an_erasure_deletes_the_row_and_no_rebuild_brings_it_back(campaign):
    campaign.do(PublishPlaybook(AFTER), EraseSubject(MARIE, Ground.request))
    assert campaign.rows() == []
    campaign.catch_up.rebuild()
    assert campaign.rows() == []
    assert campaign.finds(PHONE)["record"] is None


def test_what_is_written_after_an_erasure_is_found(campaign):
    """A new key, and a new beginning."""
    campaign.do(
        PublishPlaybook(AFTER), EraseSubject(MARIE, Ground.request), EditFields(MARIE, {"phone": OTHER_PHONE})
    )
    assert campaign.finds(OTHER_PHONE)["record"] == MARIE


def test_an_erasure_before_the_field_was_published_counts(campaign):
    campaign.do(EraseSubject(MARIE, Ground.request), PublishPlaybook(AFTER))
    assert campaign.rows() == []


def test_a_rebuild_makes_the_same_rows(campaign):
    campaign.do(
        OpenRecord(LI, {"phone": PHONE}),
        PublishPlaybook(AFTER),
        EditFields(LI, {"phone": OTHER_PHONE}),
        EditFields(MARIE, {"level": "black"}),
    )
    before = campaign.rows()
    assert len(before) == 2
    campaign.catch_up.rebuild()
    assert campaign.rows() == before


def test_a_record_shows_what_its_fields_lead_to(campaign):
    campaign.do(PublishPlaybook(AFTER), OpenRecord(CUSTOMER, {"name": "王芳", "referrer_phone": PHONE}))
    lens = campaign.footing.lens()
    kind = campaign.footing.playbooks().for_kind("customer").kind("customer")
    with campaign.tenant.pool.connection() as connection:
        found = shown(
            connection, lens, campaign.lookups, kind, {"referrer_phone": "+8613800138000", "name": "王芳"}
        )
        hidden = shown(connection, lens, campaign.lookups, kind, {"name": "王芳"})
    assert (found["referrer_phone"]["record"], hidden) == (MARIE, {})
    assert found["referrer_phone"]["shows"]["nickname"]["value"] == "小美"


def test_a_field_that_is_not_looked_up_is_answered_with_the_one_that_is(campaign):
    campaign.do(PublishPlaybook(AFTER))
    with pytest.raises(NotFound) as refused:
        look_up(campaign.footing, campaign.lookups, "customer", "refferer_phone", PHONE)
    assert refused.value.suggestion == "referrer_phone"
    with pytest.raises(NotFound):
        look_up(campaign.footing, campaign.lookups, "customer", "name", PHONE)


def test_what_the_field_cannot_hold_is_not_looked_up(campaign):
    campaign.do(PublishPlaybook(AFTER))
    with pytest.raises(InvalidQuery) as refused:
        campaign.finds("not a number")
    assert [problem.pointer for problem in refused.value.problems] == ["/query/value"]
