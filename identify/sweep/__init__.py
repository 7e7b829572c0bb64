"""Many networks at once: phase diagrams of planted ones, audits of folders of checkpoint pairs.

A cell is one network, frozen, with a key and a seed of its own (``cells.py``). Workers turn cells
into rows (``pool.py``); every row is in the log before the next is awaited (``row_log.py``), and
what a sweep shows is computed from its rows alone, so that it does not depend on who died.
"""
