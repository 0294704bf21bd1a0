"""Which kind of actor an id belongs to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.audit.actors import kind_of
from exporter.audit.record import ActorKind


@pytest.mark.parametrize(
    ("actor_id", "kind"),
    [
        ("us_usr_YOUR_ID", ActorKind.USER),
        ("eu_g_4Kp29xQa", ActorKind.GUEST),
        ("us0_ag_4Kp29xQa", ActorKind.AGENT),
        ("au_key_4Kp29xQa", ActorKind.API_KEY),
        ("us_pat_4Kp29xQa", ActorKind.UNKNOWN),
        ("us_agv_4Kp29xQa", ActorKind.UNKNOWN),
        ("usr_4Kp29xQa", ActorKind.UNKNOWN),
        ("xx_us_usr_4Kp29xQa", ActorKind.UNKNOWN),
        ("_usr_4Kp29xQa", ActorKind.UNKNOWN),
        ("us usr_x_usr_", ActorKind.UNKNOWN),
        ("system", ActorKind.UNKNOWN),
        ("", ActorKind.UNKNOWN),
    ],
)
def test_the_middle_part_of_an_id_tells_the_kind_in_every_region(
    actor_id: str, kind: ActorKind
) -> None:
    assert kind_of(actor_id) is kind


@given(st.text(max_size=200))
def test_any_text_is_of_some_kind(actor_id: str) -> None:
    assert kind_of(actor_id) in ActorKind
