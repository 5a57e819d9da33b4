"""Graphs to ONNX files, compared with PyTorch before anything else may use them."""
