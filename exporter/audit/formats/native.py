"""Format ``native``, version 1: what is needed to prove a record, and who is meant in it.

=========  =========================================================================================
field      meaning
=========  =========================================================================================
record     the record, byte for byte its canonical form: see :mod:`exporter.audit.record`. Its
           ``schema`` is the version of this format
hash       SHA-256 (hex) of exactly those bytes; stands in the next record as ``previous``
people     the plain text of the commitments in the record, by commitment, as far as it is kept
amended    only where an amendment named the actor later: ``{actor, sequence}``, the actor as the
           amendment has it and the amendment's own place. No part of what is hashed
=========  =========================================================================================
"""

from exporter.audit.formats.amended import Amended
from exporter.audit.formats.fields import encoded
from exporter.audit.record import Entry


def native(entry: Entry) -> bytes:
    """One line of JSON. The body is embedded, never written anew: the hash is of its bytes."""
    parts = [b'{"record":', entry.body, b',"hash":"', entry.hash.encode("ascii"), b'","people":']
    parts.append(encoded(dict(sorted(entry.people.items()))))
    if isinstance(entry, Amended):
        parts.append(b',"amended":')
        parts.append(encoded({"actor": dict(entry.actor), "sequence": entry.amendment}))
    return b"".join((*parts, b"}"))
