"""``POST /auth``: the client pair for an access token (API notes, section 3.2)."""

from collections.abc import Callable

from exporter.errors import BadRequest, Forbidden, NotFound, RoundError, Unauthorized
from exporter.flatfile.credential import ClientPair
from exporter.flatfile.routes import AUTH
from exporter.flatfile.token import Token, granted
from exporter.flatfile.wire import Wire

_NOT_UNDERSTOOD = frozenset({400, 422})


class AuthEndpoint:
    """Tries the form of the documentation, then that of the SDK, and remembers which one worked."""

    def __init__(self, wire: Wire, clock: Callable[[], float]) -> None:
        """``clock`` gives Unix seconds."""
        self._wire = wire
        self._clock = clock
        self._forms: tuple[dict[str, str], ...] = ({}, {"type": "apiCredentials"})

    @property
    def url(self) -> str:
        return self._wire.base

    async def __call__(self, pair: ClientPair) -> Token:
        """Raises Unauthorized if the pair is refused, by whichever status.

        Raises Malformed if the answer holds no token, or why there was no answer.
        """
        body = {"clientId": pair.client_id, "secret": pair.secret}
        for form in self._forms:
            answer = await self._wire.post(AUTH, {**body, **form})
            if answer.problem is None:
                return self._granted(answer.body, form)
            problem = _refusal(answer.problem)
            if isinstance(problem, Unauthorized):
                self._wire.usage.up = False  # by whichever status: nothing was authenticated
            if answer.status not in _NOT_UNDERSTOOD:
                raise problem
        raise problem

    def _granted(self, body: bytes, form: dict[str, str]) -> Token:
        try:
            token = granted(body, self._clock())
        except RoundError:
            self._wire.usage.up = False
            raise
        self._forms = (form, *(other for other in self._forms if other != form))
        return token


def _refusal(problem: RoundError) -> RoundError:
    """Every refusal of this route is about the credential, whatever it would mean elsewhere.

    Which status a wrong pair gets is not documented: 400 and 404 are declared, 401 was seen.
    """
    if isinstance(problem, Unauthorized | Forbidden | NotFound | BadRequest):
        said = str(problem).split(":", maxsplit=1)[0]
        return Unauthorized(
            f"{said}: client id and secret are not accepted; check auth.client-id and"
            " auth.client-secret, and that api.url is the API of their region"
        )
    return problem
