"""The file of the audit log: records in a chain, and who has read how far.

``database`` owns the file and the one thread that touches it. Functions that take a connection
run inside one transaction of :meth:`exporter.audit.store.database.Database.run`; several
processes may write, so nothing of the file is remembered between two transactions.
"""
