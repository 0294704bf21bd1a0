from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def every_line() -> Iterator[None]:
    """Lines of every level can be captured, whatever a test before has configured."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)
