"""Fuzzing of all that comes from outside: a target for each entry, and the corpus that is kept."""
