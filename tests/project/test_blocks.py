"""Every block of README and docs runs as it stands, or says that it does not.

`python tools/blocks.py PAGE ... --write` makes the outputs anew.
"""

import re
from pathlib import Path

import pytest
from blocks import Block, Difference, blocks, commands, matches, run_page, run_pages, written

ROOT = Path(__file__).parents[2]
PAGES = {path.relative_to(ROOT).as_posix(): path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]}
BLOCKS = {name: blocks(path.read_text(encoding="utf-8")) for name, path in PAGES.items()}
ELSEWHERE = {  # pages whose blocks another file of tests runs
    "docs/tutorials/first_thesis.md": "tests/project/test_installed.py",
    "docs/how_to/source.md": "tests/data/test_own_sources.py",
}
FIRST_HOUR = ["README.md", *(f"docs/tutorials/{name}.md" for name in ("first_report", "first_signal", "first_sweep", "notebook"))]
ALONE = [name for name, each in BLOCKS.items() if each and name not in (*ELSEWHERE, *FIRST_HOUR)]
CHAINS = {"the first hour": FIRST_HOUR} | {name: [name] for name in ALONE}  # pages that one reader goes through in one folder
SHORTER = {"--audit": ["--audit-seconds", "0"], "sweep": ["--reports", "0"]}  # where a page shows no output
NOT_RUN = 8  # blocks that need a network, a filled store, a cluster or another package


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.usefixtures("runs_once")
@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.filterwarnings("ignore:FigureCanvasAgg is non-interactive:UserWarning")
def test_the_blocks_of_a_page_run_and_print_what_it_shows(name, tmp_path):
    found = run_pages([PAGES[page] for page in CHAINS[name]], tmp_path, SHORTER)
    assert {page.name: differences for page, differences in found.items() if differences} == {}


def test_every_page_with_blocks_is_run_here_or_by_the_file_that_says_so():
    assert {page for pages in CHAINS.values() for page in pages} | set(ELSEWHERE) == {
        name for name, each in BLOCKS.items() if each
    }
    for page, file in ELSEWHERE.items():
        assert Path(page).stem in (ROOT / file).read_text(encoding="utf-8")


def test_few_blocks_are_left_alone_and_each_says_why():
    text = "\n".join(path.read_text(encoding="utf-8") for path in PAGES.values())
    reasons = re.findall(r"^\*Not run by the tests: [a-z][^\n]*[^.\s]\.\*$", text, re.MULTILINE)
    assert len(reasons) == sum(block.left_alone for each in BLOCKS.values() for block in each) == NOT_RUN


def test_every_block_is_of_a_language_that_says_what_it_is():
    languages = {block.language for each in BLOCKS.values() for block in each if not block.text.startswith(".. auto")}
    assert languages <= {"console", "python", "text", "toml", "csv", "yaml"}
    files = [block for each in BLOCKS.values() for block in each if block.language in ("toml", "csv", "yaml")]
    assert [block for block in files if not block.file] == []


PAGE = """# A page
`made/one.py`
```python
ONE = 1
```
A line, `no.file` in it.
```python
print("two")
3
```
```text
two
3
```

*Not run by the tests: it is an example.*
```console
$ rm -rf /
```
"""


def test_the_blocks_of_a_page_are_read_by_language_file_and_mark(tmp_path, monkeypatch):
    assert blocks(PAGE) == [
        Block("python", "ONE = 1\n", 3, "made/one.py"),
        Block("python", 'print("two")\n3\n', 7),
        Block("text", "two\n3\n", 11),
        Block("console", "$ rm -rf /\n", 17, left_alone=True),
    ]
    monkeypatch.chdir(tmp_path)
    assert run_page(PAGE, "page", {}) == []
    assert (tmp_path / "made" / "one.py").read_text(encoding="utf-8") == "ONE = 1\n"


@pytest.mark.parametrize(
    ("page", "printed"),
    [
        (PAGE.replace("3\n```\n\n", "4\n```\n\n"), "two\n3\n"),
        ("```python\n1 / 0\n```\n", "Traceback: ZeroDivisionError: division by zero\n"),
        ("```console\n$ capex-backtest new .\n```\n", "error: "),
        ("```console\n$ capex-backtest --version\nversion\n```\n", "capex-backtest 0."),
        ("```console\n$ echo $?\n1\n```\n", "0\n"),
        ("```console\n$ rm x\n```\n", "Traceback: ValueError: 'rm' is no command"),
    ],
)
def test_a_block_that_fails_or_prints_something_else_is_found(page, printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (difference,) = run_page(page, "page", {})
    assert difference.printed.startswith(printed)


def test_an_output_is_matched_line_by_line_and_three_dots_stand_for_any_lines():
    assert matches("a\n...\nd\n", "a\nb\nc\nd\n")
    assert matches("...\n", "")
    assert matches("a   \n", "a\n")
    assert not matches("a\n...\nd\n", "a\nb\n")
    assert not matches("a\n", "a\nb\n")
    assert not matches("", "a\n")


def test_outputs_that_differ_are_written_where_they_stand():
    text = "```console\n$ one\n1\n$ two\n2\n```\n```console\n$ one\n1\n```\n"
    assert list(commands("$ one\n1\n$ two \\\n  more\n2\n")) == [("one", "1\n"), ("two    more", "2\n")]
    assert written(text, [Difference(7, "one", "1\n", "3\n")]) == text.removesuffix("1\n```\n") + "3\n```\n"
