"""Python imports this at its start: hide what only the tests bring, as if it were not there."""

import sys

for name in ("greenlet", "pygments", "rich"):
    sys.modules[name] = None  # type: ignore[assignment] # what makes an import fail
