"""HTTP: /metrics, the page for people, health, reload.

``server`` and ``connection`` serve any ASGI application, ``arrival`` puts TLS before it and
``guard`` the toolkit's web configuration; ``listeners`` opens sockets and ``activation`` takes over
those of systemd. ``app`` is ours, ``page`` draws a ``status``. Nothing is imported here, so that
the sockets can be open before the rest is loaded.
"""
