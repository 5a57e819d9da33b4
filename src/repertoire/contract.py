"""What a model family must offer, and the few types through which the stages speak to it."""

import enum
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from repertoire.config import ConfigError, RepertoireError
from repertoire.measured import Metric
from repertoire.runtime.signature import Array, Arrays, DType, Port, Run

if TYPE_CHECKING:
    import torch

__all__ = ["Array", "Arrays", "DType", "Port", "Run"]  # of the runtime, for all above it

FactsT = TypeVar("FactsT", covariant=True)


@dataclass(frozen=True)
class Graph:
    """A module to be exported, with the ports that export, manifest and server are driven by.

    ``feedback`` maps a state output to the input that takes it in the next call; a state starts
    as zeros. ``drawn`` narrows the range, from low to high, from which verification draws an input
    by name, where the whole range would only cost time or be decided by rounding; either end is a
    number, or one by place on the last axis. ``ranked`` maps an output of ids to that of the scores
    by which they are in order: of equal scores either id may come first.
    """

    name: str
    module: "torch.nn.Module"
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    feedback: Mapping[str, str] = field(default_factory=dict)
    drawn: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    ranked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What a learner needs to know of the training around it."""

    seed: int
    epochs: int


class Learner(Protocol):
    """Owns the network, its optimizers, the order of its batches and whatever else is updated."""

    network: "torch.nn.Module"

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of one epoch, in an order that depends on seed and epoch alone."""
        ...

    def step(self, batch: Any) -> dict[str, float]:
        """Update once; returns losses by name with unit."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that the next step depends on, besides the network's own state."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The inverse of ``state_dict``."""
        ...


