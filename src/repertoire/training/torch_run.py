"""``Run`` by PyTorch: the same graphs before they are exported."""

from collections.abc import Sequence

import torch

from repertoire.contract import Array, Arrays, Graph
from repertoire.runtime.ports import with_states


class TorchRun:
    """Runs the modules of graphs in evaluation mode, without gradients.

    Leaves each module in the mode it was in, so that validation does not disturb training.
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self.graphs = {graph.name: graph for graph in graphs}

    def graph(self, name: str, /) -> Graph:
        return self.graphs[name]

    @torch.no_grad()
    def __call__(self, graph: str, /, *outputs: str, **inputs: Array) -> Arrays:
        chosen = self.graphs[graph]
        ready = with_states(chosen, inputs)
        was_training = chosen.module.training
        chosen.module.eval()
        try:
            device = torch.get_default_device()
            found = chosen.module(*(torch.as_tensor(a, device=device) for a in ready.values()))
        finally:
            chosen.module.train(was_training)
        flat = found if isinstance(found, tuple) else (found,)
        named = zip((port.name for port in chosen.outputs), flat, strict=True)
        return {name: t.cpu().numpy() for name, t in named if not outputs or name in outputs}
