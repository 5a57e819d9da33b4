"""Polyphony: which notes sound next, given all frames before.

A recurrent net reads a piano roll (GRU, Cho et al. 2014; LSTM, Hochreiter and Schmidhuber 1997)
and its output is a distribution over whole frames: independent notes, or, because the notes of a
chord are not independent, a neural autoregressive estimator that foretells each note given the
lower ones of the same frame (NADE, Larochelle and Murray 2011; RNN-NADE, Boulanger-Lewandowski et
al. 2012, "Modeling Temporal Dependencies in High-Dimensional Sequences", section 5).
"""
