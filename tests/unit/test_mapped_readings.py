"""How a value is called since: the parts of a record as a version reads it are together what the version reads."""

from hypothesis import example, given
from hypothesis import strategies as st

from domain.playbook.published import KindMappings
from projections.mapped import readings

NAMES = st.sampled_from("abcdef")
OPTIONS = st.sampled_from(["hot", "warm", "cold", "wet"])
VALUES = st.one_of(st.none(), OPTIONS, st.lists(OPTIONS, max_size=3))
MAPPINGS = st.builds(
    KindMappings,
    fields=st.dictionaries(NAMES, st.one_of(st.none(), NAMES), max_size=4),
    options=st.dictionaries(NAMES, st.dictionaries(OPTIONS, st.one_of(st.none(), OPTIONS)), max_size=4),
)


@given(st.dictionaries(NAMES, VALUES), MAPPINGS)
@example({"a": "hot", "b": "warm"}, KindMappings(fields={"a": "c", "b": "c"}))
@example({"a": "hot", "c": None}, KindMappings(fields={"a": "c"}))
def test_law_readings_are_what_the_version_reads(fields, told):
    """Each reading comes from one field, no two are called the same, and what is read as nothing is left out."""
    found = readings(fields, told)
    assert found.keys() <= fields.keys()
    names = [reading.field for reading in found.values()]
    assert len(names) == len(set(names))
    whole = {name: value for name, value in told.read(fields).items() if value is not None}
    assert {reading.field: reading.value for reading in found.values()} == whole
