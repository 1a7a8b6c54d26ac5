"""What moved an index: the effects of weights, scores, components that came or went, and caps add up to the difference."""

from decimal import Decimal
from fractions import Fraction

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from support.measured_playbook import versions

from projections.replay.indices import Part, Value, _absent, _rows, reasons

NAMES = ("penetration", "response", "freshness", "touches")
weights = st.integers(1, 100)
scores = st.none() | st.fractions(min_value=0, max_value=100, max_denominator=997)
indices = st.dictionaries(st.sampled_from(NAMES), st.tuples(weights, scores), min_size=1)


def six(number: Fraction) -> Decimal:
    """Half-even at six places."""
    return Decimal(round(number * 1_000_000)).scaleb(-6)


def value_of(parts: dict[str, tuple[int, Fraction | None]], cap: Decimal | None = None) -> Value:
    """A value as an index makes it: the weighted mean of what is known, capped."""
    known = {name: (weight, score) for name, (weight, score) in parts.items() if score is not None}
    whole = sum(weight for weight, _ in known.values())
    value = six(Fraction(sum(weight * score for weight, score in known.values())) / whole) if known else None
    is_capped = value is not None and cap is not None and cap < value
    return Value(
        cap if is_capped else value,
        None,
        "too few" if is_capped else None,
        {
            name: Part(score, None if score is None else Fraction(weight, whole), str(weight), {})
            for name, (weight, score) in parts.items()
        },
    )


@settings(max_examples=300, deadline=None, derandomize=True)
@given(indices, indices, st.none() | st.integers(0, 100), st.none() | st.integers(0, 100))
def test_the_effects_add_up_to_the_difference(old, new, cap_then, cap_now):
    """To the last of six places, whatever changed; without a value on one side there is no difference to explain."""
    before, after = (
        value_of(parts, None if cap is None else Decimal(cap))
        for parts, cap in ((old, cap_then), (new, cap_now))
    )
    told = reasons(before, after)
    if before.value is None or after.value is None:
        assert all(reason["effect"] is None for reason in told)
    else:
        total = sum((Decimal(reason["effect"]) for reason in told), Decimal(0))
        assert total == after.value - before.value
    for reason in told:
        if reason["what"] == "added":
            assert reason["component"] in new.keys() - old.keys()
        if reason["what"] == "removed":
            assert reason["component"] in old.keys() - new.keys()


def test_the_same_value_has_no_reasons():
    """Nothing moved."""
    value = value_of({"penetration": (1, Fraction(50)), "freshness": (1, None)})
    assert reasons(value, value) == []


def test_weights_move_a_value_towards_what_weighs_more():
    """From one to one to three to one: the better component pulls, the worse one no longer holds."""
    before = value_of({"penetration": (1, Fraction(100)), "freshness": (1, Fraction(0))})
    after = value_of({"penetration": (3, Fraction(100)), "freshness": (1, Fraction(0))})
    assert reasons(before, after) == [
        {"component": "freshness", "what": "weight", "before": "1", "after": "1", "effect": "12.500000"},
        {"component": "penetration", "what": "weight", "before": "1", "after": "3", "effect": "12.500000"},
    ]


def test_a_cap_takes_what_weights_and_scores_do_not_explain():
    """It is named, before and after."""
    before = value_of({"penetration": (1, Fraction(90))})
    after = value_of({"penetration": (1, Fraction(80))}, Decimal(59))
    assert reasons(before, after) == [
        {
            "component": "penetration",
            "what": "score",
            "before": "90.000000",
            "after": "80.000000",
            "effect": "-10.000000",
        },
        {"component": None, "what": "cap", "before": None, "after": "too few", "effect": "-21.000000"},
    ]


def test_where_nothing_can_be_judged_components_are_unknown_and_not_removed():
    """A draft that leaves a slice nothing to judge was told as if it had taken every component out of the index."""
    (phi, other) = (versions()[number].document.indices["phi"] for number in (0, 1))
    part = Part(Fraction(80), Fraction(1), "1", {})
    known = Value(Decimal(80), "good", None, {"penetration": part})
    (_, by, cell, _, _, draft, delta, *_, told), *others = _rows(
        "phi", {("owner", "person/per_1", "2026-03"): known}, {}, _absent(phi, other)
    )
    assert (by, cell, draft, delta, others) == ("owner", "person/per_1", None, None, [])
    whats = {(it["component"], it["what"]): (it["before"], it["after"]) for it in orjson.loads(told)}
    assert whats.pop(("penetration", "score")) == ("80.000000", None)
    assert "removed" not in {what for _, what in whats}


def test_a_record_that_is_not_stuck_has_no_components():
    """A slice in which nothing happened is there all the same; a record that a draft does not call stuck is not."""
    stuck = versions()[0].document.indices["stuck_deals"]
    assert [side.parts for side in _absent(stuck, stuck)] == [{}, {}]
    assert [side.parts for side in _absent(None, versions()[0].document.indices["phi"])] == [{}, {}]
