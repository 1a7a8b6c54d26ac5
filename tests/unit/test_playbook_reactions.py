"""Reactions as a playbook tells them: what is wrong with them is said where it stands, and no circle of them is published."""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.reacting import PLAYBOOK, a_reaction, reacting_playbook

from commands.playbook_file import FileRefused, parse_playbook
from domain.playbook.check import check
from domain.playbook.model import Playbook

TOUCHED = "event: touched"
TOLD = "alert: {tell: [owner], text: {zh: 急, en: Urgent}}"


def problems(*reactions: str, **about: str) -> list[tuple[str, str, str | None]]:
    """What is wrong with a playbook of these reactions: the text at the place, the message, the suggestion."""
    with pytest.raises(FileRefused) as caught:
        reacting_playbook("".join(reactions), **about)
    text = PLAYBOOK.replace("REACTIONS", "".join(reactions).strip("\n"))
    text = text.replace("STARTS", f"        starts_on: {about['starts']}" if "starts" in about else "")
    lines = text.splitlines()
    return [
        (lines[found.line - 1][found.column - 1 :], found.message, found.suggestion)
        for found in caught.value.problems
    ]


@pytest.mark.parametrize(
    ("on", "step", "at", "message", "suggestion"),
    [
        ("event: work-completed, template: dmo", TOLD, "dmo", "there is no work template 'dmo'", "demo"),
        ("event: work-complete", TOLD, "work-complete", "is none of", "work-completed"),
        ("event: touched, kind: cal", TOLD, "cal", "there is no kind of touch 'cal'", "call"),
        ("event: fields-changed, field: amout", TOLD, "amout", "there is no field 'amout'", "amount"),
        ("event: fields-changed, field: scan", TOLD, "scan", "say the event 'evidence-attached'", None),
        ("event: evidence-attached, field: amount", TOLD, "amount", "there is no evidence field", None),
        ("event: stage-changed, to: ofer", TOLD, "ofer", "there is no step or stage 'ofer'", "offer"),
        ("event: stage-changed, move: sideways", TOLD, "sideways", "is none of", None),
        ("event: fork-joined, fork: closin", TOLD, "closin", "there is no fork 'closin'", "closing"),
        ("event: approval-decided, chain: prise", TOLD, "prise", "there is no approval chain", "price"),
        ("event: approval-decided, decision: yep", TOLD, "yep", "is none of", None),
        ("event: deadline-noticed, deadline: quite", TOLD, "quite", "there is no deadline 'quite'", "quiet"),
        ("event: opened, field: amount", TOLD, "amount", "'opened' has no 'field': it is not narrowed by anything", None),
        ("event: touched, template: demo", TOLD, "demo", "it is narrowed by kind; leave it out", None),
        (TOUCHED, "request_work: {template: dem}", "dem", "there is no work template 'dem'", "demo"),
        (TOUCHED, "request_work: {template: visit}", "{template", "is for no role: say the 'assignee'", None),
        (TOUCHED, "request_work: {template: demo, assignee: legal}", "legal", "is for the role 'presales'", None),
        (TOUCHED, "request_work: {template: visit, assignee: ownr}", "ownr", "there is no role or place", "owner"),
        (TOUCHED, "request_work: {template: demo, due: {from: amount}}", "amount", "is a money field; a date is waited for", None),
        (TOUCHED, "request_work: {template: demo, due: {from: wanted_onn}}", "wanted_onn", "there is no date field", "wanted_on"),
        (TOUCHED, "request_work: {template: demo, due: {from: born_on}}", "born_on", "is personal, and nobody opens what is personal", None),
        (TOUCHED, "request_work: {template: demo, within_hours: 2, due: {from: wanted_on}}", "{from", "within hours or by a date, not both", None),
        (TOUCHED, "reschedule_work: {template: dem, due: {from: wanted_on}}", "dem", "there is no work template 'dem'", "demo"),
        (TOUCHED, "reschedule_work: {template: demo, due: {from: amount}}", "amount", "is a money field; a date is waited for", None),
        (TOUCHED, "reschedule_work: {template: demo, due: {from: born_on}}", "born_on", "is personal, and nobody opens what is personal", None),
        (TOUCHED, "reschedule_work: {template: demo}", "{template: demo}", "the member 'due' is missing", None),
        (TOUCHED, "start_fork: closed", "closed", "there is no fork 'closed'", "closing"),
        (TOUCHED, "request_approval: pric", "pric", "there is no approval chain 'pric'", "price"),
        (TOUCHED, "set_fields: {amuont: 5}", "5", "a deal has no field 'amuont'", "amount"),
        (TOUCHED, "set_fields: {amount: much}", "much", "", None),
        (TOUCHED, "set_fields: {grade: lrage}", "lrage", "this is not an option of the field", "large"),
        (TOUCHED, "set_fields: {scan: x}", "x", "is evidence, which somebody attaches", None),
        (TOUCHED, "set_fields: {size: {from: amout}}", "amout", "there is no field 'amout'", "amount"),
        (TOUCHED, "set_fields: {size: {from: amount}}", "amount", "'amount' is a money field, and 'size' a number field", None),
        (TOUCHED, "set_fields: {topic: {from: phone}}", "phone", "would keep it open; make 'topic' personal too", None),
        (TOUCHED, "set_fields: {size: {form: amount}}", "{form", "a value of the field is expected, or {from: another field}", None),
        (TOUCHED, "open_record: {kind: contrat}", "contrat", "there is no kind 'contrat'", "contract"),
        (TOUCHED, "open_record: {kind: contract, as: lead_to}", "lead_to", "there is no relation", "leads_to"),
        (TOUCHED, "open_record: {kind: deal, as: leads_to}", "leads_to", "leads to records of 'contract'", None),
        (TOUCHED, "open_record: {kind: contract, link: topic}", "topic", "is no reference to records of 'deal'", None),
        (TOUCHED, "open_record: {kind: contract, link: deal, fields: {deal: x}}", "x", "the link fills this field", None),
        (TOUCHED, "open_record: {kind: contract, fields: {topc: x}}", "x", "a contract has no field 'topc'", "topic"),
        (TOUCHED, "alert: {tell: [ownr], text: {zh: 急, en: Urgent}}", "ownr", "there is no role or place", "owner"),
        (TOUCHED, "notify: {tell: [owner, owner], text: {zh: 急, en: Urgent}}", "owner]", "is named twice", None),
        (TOUCHED, "start_fork: closing, request_approval: price", "{start_fork", "start_fork and request_approval are both given", None),
        (TOUCHED, "", "{}", "none is given", None),
    ],
)  # fmt: skip
def test_each_mistake_is_named_at_its_place_with_what_would_be_right(on, step, at, message, suggestion):
    ((where, told, nearest),) = problems(a_reaction("wrong", on, step))
    assert message in told
    assert where.startswith(at)
    assert nearest == suggestion


