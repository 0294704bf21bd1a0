"""The embedded state: what must outlive the process. The only speaker of SQL.

``store`` owns the file and the one thread that touches it; ``tally`` counts each thing exactly
once; ``sightings`` remembers when an environment was last seen to have an agent. Functions that
take a connection run inside one transaction of :meth:`exporter.state.store.Store.run`.
"""
