"""An approval's deadline runs exactly as long as the record says that somebody has to decide, and waits for the same people."""

from hypothesis import given, settings
from hypothesis import strategies as st
from support.deadlines import DEAL, HOUR, MONDAY, a_deal, armed, told, with_deadlines

from domain.deadlines import watched as watching
from domain.work.events import ApprovalDecided, ApprovalRecalled, ApprovalRequested
from domain.work.state import fold_work

AGREED = "agreed: {on_approval: any, after_hours: 9}"


def asked(order, levels):
    """A request whose every role is a person of that name."""
    return ApprovalRequested(
        "apr_1", "discount", order,
        [
            {"name": name, "approvers": {role: f"person/per_{name}_{role}" for role in roles}, "quorum": quorum}
            for name, roles, quorum in levels
        ],
    )  # fmt: skip


def test_a_rejection_leads_back_to_the_levels_it_names_and_to_no_later_ones():
    """In parallel the last level had agreed before the first one was asked again: once that agrees, nobody is waited for."""
    levels = [("head", ["a"], 1), ("law", ["b"], 1), ("top", ["c"], 1)]
    decided = [
        ApprovalDecided("apr_1", "top", "c", "approved"),
        ApprovalDecided("apr_1", "law", "b", "rejected", back_to="head"),
        ApprovalDecided("apr_1", "head", "a", "approved"),
        ApprovalDecided("apr_1", "law", "b", "approved"),
    ]
    happened = [(event, MONDAY + HOUR) for event in (asked("parallel", levels), *decided)]
    playbook = with_deadlines(AGREED)
    assert [*armed(a_deal(*happened[:-1]), playbook)] == ["agreed/apr_1"]
    assert armed(a_deal(*happened), playbook) == {}


@st.composite
def levels_of_a_chain(draw):
    found = []
    for name in ("one", "two", "three", "four")[: draw(st.integers(1, 4))]:
        roles = ["a", "b", "c"][: draw(st.integers(1, 3))]
        found.append((name, roles, draw(st.integers(1, len(roles)))))
    return found


@settings(deadline=None, derandomize=True, max_examples=150)
@given(order=st.sampled_from(["sequence", "parallel"]), levels=levels_of_a_chain(), data=st.data())
def test_a_deadline_waits_for_an_approval_exactly_while_the_record_does(order, levels, data):
    """Whatever is decided, in whatever order, however often it is led back; the people it waits for are those of the record as well."""
    deal, approvals, version = a_deal(), {}, 1

    def happens(event):
        nonlocal deal, approvals, version
        version += 1
        (recorded,) = told(event, since=version)
        assert recorded.stream == DEAL
        deal = watching.evolve(deal, recorded)
        approvals = fold_work({}, {}, approvals, recorded)[2]

    happens(asked(order, levels))
    for _ in range(data.draw(st.integers(0, 14))):
        approval = approvals["apr_1"]
        if approval.state != "running":
            break
        level = data.draw(st.sampled_from(approval.open_levels))
        role = data.draw(st.sampled_from(sorted(approval.waits_for(level))))
        names = [found.name for found in approval.levels]
        back_to = data.draw(st.sampled_from(names[: names.index(level.name) + 1]))
        happens(
            data.draw(
                st.sampled_from(
                    [
                        *[ApprovalDecided("apr_1", level.name, role, "approved")] * 4,
                        *[ApprovalDecided("apr_1", level.name, role, "rejected", back_to=back_to)] * 2,
                        ApprovalDecided("apr_1", level.name, role, "rejected"),
                        ApprovalRecalled("apr_1"),
                    ]
                )
            )
        )
        approval = approvals["apr_1"]
        assert ("apr_1" in deal.asked) == (approval.state == "running")
        waiting = {person for level in approval.open_levels for person in approval.waits_for(level).values()}
        assert set(deal.asked["apr_1"].whose_turn if "apr_1" in deal.asked else ()) == waiting
