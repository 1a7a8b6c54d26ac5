"""Every slice a metric is shown in can be asked for: what a cell is called is no word the next question refuses."""

from collections.abc import Iterator
from typing import Any

import httpx

EVERYWHERE = ("step", "stage", "path", "move", "owner", "team", "region", "month")
"""Dimensions every metric has; they are looked up in one place, so one metric is asked by them."""


def slices_refused(client: httpx.Client, *kinds: str) -> list[str]:
    """What is refused, or answered by another number than was shown, when a metric is limited to a value it was sliced by."""
    metrics = client.get("/v1/metrics").json()["items"]
    return [
        told
        for kind in kinds
        for metric in metrics
        if client.get(f"/v1/metrics/{metric['name']}", params={"kind": kind}).status_code == httpx.codes.OK
        for dimension in (*(EVERYWHERE if metric["name"] == "dwell" else ()), *metric["dimensions"])
        for told in _refused(client, metric["name"], dimension, {"kind": kind})
    ]


def _refused(client: httpx.Client, metric: str, dimension: str, about: dict[str, Any]) -> Iterator[str]:
    address = f"/v1/metrics/{metric}"
    for item in client.get(address, params={**about, "by": dimension}).json()["items"]:
        value = item["cell"][dimension]
        limited = client.get(
            address, params={**about, "by": dimension, "where": f"{dimension}={value or ''}"}
        )
        if limited.status_code != httpx.codes.OK:
            yield f"{metric} where {dimension}={value}: {limited.text}"
        elif [it for it in limited.json()["items"] if it["cell"] == item["cell"]] != [item]:
            yield f"{metric} where {dimension}={value}: another number than in the slice"
