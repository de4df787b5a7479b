"""Executes the cells of a notebook in this process, one after another, as a kernel does; the first error ends it.

IPython comes with vectorbt. `python notebooks.py FILE` prints what each cell shows.
"""

import sys

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


def run_notebook(path):
    """Return what the cells of a notebook show, by their ids, and the names that they leave."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}, "InteractiveShell": {"xmode": "Minimal"}}))
    shown = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            ran = shell.run_cell(cell.source, store_history=False)
            ran.raise_error()
            shown[cell.id] = ran.result
    return shown, shell.user_ns


if __name__ == "__main__":
    run_notebook(sys.argv[1])
