"""Nothing is replaced that is no report of the same strategy."""

import json

import pytest

from backtest.errors import DataError
from backtest.files.hashes import sealed_json
from backtest.output.publish import _replacing, read_document


def replace(folder, strategy):
    with _replacing(folder, strategy) as fresh:
        (fresh / "result.json").write_text(json.dumps({"strategy": strategy}), encoding="utf-8")


def test_a_report_of_the_same_strategy_is_replaced(tmp_path):
    replace(tmp_path / "mine", "mine")
    (tmp_path / "mine" / "old").write_text("", encoding="utf-8")
    replace(tmp_path / "mine", "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["result.json"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "mine").mkdir()
    replace(tmp_path / "mine", "mine")
    assert (tmp_path / "mine" / "result.json").is_file()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.txt", "mine", "something that is no report"),
        ("result.json", "{", "something that is no report"),
        ("result.json", "[]", "something that is no report"),
        ("result.json", '{"strategy": "yours"}', "a report of 'yours'"),
    ],
)
def test_anything_else_is_left_as_it_is_with_one_line(name, content, words, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=f"mine: holds {words}; expected nothing, or a report of 'mine'"):
        replace(tmp_path / "mine", "mine")
    assert (tmp_path / "mine" / name).read_text(encoding="utf-8") == content
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_file_in_the_way_is_left_as_it_is(tmp_path):
    (tmp_path / "mine").write_text("text", encoding="utf-8")
    with pytest.raises(DataError, match="holds something that is no report"):
        replace(tmp_path / "mine", "mine")


def test_a_result_from_before_hashes_is_read(tmp_path):
    (tmp_path / "result.json").write_text('{"strategy": "mine"}', encoding="utf-8")
    assert read_document(tmp_path / "result.json") == {"strategy": "mine"}


def test_a_text_that_looks_like_a_hash_is_no_hash_of_the_file(tmp_path):
    (tmp_path / "result.json").write_text('{"title": "sha256:", "strategy": "mine"}', encoding="utf-8")
    assert read_document(tmp_path / "result.json")["strategy"] == "mine"


def test_every_byte_of_a_result_with_a_hash_counts(tmp_path):
    path = tmp_path / "result.json"
    body = sealed_json({"strategy": "mine", "best": {"sharpe": 1.25}})
    path.write_bytes(body)
    assert read_document(path)["best"] == {"sharpe": 1.25}
    for place in range(len(body)):
        for change in (1, 4, 128):
            path.write_bytes(body[:place] + bytes([body[place] ^ change]) + body[place + 1 :])
            with pytest.raises(DataError, match="not a readable result"):
                read_document(path)
