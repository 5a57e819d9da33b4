"""``Run`` by PyTorch: the same graphs before they are exported."""

from collections.abc import Sequence

import torch

from repertoire.contract import Array, Arrays, Graph


class TorchRun:
    """Runs the modules of graphs in evaluation mode, without gradients.

    Leaves each module in the mode it was in, so that validation does not disturb training.
    """

    def __init__(self, graphs: Sequence[Graph]) -> None:
        self.graphs = {graph.name: graph for graph in graphs}

    @torch.no_grad()
    def __call__(self, graph: str, **inputs: Array) -> Arrays:
        chosen = self.graphs[graph]
        was_training = chosen.module.training
        chosen.module.eval()
        try:
            device = torch.get_default_device()
            tensors = [torch.as_tensor(inputs[p.name], device=device) for p in chosen.inputs]
            outputs = chosen.module(*tensors)
        finally:
            chosen.module.train(was_training)
        flat = outputs if isinstance(outputs, tuple) else (outputs,)
        names = [port.name for port in chosen.outputs]
        return {n: tensor.cpu().numpy() for n, tensor in zip(names, flat, strict=True)}
