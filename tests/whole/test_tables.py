"""The tables of the README and the pages are those of the recorded results, and are known to be."""

import json
import shutil

import pytest
import tables


def test_no_table_is_stale():
    assert tables.stale() == [], "run: uv run python benchmarks/tables.py"


def test_every_table_stands_on_a_page_and_every_mark_is_one():
    text = "".join(page.read_text(encoding="utf-8") for page in tables.PAGES)
    marked = [found[1] for found in tables.MARKED.findall(text)]
    assert sorted(marked) == sorted(tables.TABLES)
    assert text.count("<!-- table:") == text.count("<!-- end of table -->") == len(marked)


@pytest.mark.parametrize(
    ("file", "change", "page"),
    [
        ("recovery", lambda r: r["cases"]["one gradient step"].update(claimed=19), "measured"),
        ("membership", lambda r: r["records"][0].update(false_not=1), "README"),
        ("ordinary_training", lambda r: r["rows"][3].update(outside=1), "measured"),
        ("undersized", lambda r: r["runs"][0]["with"].update(found=7), "attack"),
        ("certificate_times", lambda r: r["rows"]["rank 2925"].update(rank=[1, 2]), "measured"),
        ("hostile_files", lambda r: r["as_processes"].update(processes=1), "measured"),
        (
            "relu_soundness",
            lambda r: r["float64, depth 3"].update(exceeded=1),
            "measured",
        ),
        ("relu_recovery", lambda r: r["crops 20"]["runs"]["100"].update(found=19), "measured"),
        (
            "relu_finetuning",
            lambda r: r["weak, seed 300"].update(claimed=3),
            "measured",
        ),
        ("compare_loo", lambda r: r["runs"][0].update(wins=60), "attack"),
        ("sweeps", lambda r: r["audit"].update(same_table=False), "sweeps"),
    ],
)
def test_another_result_makes_its_page_stale(monkeypatch, tmp_path, file, change, page):
    shutil.copytree(tables.RESULTS, tmp_path, dirs_exist_ok=True)
    path = tmp_path / f"{file}.json"
    results = json.loads(path.read_text())
    change(results)
    path.write_text(json.dumps(results))
    monkeypatch.setattr(tables, "RESULTS", tmp_path)
    assert [name for name in tables.stale() if page in name] == tables.stale() != []


def test_a_table_that_nobody_writes_is_refused():
    with pytest.raises(ValueError, match="'nobody'"):
        tables.written_again("<!-- table: nobody -->\n|\n<!-- end of table -->")
