"""What usually happens in each stage: how long it takes, how often it succeeds, goes wrong, goes back or gets stuck."""

DWELL = {
    "lead_assigned": (1, 6),
    "needs_diagnosis": (6, 18),
    "project_confirmed": (4, 12),
    "poc_feedback": (12, 28),
    "requirements_frozen": (6, 14),
    "quoted": (8, 24),
    "contract": (8, 26),
}
"""How many working days a stage usually takes."""

ADVANCE = {
    "lead_assigned": 0.87,
    "needs_diagnosis": 0.83,
    "project_confirmed": 0.93,
    "poc_feedback": 0.88,
    "requirements_frozen": 0.96,
    "quoted": 0.79,
    "contract": 0.97,
}
"""How likely a usual deal with a usual seller gets beyond a stage."""

LOSSES = {
    "lead_assigned": ("unreachable", "unreachable", "no_budget"),
    "needs_diagnosis": ("no_budget", "competitor", "technical_fit", "unreachable"),
    "project_confirmed": ("no_budget", "slow_response", "competitor"),
    "poc_feedback": ("technical_fit", "technical_fit", "slow_response", "competitor"),
    "requirements_frozen": ("slow_response", "delivery_time", "technical_fit"),
    "quoted": ("price", "price", "slow_response", "competitor", "delivery_time"),
    "contract": ("slow_response", "price", "delivery_time"),
}
"""Why deals are lost in a stage; what is named twice is twice as likely."""

BACK = {
    "poc_feedback": (0.12, ("needs_diagnosis", "project_confirmed")),
    "requirements_frozen": (0.1, ("poc_feedback",)),
    "quoted": (0.2, ("requirements_frozen",)),
    "contract": (0.14, ("quoted",)),
}
"""How likely a deal goes back from a stage, and where to."""

STUCK = {"poc_feedback": 0.16, "quoted": 0.18, "contract": 0.2}
"""How likely a deal gets stuck in a stage; elsewhere it hardly does."""
