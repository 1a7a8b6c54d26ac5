"""What can be seen in the events of a record: where a happening of a playbook took place."""

from typing import Any

from oracle.log import Record


def happenings(record: Record, what: dict[str, Any]) -> list[dict[str, Any]]:
    """Every place in the log where it happened, oldest first: `position` and `at`."""
    if "touch" in what:
        found = [it for it in record["touches"].values() if what["touch"] in ("any", it["kind"])]
    elif "evidence" in what:
        found = [it for it in record["evidence"] if it["field"] == what["evidence"]]
    elif "field" in what:
        found = [
            it
            for it in record["changes"]
            if it["field"] == what["field"] and _tells(it["new"], what.get("one_of") or ())
        ]
    else:
        found = [{**it, "at": it["entered_at"]} for it in record["visits"] if it["step"] == what["enters"]]
    return sorted(
        ({"position": it["position"], "at": it["at"]} for it in found), key=lambda it: it["position"]
    )


def _tells(new: Any, among: Any) -> bool:
    if new is None:
        return False
    return not among or bool(set(new if isinstance(new, list) else [new]) & set(among))
