"""What the tests of the laboratory share."""

import pytest

from laboratory_trial import Lab, made


@pytest.fixture
def lab() -> Lab:
    return made()
