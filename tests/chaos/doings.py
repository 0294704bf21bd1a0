"""What people do to the account meanwhile: things come, change and go."""

from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from tests.chaos.stage import Stage
from tests.chaos.troubles import Trouble

T = TypeVar("T")
_FEWEST, _MOST = 2, 7  # environments

Doing = Callable[[Stage, Random], object]


def _home(stage: Stage, dice: Random) -> str:
    return dice.choice([environment.id for environment in stage.world.account.environments])


def _some(things: Sequence[T], dice: Random) -> T | None:
    return dice.choice(things) if things else None


def _create_environment(stage: Stage, dice: Random) -> None:
    if len(stage.world.account.environments) < _MOST:
        home = stage.world.create_environment(is_prod=dice.random() < 0.5).id
        if dice.random() < 0.7:
            stage.world.deploy_agent(home, "default")
        if dice.random() < 0.7:
            stage.world.create_space(home)


def _delete_environment(stage: Stage, dice: Random) -> None:
    if len(stage.world.account.environments) > _FEWEST:
        stage.world.delete_environment(_home(stage, dice))


def _deploy(stage: Stage, dice: Random) -> None:
    silent, system = dice.random() < 0.3, dice.random() < 0.2
    slug = f"agent-{dice.randrange(20)}"
    stage.world.deploy_agent(_home(stage, dice), slug, is_system=system, silent=silent)


def _delete_agent(stage: Stage, dice: Random) -> None:
    if agent := _some(list(stage.world.account.agents), dice):
        stage.world.delete_agent(agent.id, silent=dice.random() < 0.3)


def _delete_agents(stage: Stage, dice: Random) -> None:
    stage.world.delete_agents(_home(stage, dice))


def _restore_agents(stage: Stage, dice: Random) -> None:
    stage.world.restore_agents(_home(stage, dice))


def _create_spaces(stage: Stage, dice: Random) -> None:
    for _ in range(dice.randrange(1, 6)):
        stage.world.create_space(_home(stage, dice))


def _change_space(stage: Stage, dice: Random) -> None:
    world = stage.world
    if space := _some(list(world.account.spaces), dice):
        dice.choice((world.archive_space, world.expire_space, world.delete_space))(space.id)


def _people(stage: Stage, dice: Random) -> None:
    world = stage.world
    match dice.randrange(4):
        case 0:
            world.add_user(world.now() - dice.uniform(0, 40 * 86_400))
        case 1 if user := _some(list(world.account.users), dice):
            world.remove_user(user.id)
        case 2 if space := _some(list(world.account.spaces), dice):
            world.add_guest(space.id)
        case 3 if guest := _some(list(world.account.guests), dice):
            world.remove_guest(guest.id)


def _burst(stage: Stage, dice: Random) -> None:
    stage.world.add_events(dice.choice((1, 5, 40, 150)), spread=dice.choice((0.0, 1.0, 30.0)))


OFTEN: tuple[tuple[int, Doing], ...] = (
    (2, _create_environment),
    (2, _delete_environment),
    (4, _deploy),
    (3, _delete_agent),
    (1, _delete_agents),
    (2, _restore_agents),
    (3, _create_spaces),
    (6, _change_space),
    (6, _people),
    (3, _burst),
)


def doing(dice: Random) -> Trouble:
    """One of them, with dice of its own, so that what it does hangs on nothing that was before."""
    done = dice.choices([each for _, each in OFTEN], [often for often, _ in OFTEN])[0]
    own = Random(dice.random())

    def begin(stage: Stage) -> None:
        stage.world.advance()  # or what is chosen may be gone by the time it is touched
        done(stage, own)
        stage.note()

    return Trouble(done.__name__.removeprefix("_").replace("_", " "), begin)
