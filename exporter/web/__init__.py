"""HTTP: /metrics, the page for people, health, reload.

``server`` and ``connection`` serve any ASGI application, ``listeners`` opens sockets, ``app`` is
ours, ``page`` draws a ``status``. Nothing is imported here, so that the sockets can be open before
the rest is loaded.
"""
