"""The files that a job writes: the output and what stands beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from repertoire.runtime.errors import InvalidInput
from serving.batch import places


@dataclass(frozen=True)
class Files:
    """`errors` are the rows that could not be answered; `parts` is a folder that is called
    `finished` while it is taken away."""

    output: Path

    @property
    def errors(self) -> Path:
        return self._beside("errors.jsonl")

    @property
    def parts(self) -> Path:
        return self._beside("parts")

    @property
    def finished(self) -> Path:
        return self._beside("parts.finished")

    def _beside(self, suffix: str) -> Path:
        return self.output.with_name(f"{self.output.name}.{suffix}")

    def check(self, inputs: Sequence[Path]) -> None:
        """Raises InvalidInput where one would touch an input, or is something else already."""
        for path in (self.output, self.errors):
            if path.is_dir():
                raise InvalidInput(f"{path} is a folder; move it or choose another output")
        if self.parts.exists() and not self.parts.is_dir():
            raise InvalidInput(f"{self.parts} is a file; move it or choose another output")
        for source in inputs:
            if places.is_local(source) == places.is_local(self.output):
                self._check_apart(source)

    def _check_apart(self, source: Path) -> None:
        written = [self.output, self.errors, self.parts, self.finished]
        written += [places.unfinished(path) for path in written[:2]]
        if touched := next((path for path in written if _same(path, source)), None):
            what = "the output" if touched == self.output else f"{touched}, which the job writes,"
            raise InvalidInput(f"{what} is the input itself; choose another output")
        place, parts = source.resolve(), self.parts.resolve()
        if place in {*parts.parents, parts} and source.is_dir():
            raise InvalidInput(
                f"{self.output} lies in the input {source}; choose a place outside of it"
            )
        if parts in place.parents:
            raise InvalidInput(f"{source} lies in {self.parts}, which the job writes; move it")


def _same(path: Path, source: Path) -> bool:
    """Whether both are one file, also by a link."""
    if path.resolve() == source.resolve():
        return True
    return places.is_local(path) and path.exists() and path.samefile(source)