def test_a_rule_is_read_against_the_fields_of_the_kind():
    ((where, _, nearest),) = problems(a_reaction("wrong", TOUCHED, TOLD, when="amuont >= 5"))
    assert where.startswith("amuont")
    assert nearest == "amount"


def test_five_steps_are_enough_and_one_is_needed():
    ((_, told, _),) = problems(a_reaction("wrong", TOUCHED, *[TOLD] * 6))
    assert "at most 5" in told
    ((_, told, _),) = problems(a_reaction("wrong", TOUCHED) + "          []\n")
    assert told.startswith("say what it does: one of request_work, start_fork")


def test_everything_wrong_is_told_at_once():
    found = problems(
        a_reaction("one", "event: touched, kind: cal", "start_fork: closed"),
        a_reaction("two", "event: fork-joined, fork: nothing", "request_approval: pric"),
    )
    assert len(found) == 4


def test_a_playbook_without_reactions_says_nothing_of_them():
    """Its text is what it was before there were any."""
    text = PLAYBOOK.replace("    reactions:\nREACTIONS\n", "").replace("STARTS\n", "").replace("GATE", "")
    assert "reactions" not in re.sub(r"\s", "", str(parse_playbook(text, "plain.yaml").document_json))


def test_a_published_reaction_reads_as_it_was_written():
    """Through the JSON of the log and back, decimals, days and lists of fields included."""
    published = reacting_playbook(
        a_reaction(
            "all",
            "event: stage-changed, to: offer, move: forward",
            "request_work: {template: demo, within_hours: 1.5}",
            "request_work: {template: demo, due: {from: wanted_on}}",
            "set_fields: {size: 0.5, grade: large, amount: {amount: 5, currency: CNY}, backup: {from: phone}}",
            "open_record: {kind: contract, fields: {topic: 合同}, as: leads_to, link: deal, owner: nobody}",
            TOLD,
            when="amount >= 100",
        )
        + a_reaction("moved", "event: touched", "reschedule_work: {template: demo, due: {from: wanted_on}}")
    )
    assert Playbook.model_validate(published.document_json) == published.document
    assert Playbook.model_validate(published.document_json).as_json() == published.document_json
    assert set(published.rules) == {"deal/reactions/all/when"}


