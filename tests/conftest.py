"""What several test files share."""

import pytest

from proofs_check import check_all


@pytest.fixture(scope="session")
def ledger():
    """The whole ledger, examined once."""
    return check_all()
