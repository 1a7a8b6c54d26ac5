"""Rules: conditions that a playbook states and a record meets, fails or leaves open.

A rule is text for people and a typed tree for everything else; see `domain.rules.tree`.
"""
