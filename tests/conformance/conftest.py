"""What the tests of the language share."""

import pytest

from conformance.catalogue import Catalogue, load_catalogue


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    """The published requirements."""
    return load_catalogue()
