"""Sequence to sequence, with and without attention.

A GRU encoder and a GRU decoder (Cho et al. 2014; Sutskever et al. 2014), with switches. The source
may be read in both directions (Bahdanau et al. 2015) or backwards (Sutskever et al. 2014, section
3.3). A peeky decoder sees the encoder's last state at every step (Cho et al. 2014, equations 10
and 11). Attention scores by dot product, by a matrix ("general") or by a small net (additive,
Bahdanau et al. 2015), and in each case acts on the decoder's new state (Luong et al. 2015).
Translations are searched for by beam with length normalisation (Wu et al. 2016, section 7).
"""
