"""What the tests of the messenger adapter share."""

import pytest

from conformance.history import History


@pytest.fixture
def history() -> History:
    """The record of one run."""
    return History()
