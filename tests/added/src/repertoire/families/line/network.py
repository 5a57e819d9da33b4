"""One weight and one bias."""

from repertoire.families.line.config import Config
from repertoire.kinds.springs.facts import Facts
from torch import Tensor, nn

from repertoire.contract import Graph, Port


class Line(nn.Module):
    """load (batch,) -> length (batch,)"""

    def __init__(self) -> None:
        super().__init__()
        self.map = nn.Linear(1, 1)

    def forward(self, load: Tensor) -> Tensor:
        return self.map(load[:, None])[:, 0]


def build(config: Config, facts: Facts) -> Line:
    """The same for all springs."""
    return Line()


def graphs(network: nn.Module, facts: Facts) -> tuple[Graph, ...]:
    """``stretch`` alone."""
    load = Port("load", "float32", ("batch",), 0, facts["heaviest"])
    return (Graph("stretch", network, (load,), (Port("length", "float32", ("batch",)),)),)
