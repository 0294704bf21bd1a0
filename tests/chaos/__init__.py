"""Chaos: the whole daemon in a storm of faults, with what must hold looked at all the time.

``python -m tests.chaos --seed N --hours H`` plays a storm in virtual time; ``python -m
tests.chaos.soak`` runs the real processes for as long as one likes.
"""
