"""Who may come in, and how: the web configuration file of the Prometheus exporter toolkit.

The format is the toolkit's (prometheus/exporter-toolkit, docs/web-configuration.md and what
web/tls_config.go checks). ``document`` reads it, ``context`` makes TLS of it, ``protection`` is
what is in force, ``guard`` reads again what changed, ``gate`` stands before the application.

Two rules where Python's TLS differs from Go's: what cannot be done as it is written is refused or
done more strictly, and said; nothing is ever done more weakly.
"""
