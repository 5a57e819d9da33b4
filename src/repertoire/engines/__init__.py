"""Two engines implement ``contract.Run``: PyTorch while training, onnxruntime afterwards."""
