"""Every classic sequence and generative model family, from raw data to an ONNX artifact."""
