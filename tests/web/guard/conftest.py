from pathlib import Path

import pytest

from tests.web.guard.authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """With the certificate and the key of a server, as ``with_tls`` names them."""
    made = Authority(tmp_path)
    made.issue("server")
    return made
