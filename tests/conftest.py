"""What several test files share; shapes in the annotations are checked while the tests run."""

import os
import shutil

import pytest
from jaxtyping import install_import_hook

install_import_hook(
    ["identify.equations.system", "identify.tensor", "identify.recovery"], "beartype.beartype"
)

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="session")
def ledger():
    """The whole ledger, examined once."""
    from proofs_check import check_all

    return check_all()


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        message = f"none of {', '.join(BROWSERS)} is installed; the page was not opened"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=FLAGS)
        yield chromium
        chromium.close()
