"""Only harmless GETs can be expressed at all."""

import pytest

from exporter.flatfile.routes import Lookup, Route

DANGEROUS = (
    "/agents/us_ag_1/versions/us_agv_1/revert",  # rolls the agent back
    "/guests/us_g_1/token",
    "/environments/subscription-token",
    "/subscription",
    "/auth",
    "/auth/api-keys",
    "/auth/sftp-credentials",
    "/secrets",
    "/spaces/../secrets",
)


@pytest.mark.parametrize("path", DANGEROUS)
def test_a_dangerous_path_is_no_route(path: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Route"):
        Route(path)


def test_the_allow_list_is_exactly_what_the_collectors_need() -> None:
    assert {route.path for route in Route} == {
        "/accounts/current",
        "/environments",
        "/spaces",
        "/agents",
        "/agents/executions",
        "/users",
        "/guests",
        "/events",
    }


def test_the_things_that_can_be_asked_by_id_are_those_whose_answer_is_harmless() -> None:
    assert {lookup.template for lookup in Lookup} == {
        "/users/{id}",
        "/guests/{id}",
        "/agents/{id}",
        "/spaces/{id}",
    }


def test_nobody_can_add_a_route() -> None:
    with pytest.raises(TypeError):

        class More(Route):  # type: ignore[misc] # that is the point
            SECRETS = "/secrets"

    with pytest.raises(TypeError):

        class Others(Lookup):  # type: ignore[misc] # that is the point
            KEYS = ("/auth/api-keys", "key")
