"""Handwriting: an LSTM with a mixture density output, with or without a window on a text.

Graves 2013, "Generating Sequences with Recurrent Neural Networks", sections 4 (prediction) and 5
(synthesis); mixture densities: Bishop 1994. Ha and Eck 2017 draw sketches in the same way.
"""
