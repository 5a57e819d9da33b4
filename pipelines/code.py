"""Which modules a module runs, and a digest of them that comments and docstrings do not change."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import repertoire

ROOT = Path(__file__).resolve().parents[1]
HOMES = (Path(repertoire.__file__).resolve().parents[1], ROOT)


def closure(modules: Iterable[str]) -> list[Path]:
    """The files of these modules and of every module of the project that they import."""
    todo, seen = [file for name in modules for file in _files(name)], set[Path]()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += _imports(path)
    return sorted(seen)


def digests(paths: Iterable[Path]) -> dict[str, str]:
    """The first half of the sha256 of each Python file's syntax tree, by path in its home."""
    return {_place(path): _digest(path) for path in paths}


def _place(path: Path) -> str:
    home = next(home for home in HOMES if path.is_relative_to(home))
    return path.relative_to(home).as_posix()


@cache
def _files(module: str) -> tuple[Path, ...]:
    """The module's file and those of the packages around it; none for what is not the project's."""
    parts = module.split(".")
    for home in HOMES:
        own = home.joinpath(*parts)
        for file in (own.with_suffix(".py"), own / "__init__.py"):
            if file.exists():
                packages = (home.joinpath(*parts[:n], "__init__.py") for n in range(1, len(parts)))
                return (*(p for p in packages if p.exists()), file)
    return ()


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """Imports inside functions count: they run too."""
    names: list[str] = []
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(file for name in names for file in _files(name))


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(ast.dump(_tree(path)).encode()).hexdigest()[:32]


@cache
def _tree(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            del body[0]
    return tree


def _is_text(node: ast.AST) -> bool:
    """A docstring, or a text that stands alone: nothing that runs."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
