"""`verify` accepts a report as it was written and names the first figure that was altered; `compare` says what changed."""

import html
import json
import re
import shlex
import shutil
from dataclasses import asdict

import pytest

from backtest.__main__ import main
from backtest.output.compare import compare, differences
from backtest.output.publish import publish_index
from backtest.output.verify import alike
from backtest.report import render_index
from backtest.result import Audit, Replay

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("runs_once")]


DEARER = ("--start", "2025-07-01", "--slippage-bps", "50")


@pytest.fixture
def command(capsys):
    def run(*arguments):
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code or 0
        out, err = capsys.readouterr()
        return code, out, err.splitlines()

    return run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Two reports whose runs and pages no test shares, so that those that verification makes again are others."""
    out = tmp_path_factory.mktemp("reports")
    for folder, options in (("one", ()), ("dearer", ("--slippage-bps", "50"))):
        with pytest.raises(SystemExit) as end:
            main(["run", "supply_chain_excess", "--start", "2025-07-01", *options, "--out", str(out / folder)])
        assert not end.value.code
    return out


@pytest.fixture
def report(written, tmp_path):
    return shutil.copytree(written / "one" / "supply_chain_excess", tmp_path / "report")


def test_an_untouched_report_is_identical(command, report):
    code, out, errors = command("verify", report)
    assert (code, errors) == (0, [])
    assert "identical" in out


def test_a_report_of_other_settings_than_the_strategy_file_has_is_verified_by_its_own(command, written):
    assert command("verify", written / "dearer" / "supply_chain_excess" / "index.html")[0] == 0


def test_the_first_figure_altered_in_a_page_is_named_with_where_it_stands(command, report):
    page = (report / "index.html").read_text(encoding="utf-8")
    total = json.loads((report / "result.json").read_text(encoding="utf-8"))["books"]["leaders"]["windows"]["out of sample"]
    shown = f"{total['total_return'] * 100:+,.1f}%"
    assert shown in page
    (report / "index.html").write_text(page.replace(shown, "+999.9%"), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert code == 5
    assert "index.html, under 'Outcome': " in errors[-1]
    assert "+999.9%" in errors[-1]
    assert shown in errors[-1]


def test_the_first_figure_altered_in_result_json_is_named_by_its_path(command, report):
    document = json.loads((report / "result.json").read_text(encoding="utf-8"))
    was = document["books"]["leaders"]["orders"][2]["price"]
    document["books"]["leaders"]["orders"][2]["price"] = was * 1.001
    (report / "result.json").write_text(json.dumps(document), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert code == 5
    assert errors[-1].startswith(f"error: {report}: result.json books.leaders.orders.2.price: {was * 1.001}, made again {was}")


def test_a_picture_altered_is_named_by_its_line(command, report):
    page = (report / "index.html").read_text(encoding="utf-8")
    at = page.index(' d="M') + 6
    (report / "index.html").write_text(page[:at] + "1" + page[at:], encoding="utf-8")
    code, _, errors = command("verify", report)
    assert code == 5
    assert "its markup or a picture differs" in errors[-1]


def test_a_figure_that_differs_in_the_sixteenth_digit_is_the_same_with_a_remark(command, report):
    document = json.loads((report / "result.json").read_text(encoding="utf-8"))
    order = document["books"]["leaders"]["orders"][2]
    order["price"] *= 1 + 4e-16
    (report / "result.json").write_text(json.dumps(document), encoding="utf-8")
    page = (report / "index.html").read_text(encoding="utf-8")
    total = document["books"]["leaders"]["windows"]["out of sample"]["total_return"] * 100
    (report / "index.html").write_text(page.replace(f"{total:+,.1f}%", f"{total + 0.1:+,.1f}%"), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert (code, errors) == (0, ["remark: 1 figures differ, none by more than 1e-09 of its size"])
    order["price"] *= 1 + 4e-9
    (report / "result.json").write_text(json.dumps(document), encoding="utf-8")
    assert command("verify", report)[0] == 5


def test_a_number_of_a_page_may_differ_by_one_in_its_last_place_and_no_more():
    assert alike("up 12.3% in 2025, −1,204.5", "up 12.4% in 2025, −1,204.6")
    assert not alike("up 12.3%", "up 12.5%")
    assert not alike("up 12.3%", "up −12.3%")
    assert not alike("up 12.3%", "down 12.3%")


def test_the_same_prices_in_a_folder_of_another_name_are_identical_with_a_remark(command, shared_prices, tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).symlink_to(shared_prices)
    words = ("supply_chain_excess", "--start", "2025-07-01", "--prices", tmp_path / "one", "--out", tmp_path)
    assert command("run", *words)[0] == 0
    code, out, errors = command("verify", tmp_path / "supply_chain_excess", "--prices", tmp_path / "other")
    assert (code, errors) == (0, ["remark: prices came from one, now from other"])
    assert "identical" in out


def test_a_result_of_another_data_set_says_so_first(command, report):
    document = json.loads((report / "result.json").read_text(encoding="utf-8"))
    was, document["data_id"] = document["data_id"], "0" * 16
    (report / "result.json").write_text(json.dumps(document), encoding="utf-8")
    page = (report / "index.html").read_text(encoding="utf-8")
    assert was in page
    (report / "index.html").write_text(page.replace(was, "0" * 16), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert (code, errors) == (5, [f"error: {report}: data_id was 0000000000000000, is {was}"])


def test_a_spec_that_its_strategy_file_does_not_have_is_refused(command, report):
    document = json.loads((report / "result.json").read_text(encoding="utf-8"))
    document["spec"]["weights"]["above"] = 0.5
    (report / "result.json").write_text(json.dumps(document), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert code == 2
    assert "spec.weights.above is 0.5, the strategy file has 0.0" in errors[-1]


@pytest.mark.parametrize(
    ("part", "value"), [("spec", {}), ("audit", {"a": 1}), ("command", 5)], ids=["no spec", "another audit", "no command"]
)
def test_a_result_whose_parts_are_of_another_shape_is_refused_in_one_line(command, report, part, value):
    document = json.loads((report / "result.json").read_text(encoding="utf-8"))
    (report / "result.json").write_text(json.dumps(document | {part: value}), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert code == 3
    assert len(errors) == 1
    assert "result.json: not a result of this version" in errors[0]


def test_a_result_with_the_audit_of_another_run_is_refused_in_one_line(command, report):
    document = json.loads((report / "result.json").read_text(encoding="utf-8"))
    own = "-".join(document[name] for name in ("spec_id", "data_id", "code_id"))
    other = asdict(Audit(Replay(43, "caught"), "windows", "", {}, f"other-{own}"))
    (report / "result.json").write_text(json.dumps(document | {"audit": other}), encoding="utf-8")
    code, _, errors = command("verify", report)
    assert (code, len(errors)) == (3, 1)
    assert f"result.json: an audit of run other-{own}; expected one of its own run, {own}" in errors[0]


SCHEMA_1 = {
    "strategy": "multiplier", "spec_id": "a", "data_id": "b", "code_id": "c", "spec": {}, "prices": {"source": "reference"},
    "windows": [], "baskets": {"leaders": {"regimes": {"whole": {"total_return": 0.1}}, "orders": []}}, "claims": [],
    "audit": None,
}  # fmt: skip


def test_a_report_of_schema_1_is_refused_in_a_line_that_says_to_run_again(command, tmp_path):
    for folder in ("multiplier", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "result.json").write_text(json.dumps(SCHEMA_1 | {"strategy": folder}), encoding="utf-8")
        (tmp_path / folder / "index.html").write_text("a page", encoding="utf-8")
    for arguments in (("verify", tmp_path / "multiplier"), ("compare", tmp_path / "multiplier", tmp_path / "other")):
        code, _, errors = command(*arguments)
        assert code == 3
        assert len(errors) == 1
        assert "result.json: not a readable result (schema 1, expected 2: run its strategy again)" in errors[0]


def test_the_front_page_skips_a_report_of_schema_1_with_the_same_advice(tmp_path, capsys):
    (tmp_path / "multiplier").mkdir()
    (tmp_path / "multiplier" / "result.json").write_text(json.dumps(SCHEMA_1), encoding="utf-8")
    publish_index(tmp_path, render_index)
    assert "schema 1, expected 2: run its strategy again" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", '{"strategy": "x"}'])
def test_what_is_no_report_is_refused(command, tmp_path, content):
    (tmp_path / "result.json").write_text(content, encoding="utf-8")
    for arguments in (("verify", tmp_path), ("compare", tmp_path, tmp_path)):
        code, _, errors = command(*arguments)
        assert code == 3
        assert "not a readable result" in errors[-1]


def test_a_comparison_says_what_was_asked_otherwise_and_what_came_out_otherwise(command, written):
    both = [written / folder / "supply_chain_excess" for folder in ("one", "dearer")]
    code, out, _ = command("compare", *both, "--json")
    found = json.loads(out)
    assert code == 0
    assert found["spec"] == [{"at": "slippage_bps", "a": 5.0, "b": 50.0}]
    assert set(found["identities"]) == {"spec_id"}
    costs = [row for row in found["results"] if row["figure"] == "costs" and row["window"] == "whole"]
    assert costs[0]["b"] > costs[0]["a"] > 0
    text = command("compare", *both)[1]
    assert "spec, slippage_bps: 5.0 -> 50.0" in text
    signal = next(row for row in found["controls"] if row["figure"] == "signal")
    assert signal["a"].startswith("The signal")
    assert all(f"leaders, {side}: The signal" in text for side in ("A", "B"))
    assert {row["figure"] for row in found["controls"]} >= {"twin.whole.total_return", "held.whole.total_return"}
    assert all(len(line) <= 80 for line in text.splitlines()[3:])
    same = command("compare", both[0], both[0])[1]
    assert same.splitlines()[2:] == ["identities: equal", "results: equal"]


def test_differences_name_every_leaf_that_one_side_lacks():
    a, b = {"x": [1, {"y": 2}], "only a": True}, {"x": [1, {"y": 3}, 4], "only b": None}
    assert list(differences(a, b)) == [
        ("x.1.y", 2, 3),
        ("x.2", "absent", 4),
        ("only a", True, "absent"),
        ("only b", "absent", None),
    ]
    assert list(differences({"x": 1}, {"x": True})) == [("x", 1, True)]


def test_a_claim_that_turned_is_in_a_comparison(written):
    document = json.loads((written / "one" / "supply_chain_excess" / "result.json").read_text(encoding="utf-8"))
    other = json.loads(json.dumps(document))
    was = other["claims"][0]["verdict"]
    other["claims"][0]["verdict"] = "turned"
    assert compare(document, other)["claims"] == [{"id": document["claims"][0]["id"], "a": was, "b": "turned"}]


def printed(page):
    """Return the last command of a page to run it: the one that makes it again."""
    runs = re.findall(r"<code>(capex-backtest run .*?)</code>", page.read_text(encoding="utf-8"))
    return shlex.split(html.unescape(runs[-1]))


def test_the_command_on_a_page_makes_it_again_with_every_option_it_was_run_with(command, written, tmp_path):
    words = printed(written / "dearer" / "supply_chain_excess" / "index.html")
    assert words[2:] == ["supply_chain_excess", "--prices", "reference", "--start", "2025-07-01", "--slippage-bps", "50"]
    assert command(*words[1:], "--out", tmp_path)[0] == 0
    for name in ("result.json", "index.html"):
        first, second = (out / "supply_chain_excess" / name for out in (written / "dearer", tmp_path))
        assert first.read_bytes() == second.read_bytes()


def test_the_command_on_a_page_names_a_folder_as_it_was_typed_and_verify_asks_not_where_it_lay(
    command, shared_prices, tmp_path, monkeypatch
):
    (tmp_path / "some prices").symlink_to(shared_prices)
    monkeypatch.chdir(tmp_path)
    start = ("--start", "2026-04-01", "--out", "out")
    assert command("run", "multiplier", "--prices", "some prices", *start)[0] == 0
    words = printed(tmp_path / "out" / "multiplier" / "index.html")
    assert words[1:] == ["run", "multiplier", "--prices", "some prices", "--start", "2026-04-01"]
    assert command("verify", "out/multiplier", "--prices", tmp_path / "some prices")[0] == 0


def test_a_report_of_other_settings_is_kept_under_its_spec_id_and_listed(command, written, tmp_path):
    shutil.copytree(written / "one", tmp_path, dirs_exist_ok=True)
    body = (tmp_path / "supply_chain_excess" / "result.json").read_bytes()
    kept = tmp_path / f"supply_chain_excess--{json.loads(body)['spec_id']}"
    again = ("run", "supply_chain_excess", "--start", "2025-07-01", "--out", tmp_path)
    assert not [line for line in command(*again)[2] if "other settings" in line]
    (line,) = [line for line in command(*again, "--slippage-bps", "50")[2] if "other settings" in line]
    assert line == f"{kept}: what {tmp_path / 'supply_chain_excess'} was, of other settings; --tag names the next"
    assert (kept / "result.json").read_bytes() == body
    assert command("verify", kept)[0] == 0
    assert f'href="{kept.name}/index.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert command(*again)[0] == 0  # and back: one folder for each settings
    dearer = json.loads((written / "dearer" / "supply_chain_excess" / "result.json").read_text(encoding="utf-8"))["spec_id"]
    reports = sorted(path.parent.name for path in tmp_path.glob("*/result.json"))
    assert reports == ["supply_chain_excess", f"supply_chain_excess--{dearer}"]


def test_a_tag_gives_a_report_its_own_folder_and_changes_none_of_its_bytes(command, written, tmp_path):
    shutil.copytree(written / "one", tmp_path, dirs_exist_ok=True)
    words = (*DEARER, "--tag", "dear-fills", "--out", tmp_path)
    assert command("run", "supply_chain_excess", *words)[0] == 0
    for name in ("index.html", "result.json"):
        plain, tagged = tmp_path / "supply_chain_excess" / name, tmp_path / "supply_chain_excess--dear-fills" / name
        assert plain.read_bytes() == (written / "one" / "supply_chain_excess" / name).read_bytes()
        assert tagged.read_bytes() == (written / "dearer" / "supply_chain_excess" / name).read_bytes()
    front = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert "Supply-chain excess growth (dear-fills)" in front
    assert "capex-backtest compare supply_chain_excess supply_chain_excess--dear-fills" in front


@pytest.mark.parametrize("tag", ["", "../up", "Upper", "two words", ".hidden"])
def test_a_tag_that_is_no_plain_name_is_refused(command, tag, tmp_path):
    code, _, errors = command("run", "supply_chain_excess", "--tag", tag, "--out", tmp_path)
    assert (code, errors) == (2, [f"error: --tag is '{tag}'; expected up to 40 of a-z, 0-9, '_', '.' and '-', like dear-fills"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_never_removed_for_a_report_that_is_kept(command, written, tmp_path):
    shutil.copytree(written / "one", tmp_path, dirs_exist_ok=True)
    before = json.loads((tmp_path / "supply_chain_excess" / "result.json").read_text(encoding="utf-8"))["spec_id"]
    (tmp_path / f"supply_chain_excess--{before}").mkdir()
    (tmp_path / f"supply_chain_excess--{before}" / "notes.txt").write_text("mine", encoding="utf-8")
    code, _, errors = command("run", "supply_chain_excess", *DEARER, "--out", tmp_path)
    assert code == 3
    assert "holds something that is no report" in errors[-1]
    assert (tmp_path / f"supply_chain_excess--{before}" / "notes.txt").is_file()
