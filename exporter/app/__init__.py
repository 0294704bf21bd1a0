"""Composition: the daemon, the only place that knows every room."""
