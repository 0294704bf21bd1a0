"""What the fuzzers found stays repaired, and every entry keeps its promises."""

from collections.abc import Mapping

import pytest

from tests.fuzz.answers import FEEDS, LISTINGS, LOOKUPS, Question, put, server_of
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


@pytest.mark.parametrize(
    ("name", "questions"), [("listings", LISTINGS), ("feeds", FEEDS), ("lookups", LOOKUPS)]
)
def test_each_question_is_answered_by_an_input_so_that_none_is_tried_in_vain(
    name: str, questions: Mapping[bytes, Question]
) -> None:
    answered = set()
    for _, content in inputs(name):
        asked, server = server_of(content)
        if asked in questions and not put(questions[asked], server):
            answered.add(asked)
    assert answered == set(questions)