def test_a_fork_with_a_step_makes_a_reaction_of_its_own():
    kind = reacting_playbook(starts="offer").reactions["deal"]
    assert list(kind) == ["second_visit", "forks.closing"]
    assert (kind["forks.closing"].on.event, kind["forks.closing"].on.to) == ("stage-changed", "offer")


def test_a_fork_that_nobody_starts_needs_roles_to_find_its_people():
    """Whether it starts on a step or by a step: a leg for no role would fail each time, and only then."""
    text = PLAYBOOK.replace("law: {template: review}", "law: {template: visit}").replace("GATE", "")

    def told(starts: str, reaction: str) -> list[str]:
        with pytest.raises(FileRefused) as caught:
            parse_playbook(text.replace("STARTS", starts).replace("REACTIONS", reaction), "legs.yaml")
        return [problem.message for problem in caught.value.problems]

    plain = a_reaction("it", TOUCHED, TOLD)
    asked = ["nobody is there to name a person for the leg 'law'; give it a role, or its template"]
    assert told("        starts_on: offer", plain) == asked
    assert told("", a_reaction("it", TOUCHED, "start_fork: closing")) == asked
    assert parse_playbook(text.replace("STARTS", "").replace("REACTIONS", plain), "legs.yaml")


def test_a_deadline_is_named_as_it_is_told_limits_of_levels_too():
    text = PLAYBOOK.replace("roles: [manager]}", "roles: [manager], within_hours: 4}")
    on = "event: deadline-noticed, deadline: approvals.price.above"
    filled = text.replace("GATE", "").replace("STARTS", "").replace("REACTIONS", a_reaction("it", on, TOLD))
    assert (
        parse_playbook(filled, "limits.yaml").reactions["deal"]["it"].on.deadline == "approvals.price.above"
    )


# ── circles ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_circle_is_told_with_its_whole_path():
    ((where, told, _),) = problems(
        a_reaction("first", "event: fields-changed, field: size", "set_fields: {grade: large}"),
        a_reaction("second", "event: fields-changed, field: grade", "set_fields: {amount: 5}"),
        a_reaction("third", "event: fields-changed, field: amount", "set_fields: {size: 1}"),
    )
    assert "deal.first → deal.second → deal.third → deal.first" in told
    assert "narrow what one of them is set off by" in told
    assert where.startswith("label")


def test_a_reaction_that_sets_itself_off_is_a_circle():
    ((_, told, _),) = problems(a_reaction("own", "event: fields-changed", "set_fields: {size: 1}"))
    assert "deal.own → deal.own" in told


def test_a_circle_may_lead_through_forks_and_through_other_kinds():
    ((_, told, _),) = problems(
        a_reaction("starts", "event: work-requested, template: review", "start_fork: closing")
    )
    assert "deal.starts → deal.starts" in told