class Data(Protocol[FactsT]):
    """A prepared data set, as ``repertoire.data.dataset`` opens it.

    ``Data[Facts]`` is one of a kind: ``Facts`` of ``repertoire.kinds.<kind>.facts``.
    """

    @property
    def facts(self) -> FactsT: ...

    def arrays(self, name: str) -> Arrays: ...

    def texts(self, split: str) -> dict[str, list[str]]: ...

    def encoding(self, name: str) -> Any: ...

    @property
    def encodings(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Measurement:
    """Metrics of a sample, ready to be computed on any part of it.

    ``units`` is how many were drawn: texts, pieces, users, blocks of a stream. ``measure`` takes
    their numbers, int (n,), which may repeat, and returns metrics by name with unit. ``block``
    neighbouring units depend on each other, as forecasts from one origin and the next do.
    """

    units: int
    measure: Callable[[Array], dict[str, float]]
    block: int = 1


@dataclass(frozen=True)
class Preset:
    """A recipe's ``config`` and what its gate watches, chosen for data of this size.

    ``epochs`` is how many are of use at most, however much time there is; ``smaller`` is what is
    taken where one epoch takes longer than there is time.
    """

    config: Mapping[str, Any]
    metric: str
    better: Literal["lower", "higher"]
    epochs: int
    smaller: "Preset | None" = None


class Kind(enum.StrEnum):
    """How the report draws a figure."""

    IMAGES = "images"
    HEATMAP = "heatmap"
    TEXTS = "texts"
    TABLE = "table"
    LINES = "lines"


@dataclass(frozen=True)
class Line:
    """One course of a LINES figure: ``x`` and ``y``, a band from ``low`` to ``high`` if given.

    ``points`` draws dots instead, named by ``texts`` if there are any.
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()
    points: bool = False
    texts: Sequence[str] = ()


@dataclass(frozen=True)
class Figure:
    """Something to look at: what it shows, how it was chosen, and the content.

    IMAGES: ``images`` is uint8 (rows, columns, height, width), bright ink that is shown dark on
    paper, or (rows, columns, height, width, 3) in colours that are shown as they are.
    HEATMAP: ``values`` is float (rows, columns), with ``rows`` and ``columns`` as labels.
    TEXTS: ``rows`` are labels, ``cells`` holds one text a row.
    TABLE: ``columns`` is the head, ``cells`` the body, row by row.
    LINES: ``lines`` over the axes named in ``columns`` (x, y with units); ``logarithmic`` names
    those of "x" and "y" that are so scaled.
    """

    name: str
    kind: Kind
    caption: str
    images: Array | None = None
    values: Array | None = None
    rows: Sequence[str] = ()
    columns: Sequence[str] = ()
    cells: Sequence[Any] = ()
    lines: Sequence[Line] = ()
    logarithmic: str = ""


@dataclass(frozen=True)
class Family:
    """The names that a family package offers, looked up only when they are used.

    They lie in four files so that evaluation never imports torch:
    ``config.py`` Config, TASKS, KINDS, METRICS; ``network.py`` build, graphs; ``learner.py``
    learner; ``evaluation.py`` evaluate, illustrate, snapshot.
    """

    name: str

    def _get(self, module: str, attribute: str) -> Any:
        home = importlib.import_module(f"repertoire.families.{self.name}.{module}")
        try:
            return getattr(home, attribute)
        except AttributeError:
            raise RepertoireError(
                f"families/{self.name}/{module}.py: does not define {attribute}; see CONTRIBUTING"
            ) from None

    @property
    def Config(self) -> type:
        """Frozen dataclass without defaults: the recipe's ``config`` block."""
        return self._get("config", "Config")

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the task endpoints that the server offers for this family."""
        return self._get("config", "TASKS")

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of data that this family learns from."""
        return self._get("config", "KINDS")

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Everything that ``evaluate`` may measure."""
        return self._get("config", "METRICS")

    @property
    def same_in_baseline(self) -> Mapping[str, str]:
        """Keys of Config that must equal a key of the baselines' config ("": all of it)."""
        home = importlib.import_module(f"repertoire.families.{self.name}.config")
        return getattr(home, "SAME_IN_BASELINE", {})

    @property
    def preset(self) -> Callable[[Mapping[str, Any], int], Preset]:
        """(facts, rows of training) -> settings for somebody's data of this family's kind."""
        return self._get("presets", "preset")

    @property
    def build(self) -> Callable[[Any, Mapping[str, Any]], "torch.nn.Module"]:
        """(config, facts) -> network. ``facts``: what the data decided (vocabulary size, …)."""
        return self._get("network", "build")

    @property
    def graphs(self) -> Callable[["torch.nn.Module", Mapping[str, Any]], tuple[Graph, ...]]:
        """(network, facts) -> the graphs to export."""
        return self._get("network", "graphs")

    @property
    def learner(self) -> Callable[["torch.nn.Module", Any, Data, Plan], Learner]:
        """(network, config, data, plan) -> learner."""
        return self._get("learner", "learner")

    @property
    def evaluate(self) -> Callable[[Run, Any, Data, str], tuple[Measurement, ...]]:
        """(run, config, data, split) -> what is measured, by the unit that was drawn; numpy alone.

        ``repertoire.metrics.uncertainty`` has the values and their standard errors.
        """
        return self._get("evaluation", "evaluate")

    @property
    def illustrate(self) -> Callable[[Run, Any, Data, Arrays], tuple[Figure, ...]]:
        """(run, config, data, snapshots) -> figures of the test split; numpy alone."""
        return self._get("evaluation", "illustrate")

    @property
    def snapshot(self) -> Callable[[Run, Any, Data], Arrays]:
        """(run, config, data) -> what is kept after every epoch to show how training went."""
        return self._get("evaluation", "snapshot")


def family_names() -> tuple[str, ...]:
    """Every family, found by folder name."""
    package = importlib.import_module("repertoire.families")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__)))


def load_family(name: str) -> Family:
    """The family called ``name``; an unknown name lists the known ones."""
    if name not in family_names():
        raise ConfigError(f"no family {name!r}; there are: {', '.join(family_names())}")
    return Family(name)
