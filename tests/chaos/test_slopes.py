"""What tells a leak from noise: if it errs, every soak does."""

from random import Random

import pytest

from tests.chaos.slopes import slope


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_a_warm_up_are_no_leak(seed: int) -> None:
    dice = Random(seed)
    figures = [1_000 - 900 / (1 + at) + dice.uniform(-30, 30) for at in range(60)]
    assert not slope("figures", figures, 40).rises


@pytest.mark.parametrize("seed", range(5))
def test_a_leak_of_a_little_each_time_is_told_from_noise(seed: int) -> None:
    dice = Random(seed)
    figures = [1_000 + 4 * at + dice.uniform(-30, 30) for at in range(60)]
    assert slope("figures", figures, 40).rises


def test_a_single_peak_is_no_leak() -> None:
    assert not slope("figures", [5.0] * 25 + [90.0] * 2 + [5.0] * 3, 1).rises


def test_of_few_figures_nothing_is_said() -> None:
    with pytest.raises(ValueError, match="too few"):
        slope("figures", [1.0] * 5, 1)
