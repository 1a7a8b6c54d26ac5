"""In what the components of an index are measured."""

from typing import get_args

from domain.playbook.measuring import Component
from projections.measured import MEASURED_IN


def test_every_measure_has_a_unit():
    """Once seconds and percent were figures without a word beside them."""
    kinds = get_args(get_args(Component)[0])
    measures = {get_args(kind.model_fields["measure"].annotation)[0] for kind in kinds}
    assert measures == MEASURED_IN.keys()
    assert {MEASURED_IN["response"], MEASURED_IN["penetration"]} == {"business_seconds", "percent"}
