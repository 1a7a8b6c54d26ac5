"""What can be wrong with a pool is said when it is checked: where, and what would be right."""

import pytest
from support.leads import SHIPPED, leads_playbook

from commands.playbook_file import FileRefused, parse_playbook
from domain.playbook.model import Playbook

TEXT = SHIPPED.read_text("utf-8")


def refused(*changes):
    """Everything that is said of the playbook of leads with some of its text replaced."""
    text = TEXT
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after, 1)
    with pytest.raises(FileRefused) as refusal:
        parse_playbook(text, "leads.yaml")
    return refusal.value.problems


def test_a_pool_is_published_with_its_rules_as_typed_trees():
    shipped = leads_playbook()
    assert "pools/public_pool/rules/key_accounts/when" in shipped.rules
    assert Playbook.model_validate(shipped.document_json) == shipped.document


@pytest.mark.parametrize(
    ("before", "after", "saying", "suggestion"),
    [
        ("kind: lead\n    rules:", "kind: laed\n    rules:", "no kind 'laed'", "lead"),
        ("grade = 'key'", "grade = 'kye'", "no option 'kye'", "'key'"),
        ("grade = 'key'", "grade", "condition is needed", None),
        ("roles: [hq_sales]}", "roles: [hq_sale]}", "no role 'hq_sale'", "hq_sales"),
        ("skills_of: [industry]", "skills_of: [industri]", "no field 'industri'", "industry"),
        ("skills_of: [industry]", "skills_of: [company]", "not a choice", None),
        ("skills_of: [industry]", "skills_of: [industry, industry]", "named twice", None),
        ("{roles: [sales], region_of: region}", "{roles: [sales], region_of: needs}", "not a choice", None),
        ("{roles: [sales], region_of: region}", "{roles: [sales]}", "region_of", None),
        (
            "{roles: [sales], region_of: region}",
            "{roles: [sales], region_of: region, regions: [华东]}",
            "listed already",
            None,
        ),
        ("fallback: {pool: hq_pool}", "fallback: {pool: hq_poll}", "no pool 'hq_poll'", "hq_pool"),
        ("fallback: {pool: hq_pool}", "fallback: {}", "one of 'person', 'role' and 'pool'", None),
        ("fallback: {pool: hq_pool}", "fallback: {role: sales, pool: hq_pool}", "one of", None),
        ("fallback: {pool: hq_pool}", "fallback: {person: anna}", "person/per_", None),
        ("fallback: {pool: hq_pool}", "fallback: {pool: public_pool}", "circle", None),
        ("    fallback: {pool: hq_pool}\n", "", "no record enters it", None),
        ("strategy: round_robin", "strategy: round_robbin", "round_robin", None),
        ("strategy: round_robin", "strategy: round_robin\n        of_last: 5", "only 'best_win_rate'", None),
        ("capacity: 60", "capacity: 0", "1", None),
        (
            "fallback: {pool: hq_pool}",
            "fallback: {pool: hq_pool}\n    alert: [hq_sale]",
            "no role or place 'hq_sale'",
            "hq_sales",
        ),
        (
            "fallback: {pool: hq_pool}",
            "fallback: {pool: hq_pool}\n    alert: [manager, manager]",
            "named twice",
            None,
        ),
    ],
)
def test_what_is_wrong_with_a_pool_is_named(before, after, saying, suggestion):
    problems = refused((before, after))
    assert any(
        saying in problem.message and (suggestion is None or problem.suggestion == suggestion)
        for problem in problems
    ), problems
    assert all(problem.line > 1 for problem in problems)


def test_the_streams_and_the_addresses_of_pools_are_taken():
    assert "taken by dealtrail" in refused(("  lead:\n", "  pools:\n"))[0].message
    assert any(
        "word of the API" in problem.message
        for problem in refused(("collection: leads", "collection: pools"))
    )


def test_a_pool_of_another_kind_is_no_fallback():
    other = (
        "  deal:\n    label: {zh: 商机, en: Deal}\n    collection: deals\n    prefix: dea\n"
        "pools:\n  other:\n    label: {zh: 他, en: Other}\n    kind: deal\n"
    )
    problems = refused(("pools:\n", other), ("fallback: {pool: hq_pool}", "fallback: {pool: other}"))
    assert any("holds records of 'deal'" in problem.message for problem in problems)


def test_a_playbook_without_pools_stays_what_it_was():
    """Not a byte of it changes: what was published before has the digest it had."""
    pools = leads_playbook().document.model_copy(update={"pools": {}})
    assert "pools" not in pools.as_json()


def test_an_alert_where_nobody_is_looked_for_is_refused():
    """Records of such a pool wait to be claimed: there is no failure that anybody could be told of."""
    pool = "  waiting_room: {label: {zh: 等, en: Wait}, kind: lead, when: grade = 'key', alert: [manager]}\n"
    problems = refused(("pools:\n", f"pools:\n{pool}"))
    assert [problem.message for problem in problems] == [
        "nobody is looked for in this pool; leave the alert out, or give it rules"
    ]


def test_a_pool_says_whom_it_alerts_only_where_it_says_so():
    """A playbook without alerts is the same bytes as before there were any."""
    assert "alert" not in leads_playbook().document.pools["public_pool"].as_json()
    named = leads_playbook(("fallback: {pool: hq_pool}", "fallback: {pool: hq_pool}\n    alert: [manager, hq_sales]"))  # fmt: skip
    assert named.document.pools["public_pool"].as_json()["alert"] == ["manager", "hq_sales"]
    assert Playbook.model_validate(named.document_json) == named.document
