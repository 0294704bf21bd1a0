"""The audit log: every event of the account, joined with who did it, kept so that it can be proven.

``feed`` reads, ``joining`` joins, ``store`` appends to the chain, ``sinks`` hand on what stands
there, ``formats`` say in which words. ``verify`` proves it.
"""
