"""When most environments lose their agents at once, it is rather the answer that is wrong.

A token that lost a right, or a server in trouble, may list nothing and call it success. So two
rounds must agree before more than half of the environments with agents go to zero together.
"""

from collections.abc import Set as AbstractSet

_AT_ONCE = 2  # one environment that loses its agent is what this exporter is for


def doubted(
    gone: AbstractSet[str], had: AbstractSet[str], before: AbstractSet[str]
) -> frozenset[str]:
    """Which of those ``gone`` are not believed yet.

    ``had`` are all that had an agent, ``before`` those that were doubted in the round before:
    they are gone for the second time, and are believed.
    """
    if len(gone) < _AT_ONCE or 2 * len(gone) <= len(had):
        return frozenset()
    return frozenset(gone - before)
