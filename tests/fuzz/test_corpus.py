"""What the fuzzers found stays repaired, and every entry keeps its promises."""

import pytest

from tests.fuzz.corpus import FOLDER, LARGEST, inputs
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("name", TARGETS)
def test_every_input_that_was_kept_keeps_the_promises_of_its_target(name: str) -> None:
    for each, content in inputs(name):
        try:
            TARGETS[name](content)
        except Exception as error:
            error.add_note(f"corpus/{name}/{each}")
            raise


def test_each_folder_of_the_corpus_belongs_to_a_target_and_holds_small_files() -> None:
    assert {folder.name for folder in FOLDER.iterdir()} == set(TARGETS)
    for name in TARGETS:
        assert all(len(content) <= LARGEST for _, content in inputs(name))
