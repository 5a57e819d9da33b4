"""Great Expectations' own data docs, in a project folder of somebody's own."""

import os
from pathlib import Path

import pytest

from pipelines import data_docs
from tests.reviews import reviews, write_project


def pages(folder):
    return {p.name: p.read_text("utf-8") for p in folder.rglob("*.html")}


def test_a_project_of_somebodys_own_gets_pages_with_every_expectation(
    tmp_path, monkeypatch, capsys
):
    folder = write_project(tmp_path / "own", reviews(211))
    monkeypatch.chdir(folder)
    assert data_docs.main(["reviews"]) == 0
    first, place = capsys.readouterr().out.strip().split("\n")
    assert first.startswith("reviews: 211 rows; ") and first.endswith(" expectations hold")
    docs = Path("reports/data_docs/gx/uncommitted/data_docs/local_site/index.html")
    assert Path(place) == folder / docs
    found = pages(folder / "reports/data_docs")
    assert "reviews" in found["index.html"]
    assert any("no row occurs in two splits" in page for page in found.values())
    config = (folder / "reports/data_docs/gx/great_expectations.yml").read_text("utf-8")
    assert "analytics_enabled: false" in config and os.environ["GX_ANALYTICS_ENABLED"] == "false"


def test_what_does_not_hold_is_shown_and_the_command_fails(tmp_path, monkeypatch, capsys):
    short = {
        "expectation": "ExpectColumnValueLengthsToBeBetween",
        "column": "text",
        "max_value": 17,
    }
    monkeypatch.chdir(write_project(tmp_path / "own", reviews(211), expectations=[short]))
    for _ in range(2):  # a second run adds to the first
        assert data_docs.main(["reviews", "--output", "docs"]) == 1
        assert "expectations do not all hold" in capsys.readouterr().out
    assert not (tmp_path / "own/reports").exists()
    assert "Failed" in "".join(pages(tmp_path / "own/docs").values())


@pytest.mark.parametrize(
    ("names", "complaint"),
    [
        (["revews"], "data_docs: no data set 'revews'; there are: reviews"),
        ([], "data_docs: no data set is prepared; name one"),
    ],
)
def test_without_a_data_set_that_is_there_the_command_says_so(
    tmp_path, monkeypatch, names, complaint
):
    monkeypatch.chdir(write_project(tmp_path / "own", reviews(211)))
    with pytest.raises(SystemExit, match=complaint):
        data_docs.main(names)
