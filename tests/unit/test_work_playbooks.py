"""What a playbook may say of work: everything wrong is named at once, at its place, before it is published."""

import pytest
from support.given import PLAYBOOKS
from support.working import the_working_playbook

from commands.playbook_file import FileRefused, parse_playbook
from domain.playbook.model import Playbook
from domain.playbook.published import PublishedPlaybook

TEXT = (PLAYBOOKS / "working.yaml").read_text("utf-8")


def refused(*changes):
    """The problems of the playbook after changes of its text, as (line's text, message, suggestion)."""
    text = TEXT
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    with pytest.raises(FileRefused) as caught:
        parse_playbook(text, "working.yaml")
    lines = text.splitlines()
    return [
        (lines[found.line - 1].strip(), found.message, found.suggestion) for found in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("old", "new", "message", "suggestion"),
    [
        ("role: engineer\n", "role: enginer\n", "there is no role 'enginer'", "engineer"),
        ("requires: [person_days, remark]", "requires: [person_days, remarks]", "there is no field of the form", "remark"),
        ("evidence: [spec]", "evidence: [specs]", "there is no evidence field 'specs'", "spec"),
        ("after: [read], evidence: photo", "after: [reed], evidence: photo", "there is no checklist item 'reed'", "read"),
        ("after: [read], evidence: photo", "after: [read], evidence: foto", "there is no evidence field 'foto'", "photo"),
        ("after: [read], role: legal", "after: [read], role: legl", "there is no role 'legl'", "legal"),
        ("technical: {template: estimate}", "technical: {template: estimat}", "there is no work template", "estimate"),
        ("join: any", "join: any\n        starts_on: opne", "there is no stage 'opne'", "open"),
        ("roles: [vp], when", "roles: [vpp], when", "there is no role 'vpp'", "vp"),
        ("roles: [managers_manager]", "roles: [manager_manager]", "there is no role", "managers_manager"),
        ("when: discount > 5", "when: discuont > 5", "discuont", "discount"),
        ("when: amount >= 500000}", "when: amount >= 'x'}", "", None),
        ("join: 2", "join: 4", "there are 3 legs; 4 of them can never be done", None),
        ("quorum: 1", "quorum: 3", "2 roles decide here; 3 can never approve", None),
        ("join: any", "join: none", "or how many legs must be done", None),
        ("join: 2", "join: 0", "or how many legs must be done", None),
        ("roles: [managers_manager]", "roles: [vp, vp]", "'vp' is named twice", None),
        ("roles: [managers_manager]", "roles: []", "", None),
        ("read: {label: {zh: 读规格, en: Specification read}}", "read: {label: {zh: 读规格, en: Specification read}, after: [tidied]}", "this is required, and 'tidied' before it is not", None),
        ("tidied: {label: {zh: 归档, en: Filed}, required: false}", "tidied: {label: {zh: 归档, en: Filed}, required: false, compliance: true}", "a compliance point is a duty", None),
        ("respond_within_hours: 4", "respond_within_hours: 40", "the work is due after 16 hours, before this answer is", None),
        ("reviewer: {type: person", "reviewer: {type: evidence", "evidence is attached to the record", None),
        ("remark: {type: text", "remark: {type: text, min: 3", "'min' belongs to numbers and money", None),
        ("requires: [person_days, remark]", "done_by_word: true", "this asks for more than somebody's word", None),
        ("  vp: {label", "  manager: {label: {zh: 经理, en: Manager}}\n  vp: {label", "means somebody above the requester", None),
    ],
)  # fmt: skip
def test_what_nobody_could_do_or_find_is_refused_at_its_place(old, new, message, suggestion):
    (problem,) = refused((old, new))
    line, told, nearest = problem
    assert message in told
    assert nearest == suggestion
    assert line.split(":")[0].strip() in new + old or new.split("\n")[-1].strip() in line


def test_a_template_with_nothing_to_see_when_it_is_done_is_vague():
    """Keep in touch is no work: fields, evidence or a checklist show it, or the word of whoever did it is said to be enough."""
    ((_, message, _),) = refused(
        ("        label: {zh: 付款比例, en: Payment by stages}\n        done_by_word: true\n",
         "        label: {zh: 付款比例, en: Payment by stages}\n")
    )  # fmt: skip
    assert message.startswith("nothing shows when this is done")


def test_items_that_wait_for_each_other_are_refused_and_each_circle_is_told_once():
    problems = refused(
        ("read: {label: {zh: 读规格, en: Specification read}}",
         "read: {label: {zh: 读规格, en: Specification read}, after: [measured]}"),
        ("tidied: {label: {zh: 归档, en: Filed}, required: false}",
         "tidied: {label: {zh: 归档, en: Filed}, after: [tidied], required: false}"),
    )  # fmt: skip
    told = sorted(message for _, message, _ in problems)
    assert len(told) == 2
    assert all(message.startswith("nobody could ever tick this: ") for message in told)
    assert "'tidied' waits for 'tidied'" in told[1]


def test_the_only_level_of_a_chain_is_always_asked():
    ((_, message, _),) = refused(
        ("roles: [managers_manager]}", "roles: [managers_manager], when: discount > 5}")
    )
    assert "say 'when' of the chain" in message


def test_everything_wrong_is_named_at_once():
    problems = refused(
        ("role: engineer\n", "role: nobody\n"), ("join: 2", "join: 9"), ("quorum: 1", "quorum: 7")
    )
    assert len(problems) == 3


def test_rules_of_chains_are_published_under_their_places():
    places = [place for place in the_working_playbook().rules if "/approvals/" in place]
    assert sorted(places) == ["deal/approvals/discount/top/when", "deal/approvals/discount/when"]


def test_what_is_published_reads_back_as_it_was():
    """Through the JSON of the log, and a playbook without work says nothing of it."""
    published = the_working_playbook()
    again = PublishedPlaybook.from_published(published.document_json, published.rules_json, 1, 2)
    assert again.document == published.document
    assert again.digest == published.digest
    kind = Playbook.model_validate(published.document_json).kinds["deal"]
    assert list(kind.work["estimate"].checklist) == ["read", "measured", "checked", "tidied"]
    bare = kind.model_copy(update={"work": {}, "forks": {}, "approvals": {}})
    assert not {"work", "forks", "approvals"} & bare.as_json().keys()
