"""Who may ask: the client's id and secret, the access tokens minted for it, and a personal token."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from exporter.emulator import names
from exporter.emulator.calls import Answer, Call, Refusal
from exporter.emulator.ids import LONG, Ids
from exporter.emulator.quirks import Quirks
from exporter.emulator.times import iso, rfc1123

CLIENT_ID = "demo-client-id"
SECRET = f"{names.SECRET}demo"
PAT = f"pat_{names.TOKEN}demo"


@dataclass
class Credentials:
    """What is accepted right now; may be changed at any time.

    `refused` switches the client and the personal token off; `issued` maps a token to its expiry
    in Unix seconds; `minted` counts all that were ever handed out.
    """

    clock: Callable[[], float]
    client_id: str = CLIENT_ID
    secret: str = SECRET
    pat: str = PAT
    refused: bool = False
    minted: int = 0
    issued: dict[str, float] = field(default_factory=dict)
    ids: Ids = field(default_factory=lambda: Ids(0))

    def revoke(self) -> int:
        """Makes every token handed out so far worthless."""
        count = len(self.issued)
        self.issued.clear()
        return count

    def admit(self, call: Call) -> None:
        """Refusal 401 unless the bearer token is one of ours and still valid."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, "Unauthorized")
        if token == self.pat and not self.refused:
            return
        if self.issued.get(token, 0.0) <= self.clock():
            raise Refusal(401, "Unauthorized")

    def mint(self, call: Call, quirks: Quirks, account_id: str) -> Answer:
        """POST /auth in both of its described forms (section 3.2)."""
        try:
            body = json.loads(call.body)
        except ValueError:
            raise Refusal(400, "The body is not JSON") from None
        if not isinstance(body, dict):
            raise Refusal(400, "The body is not an object")
        kind = body.get("type")
        if quirks.auth_requires_type and kind != "apiCredentials":
            raise Refusal(400, "type is required")
        if kind is not None and (quirks.auth_refuses_type or kind != "apiCredentials"):
            raise Refusal(400, "type is not allowed")
        given = (body.get("clientId"), body.get("secret"))
        if None in given:
            raise Refusal(400, "clientId and secret are required")
        if self.refused or given != (self.client_id, self.secret):
            raise Refusal(quirks.auth_refusal, "Invalid credentials")
        return self._issue(quirks, account_id)

    def _issue(self, quirks: Quirks, account_id: str) -> Answer:
        now = self.clock()
        expires = round(now + quirks.token_lifetime, 3)
        self.minted += 1
        token = f"eyJ{names.TOKEN}{self.minted}-{self.ids.new('tok', LONG)}"
        # Kept bounded: a token that has run out is of no more use to anybody.
        self.issued = {known: until for known, until in self.issued.items() if until > now}
        self.issued[token] = expires
        document: dict[str, Any] = {"accessToken": token, "accountId": account_id}
        if quirks.expires_in_form != "missing":
            seconds = int(quirks.token_lifetime)
            document["expiresIn"] = seconds if quirks.expires_in_form == "int" else str(seconds)
        forms = {"iso": iso(expires), "rfc1123": rfc1123(expires), "garbage": "in a while"}
        if quirks.expires_form in forms:
            document["expires"] = forms[quirks.expires_form]
        return Answer({"data": document} if quirks.auth_wrapped else document)
