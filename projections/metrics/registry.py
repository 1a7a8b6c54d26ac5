"""All metrics by name."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.naming import nearest
from domain.refusals import NotFound
from projections.metrics.actions import PENETRATION
from projections.metrics.approval_times import APPROVAL_TIMES
from projections.metrics.contract import Metric
from projections.metrics.decisions import ACCEPTANCE
from projections.metrics.freshness import FRESHNESS
from projections.metrics.given_out import ASSIGNMENTS
from projections.metrics.healthy import HEALTHY_ACTIONS
from projections.metrics.overdue import OVERDUE
from projections.metrics.records import CONFORMANCE, CONTRADICTIONS, STAGE_DISTRIBUTION
from projections.metrics.requests import RESPONSE
from projections.metrics.touches import DEAD_TOUCHES, EVIDENCE, TOUCHES
from projections.metrics.visits import CONVERSION, DWELL, RETURN_RATE, REWORK
from projections.metrics.work_times import LATE_LEGS, ON_TIME, WORK_TIMES

METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            STAGE_DISTRIBUTION, DWELL, CONVERSION, RETURN_RATE, REWORK, CONFORMANCE, FRESHNESS,
            PENETRATION, RESPONSE, DEAD_TOUCHES, CONTRADICTIONS, TOUCHES, EVIDENCE, ACCEPTANCE,
            WORK_TIMES, LATE_LEGS, ON_TIME, APPROVAL_TIMES, OVERDUE, ASSIGNMENTS, HEALTHY_ACTIONS,
        )
    }
)  # fmt: skip
"""The metrics there are, in the order they are told of."""


def metric_of(name: str) -> Metric:
    """Return a metric. Raises NotFound, with the nearest one."""
    metric = METRICS.get(name)
    if metric is None:
        raise NotFound("metric", name, nearest(name, METRICS))
    return metric
