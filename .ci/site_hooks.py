"""What the documentation site shows of the commands: their own help, asked when it is built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import Any

WIDTH = "88"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of a command in place of a line ``<!-- help: identify sweep -->``."""
    return re.sub(r"<!-- help: ([\w-]+(?: \w+)?) -->", lambda found: help_of(found[1]), markdown)


def help_of(command: str) -> str:
    """Return the help of a command as a block of text; fails where there is no such command."""
    program, *words = command.split()
    arguments = [sys.executable, "-m", program.replace("-", "_"), *words, "--help"]
    plain = os.environ | {"COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    done = subprocess.run(arguments, capture_output=True, text=True, check=True, env=plain)
    return f"```text\n{done.stdout.strip()}\n```"
