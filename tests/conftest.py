"""What several test files share; shapes in the annotations are checked while the tests run.

The suite runs in as many processes as there are cores, each with one thread for its linear algebra:
the environment tells libraries and processes yet to come, threadpool_limits numpy, which is loaded.
"""

import os
import shutil
from pathlib import Path

import pytest
from jaxtyping import install_import_hook
from threadpoolctl import threadpool_limits

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"
threadpool_limits(1)

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


def pytest_xdist_auto_num_workers(config):
    """A file by itself runs in the process that was started, with what a debugger needs."""
    one = len(config.args) == 1 and Path(config.args[0].partition("::")[0]).is_file()
    return 0 if one else len(os.sched_getaffinity(0))


def pytest_collection_modifyitems(items):
    """What needs the ledger comes first and together, so that one process examines it; then what
    takes long, so that no process is left waiting for it at the end."""
    items.sort(key=lambda item: item.get_closest_marker("campaign") is None)
    items.sort(key=lambda item: "ledger" not in item.fixturenames)


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
