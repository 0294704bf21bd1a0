"""The controls, for tests as JSON and for people as a page of forms."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from exporter.emulator import Emulator, World


@pytest.fixture
async def control(emulator: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(emulator)
    async with httpx.AsyncClient(transport=transport, base_url="http://t/_control") as speaking:
        yield speaking


class _Forms(HTMLParser):
    """The forms of a page: action and fields, and whatever would be loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "form":
            assert given["method"] == "post"
            self.forms.append((given["action"], {}))
        elif tag == "input" and given.get("type") == "hidden":
            self.forms[-1][1][given["name"]] = given["value"]
        if tag in {"script", "img", "iframe"} or "src" in given:
            self.loaded.append(tag)
        if tag == "link":
            assert given["href"] == "data:,"


async def test_the_truth_is_told_with_events_on_demand(
    control: httpx.AsyncClient, world: World, clock: Any
) -> None:
    truth = (await control.get("/truth")).json()
    production = next(e for e in truth["environments"].values() if e["name"] == "production")
    assert production["agents"] == len(production["agent_ids"]) > 0
    assert "event_list" not in truth
    query = {"events": "1", "since": str(clock.now - 600)}
    listed = (await control.get("/truth", params=query)).json()["event_list"]
    assert [event["id"] for event in listed] == [e.id for e in world.events(clock.now - 600)]
    assert set(listed[0]) == {"id", "environment_id", "topic", "created_at", "createdAt"}


async def test_agents_are_taken_away_and_given_back(
    control: httpx.AsyncClient, world: World
) -> None:
    home = world.environment("development").id
    ids = world.truth().environments[home].agent_ids
    assert (await control.post(f"/agents/{ids[0]}/delete")).json() == {"deleted": 1}
    assert (await control.post(f"/agents/{ids[0]}/delete")).status_code == 404
    answer = await control.post(f"/environments/{home}/agents/delete")
    assert answer.json() == {"deleted": len(ids) - 1}
    assert world.truth().environments[home].agents == 0
    back = (await control.post("/environments/development/agents/restore")).json()["ids"]
    assert world.truth().environments[home].agent_ids == tuple(back)
    assert len(back) == len(ids)


async def test_environments_come_and_go(control: httpx.AsyncClient, world: World) -> None:
    made = (await control.post("/environments", json={"name": "qa", "is_prod": True})).json()
    assert world.environment("qa").is_prod
    assert (await control.post(f"/environments/{made['id']}/delete")).json() == {"deleted": 1}
    assert (await control.post(f"/environments/{made['id']}/delete")).status_code == 404


async def test_faults_and_quirks_are_set_and_taken_back(
    control: httpx.AsyncClient, client: httpx.AsyncClient, emulator: Emulator
) -> None:
    faults = [{"kind": "status", "status": 502, "route": "/users"}]
    assert (await control.post("/faults", json=faults)).json()[0]["status"] == 502
    assert (await client.get("/users")).status_code == 502
    assert (await control.delete("/faults")).json() == []
    assert (await client.get("/users")).status_code == 200
    assert (await control.post("/faults", json=[{"kind": "no"}])).status_code == 400
    changed = await control.post("/quirks", json={"page_size_max": 2})
    assert changed.json()["page_size_max"] == emulator.quirks.page_size_max == 2
    assert (await control.post("/quirks", json={"page_size": 2})).status_code == 400
    assert (await control.delete("/quirks")).json()["page_size_max"] is None


async def test_tokens_and_credentials_can_be_changed(
    control: httpx.AsyncClient, client: httpx.AsyncClient
) -> None:
    await control.post("/credentials", json={"secret": "CANARY-SECRET-new"})
    body = {"clientId": "demo-client-id", "secret": "CANARY-SECRET-new"}
    assert (await client.post("/auth", json=body)).status_code == 200
    assert (await control.post("/tokens/revoke")).json() == {"revoked": 1}
    await control.post("/credentials", json={"refused": True})
    assert (await client.post("/auth", json=body)).status_code == 401
    assert (await control.post("/credentials", json={"refused": "yes"})).status_code == 400


async def test_events_are_added_at_once(control: httpx.AsyncClient, world: World) -> None:
    wanted = {"count": 7, "environment_id": "staging", "topic": "job:failed"}
    ids = (await control.post("/events", json=wanted)).json()["ids"]
    assert [event.id for event in world.events()][-7:] == ids


async def test_curl_may_send_json_and_call_it_a_form(control: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await control.post("/events", content=b'{"count": 2}', headers=headers)
    assert len(answer.json()["ids"]) == 2


async def test_every_button_of_the_page_works_without_a_script(
    control: httpx.AsyncClient, emulator: Emulator
) -> None:
    page = _Forms()
    page.feed((await control.get("/")).text)
    assert page.loaded == []
    assert len(page.forms) > 20
    # Deleting last, since what is deleted cannot be redeployed afterwards.
    for action, fields in sorted(page.forms, key=lambda form: form[0].endswith("/delete")):
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = await control.post(f"http://t{action}", data=fields, headers=headers)
        known = {303} if "/agents/" not in action else {303, 404}
        assert answer.status_code in known, action
    assert emulator.credentials.refused
    after = _Forms()
    after.feed((await control.get("/")).text)
    assert any(action.endswith("/off") for action, _ in after.forms)


async def test_a_name_with_markup_stays_text(control: httpx.AsyncClient) -> None:
    await control.post("/environments", json={"name": "<script>alert(1)</script>"})
    page = (await control.get("/")).text
    assert "<script" not in page
    assert "&lt;script&gt;" in page


async def test_another_web_site_cannot_press_the_buttons(control: httpx.AsyncClient) -> None:
    foreign = await control.post("/tokens/revoke", headers={"origin": "http://evil.example"})
    own = await control.post("/tokens/revoke", headers={"origin": "http://t"})
    assert (foreign.status_code, own.status_code) == (403, 200)


async def test_what_is_no_control_is_not_found(control: httpx.AsyncClient) -> None:
    assert (await control.get("/nothing")).status_code == 404
    assert (await control.post("/switches/nothing/on")).status_code == 404
    assert (await control.post("/events", content=b"{")).status_code == 400


async def test_the_controls_are_not_among_the_requests(
    control: httpx.AsyncClient, emulator: Emulator
) -> None:
    await control.get("/truth")
    assert not emulator.requests
    assert (await control.get("/requests")).json() == []
