"""What a module runs, found by following imports, and what of it changes the digest."""

import shutil

import pytest

from pipelines import code

FILES = {
    "shop/__init__.py": "SIGN = 'open'\n",
    "shop/till.py": "import shop.coins\n",
    "shop/coins.py": "from shop import notes\nfrom shop.metal import COPPER\n",
    "shop/notes.py": "def late():\n    from shop.paper.kinds import KIND\n    return KIND\n",
    "shop/metal.py": "COPPER = 1\n",
    "shop/paper/__init__.py": "import numpy\n",
    "shop/paper/kinds.py": "import shop.till\nKIND = 2\n",
    "shop/garden.py": "TREE = 3\n",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A project of these files alone; what was read of the real one is forgotten."""
    for place, text in FILES.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text)
    monkeypatch.setattr(code, "ROOT", tmp_path)
    monkeypatch.setattr(code, "HOMES", (tmp_path,))
    forget()
    yield tmp_path
    forget()


def forget():
    for known in (code._files, code._imports, code._digest, code._tree):
        known.cache_clear()


def names(home, *modules):
    return [path.relative_to(home).as_posix() for path in code.closure(modules)]


def test_a_module_runs_what_it_imports_anywhere_and_the_packages_around_it(home):
    whole = sorted(set(FILES) - {"shop/garden.py"})
    assert names(home, "shop.till") == names(home, "shop.paper.kinds", "shop.till") == whole
    assert names(home, "shop.garden") == ["shop/__init__.py", "shop/garden.py"]
    assert names(home, "shop") == ["shop/__init__.py"]
    assert names(home, "numpy", "shop.nothing") == []


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("COPPER = 1  # a comment\n", True),
        ('"""A docstring."""\n\nCOPPER = 1\n', True),
        ("COPPER = 2\n", False),
        ("print()\nCOPPER = 1\n", False),  # a call that stands alone runs
        ("GOLD = 1\n", False),
    ],
)
def test_a_digest_changes_with_what_runs(home, text, same):
    file = home / "shop/metal.py"
    before = code.digests([file])
    assert list(before) == ["shop/metal.py"] and len(before["shop/metal.py"]) == 32
    file.write_text(text)
    forget()
    assert (code.digests([file]) == before) == same


def test_a_docstring_of_a_function_or_a_class_changes_nothing(home):
    def digest(text):
        file = home / "shop/metal.py"
        file.write_text(
            f"class Metal:\n    {text}\n    def melt(self):\n        {text}\n        return 7"
        )
        forget()
        return code.digests([file])

    assert digest('"""One."""') == digest('"""Another."""') != digest("print()")


def test_the_place_of_a_file_is_that_in_its_project_wherever_the_project_lies(home, tmp_path):
    before = code.digests(code.closure(["shop.till"]))
    away = tmp_path / "away"
    shutil.copytree(home / "shop", away / "shop")
    with pytest.MonkeyPatch.context() as moved:
        moved.setattr(code, "ROOT", away)
        moved.setattr(code, "HOMES", (away,))
        forget()
        assert code.digests(code.closure(["shop.till"])) == before
