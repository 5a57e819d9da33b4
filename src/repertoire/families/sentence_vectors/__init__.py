"""Sentence vectors: a recurrent net keeps a sentence in its last state and writes it again from it.

The sequence autoencoder (Dai and Le 2015, "Semi-supervised Sequence Learning", section 2; the
representation is that of Sutskever et al. 2014): nothing but the last state of the encoder reaches
the decoder. Words that the decoder has written are hidden from it at random, so that it must look
at the vector (Bowman et al. 2016, section 3.1). What such a vector keeps is asked as in Conneau et
al. 2018, by a linear probe.
"""
