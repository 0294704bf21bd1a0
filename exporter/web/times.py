"""A point in time on the page: how long ago, and exactly."""

from exporter.web.markup import Markup, element, joined
from exporter.web.words import UNKNOWN, distance, moment


def when(then: float | None, now: float, otherwise: str = UNKNOWN) -> Markup:
    """Unix seconds; ``otherwise`` is for a time that does not exist."""
    if then is None:
        return joined((otherwise,))
    exact = moment(then)
    if exact == UNKNOWN:
        return joined((UNKNOWN,))
    shown = exact.replace("T", " ").replace("Z", " UTC")
    ago = element("time", distance(then, now), datetime=exact)
    return joined((ago, " ", element("small", f"({shown})")))
