"""The report of a replay: one HTML file that needs nothing from elsewhere and runs under a strict content security policy."""

from infra.report.page import policy, report

__all__ = ["policy", "report"]
