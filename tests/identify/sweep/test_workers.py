"""Sweeps whose workers and clients die: nothing is lost, little is done twice, the table is one."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from identify.sweep.cells import PhaseGrid
from identify.sweep.pool import rows_of, workers
from identify.sweep.row_log import open_log, read_log
from identify.sweep.running import measure_all, sweep_phases
from identify.sweep.tables import phase_table

GRID = PhaseGrid(n=(2, 3), m=(20, 30), repeats=10)


@dataclass(frozen=True)
class Noted:
    """A cell that notes each time it is begun, and kills its own worker as often as it is told."""

    key: str
    notes: str
    deaths: int = 0
    seconds: float = 0.01

    def measure(self):
        path = Path(self.notes)
        with path.open("a") as notes:
            notes.write(f"{self.key} {os.getpid()}\n")
        begun = path.read_text().split().count(self.key)
        time.sleep(self.seconds)
        if begun <= self.deaths:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.key == "refused":
            raise ValueError("no such network")
        return {"double": 2 * int(self.key, 36)}


def noted(tmp_path, count=60, **deaths):
    keys = [f"k{k:03}" for k in range(count)] + [*deaths]
    return [Noted(key, str(tmp_path / "notes.txt"), deaths.get(key, 0)) for key in keys]


def begun(tmp_path):
    return Counter(line.split()[0] for line in (tmp_path / "notes.txt").read_text().splitlines())


@pytest.mark.parametrize("cluster", [None, "local"])
def test_a_worker_that_dies_repeats_only_what_it_held(tmp_path, cluster):
    cells = noted(tmp_path, killer=1)
    with workers(2, cluster):
        rows = list(rows_of(cells))
    assert sorted(row["key"] for row in rows) == sorted(cell.key for cell in cells)
    assert all(row["state"] == "done" for row in rows)
    times = begun(tmp_path)
    assert times["killer"] == 2
    assert sum(times.values()) - len(cells) < 40  # what both held at the time, not all of 61
    assert min(times.values()) == 1


def test_a_cell_that_always_kills_its_worker_is_a_row(tmp_path):
    cells = noted(tmp_path, 10, killer=99)
    rows = measure_all(cells, tmp_path, jobs=2)
    assert rows["killer"]["state"] == "died"
    assert "3 times" in rows["killer"]["error"]
    assert sum(row["state"] == "done" for row in rows.values()) == 10
    before = begun(tmp_path)
    assert before["killer"] == 3
    measure_all(cells, tmp_path, jobs=2)  # the next run tries that one again, and no other
    again = begun(tmp_path)
    assert {key for key in again if again[key] > before[key]} == {"killer"}


def test_what_is_refused_is_a_row_and_is_not_asked_again(tmp_path):
    cells = noted(tmp_path, 3, refused=0)
    rows = measure_all(cells, tmp_path)
    assert rows["refused"]["error"] == "no such network"
    assert measure_all(cells, tmp_path) == rows
    assert begun(tmp_path)["refused"] == 1


def test_a_torn_line_costs_one_row(tmp_path):
    cells = noted(tmp_path, 5)
    rows = measure_all(cells, tmp_path)
    log = tmp_path / "rows.jsonl"
    text = log.read_bytes()
    log.write_bytes(text[: text.rindex(b'"seconds"')])
    assert len(read_log(log)) == 4
    assert measure_all(cells, tmp_path).keys() == rows.keys()
    assert sum(begun(tmp_path).values()) == 6
    assert len(read_log(log)) == 5
    for line in ("[]", "1", '{"key": 1, "state": "done"}', '{"state": "done"}', "\xff", ""):
        log.write_text(log.read_text() + line + "\n")
    assert len(read_log(log)) == 5


def test_two_runs_in_one_folder_are_refused(tmp_path):
    log = tmp_path / "rows.jsonl"
    with open_log(log), pytest.raises(ValueError, match="another run"), open_log(log):
        pass
    with open_log(log):
        pass


def test_a_killed_client_and_a_killed_worker_leave_the_same_table(tmp_path):
    undisturbed = phase_table(GRID, measure_all(list(GRID), tmp_path))
    out = tmp_path / "disturbed"
    grid = ["--n", "2", "3", "--m", "20", "30", "--d", "8", "--repeats", "10"]
    command = [sys.executable, "-m", "identify", "sweep", str(out), *grid]
    command += ["--target", "0.1", "--cluster", "local", "--jobs", "2"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    log = out / "rows.jsonl"
    while len(read_log(log)) < 4:
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = read_log(log)
    assert 4 <= len(kept) < len(GRID)
    lines = sweep_phases(GRID, out, jobs=2)
    assert (out / "table.csv").read_text() == undisturbed
    written = Counter(json.loads(line)["key"] for line in log.read_text().splitlines())
    assert all(written[key] == 1 for key in kept)
    assert "40 networks at 4 points" in lines[0]


def test_a_scheduler_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr("identify.sweep.pool.CONNECTING", 0.5)
    with (
        pytest.raises(ValueError, match="found no scheduler at"),
        workers(1, "tcp://127.0.0.1:9"),
    ):
        pass