def test_narrowing_keeps_reactions_apart():
    """The fields, templates and chains of a step are known beforehand: whoever waits for others is not set off."""
    assert reacting_playbook(
        a_reaction("first", "event: fields-changed, field: size", "set_fields: {grade: large}"),
    )
    assert reacting_playbook(
        a_reaction("asks", "event: work-requested, template: demo", "request_work: {template: review}")
        + a_reaction("agrees", "event: approval-requested, chain: price", "request_work: {template: demo}")
    )


FIELDS = ("a", "b", "c", "d")
KINDS = ("here", "there")


@st.composite
def some_reactions(
    draw: st.DrawFn,
) -> dict[str, dict[str, tuple[tuple[str, str | None], list[tuple[str, str]]]]]:
    """For each of two kinds: reactions by name, each with what sets it off and with what it does."""
    trigger = st.one_of(
        st.just(("opened", None)),
        st.tuples(st.just("fields-changed"), st.sampled_from((*FIELDS, None))),
        st.just(("touched", None)),
    )
    step = st.one_of(
        st.tuples(st.just("set"), st.sampled_from(FIELDS)), st.tuples(st.just("open"), st.sampled_from(KINDS))
    )
    return {
        kind: {
            f"{kind}_{number}": (draw(trigger), draw(st.lists(step, min_size=1, max_size=2)))
            for number in range(draw(st.integers(0, 4)))
        }
        for kind in KINDS
    }


def as_playbook(drawn) -> Playbook:
    """The playbook of what was drawn."""
    label = {"zh": "名", "en": "Name"}

    def a_step(what: str, of: str) -> dict:
        return {"set_fields": {of: 1}} if what == "set" else {"open_record": {"kind": of}}

    return Playbook.model_validate(
        {
            "playbook": "drawn",
            "label": label,
            "kinds": {
                kind: {
                    "label": label,
                    "collection": f"{kind}s",
                    "prefix": kind[:2] + kind[-1],
                    "fields": {name: {"type": "number", "label": label} for name in FIELDS},
                    "touches": {"call": {"label": label}},
                    "reactions": {
                        name: {
                            "label": label,
                            "on": {"event": on[0]} | ({"field": on[1]} if on[1] else {}),
                            "then": [a_step(*step) for step in then],
                        }
                        for name, (on, then) in reactions.items()
                    },
                }
                for kind, reactions in drawn.items()
            },
        }
    )


def sets_off(drawn) -> dict[str, set[str]]:
    """Which reaction sets off which, told once more and plainly."""
    told: dict[str, set[str]] = {}
    for kind, reactions in drawn.items():
        for name, (_, then) in reactions.items():
            told[f"{kind}.{name}"] = set()
            for other_kind, others in drawn.items():
                for other, ((event, field), _) in others.items():
                    for what, of in then:
                        opens = what == "open" and event == "opened" and of == other_kind
                        sets = what == "set" and event == "fields-changed" and kind == other_kind
                        if opens or (sets and field in (None, of)):
                            told[f"{kind}.{name}"].add(f"{other_kind}.{other}")
    return told


def leads_back(edges: dict[str, set[str]]) -> bool:
    """Whether somebody who goes on from reaction to reaction ever comes back to where they were."""

    def comes_back(start: str) -> bool:
        seen, left = set(), list(edges[start])
        while left:
            at = left.pop()
            if at == start:
                return True
            if at not in seen:
                seen.add(at)
                left += edges[at]
        return False

    return any(map(comes_back, edges))


@settings(max_examples=300, deadline=None)
@given(some_reactions())
def test_law_a_playbook_is_accepted_exactly_if_its_reactions_lead_nowhere_back(drawn):
    """Acyclic if and only if accepted; and what is told is a circle: each step of the path sets the next one off."""
    edges = sets_off(drawn)
    _, wrong = check(as_playbook(drawn), lambda *_: [])
    assert bool(wrong) == leads_back(edges)
    for problem in wrong:
        path = problem.message.partition(": ")[2].partition(";")[0].split(" → ")
        assert path[0] == path[-1]
        assert all(after in edges[before] for before, after in pairwise(path))
        assert len(set(path)) == len(path) - 1
