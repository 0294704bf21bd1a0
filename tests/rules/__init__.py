"""Scenarios of the alert rules; ``python -m tests.rules`` writes them for promtool."""
