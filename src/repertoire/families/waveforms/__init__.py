"""Waveforms: the next sample of a quantised signal, given all before it.

A signal is companded by mu-law into 256 levels (ITU-T G.711; van den Oord et al. 2016, "WaveNet",
section 2.2). As in WaveRNN (Kalchbrenner et al. 2018) one gated recurrent net (GRU, Cho et al.
2014) takes a step a sample; as the lowest tier of SampleRNN (Mehri et al. 2017) a perceptron reads
its state beside the last samples themselves. The state goes on from one stretch of the signal to
the next, in training by truncated backpropagation through time (Williams and Peng 1990).

The distribution of the next sample is a mixture of logistics, each integrated over the interval of
every level (Salimans et al. 2017, "PixelCNN++", section 2.1). Their centres are a linear
prediction from the last samples, learned with the rest, plus what the net adds; so the net starts
as the linear predictor that it must beat. With centre m_k, scale s_k and share p_k of component k,
and the interval from a_l to b_l of level l,

    P(l) = exp(w_l) sum_k p_k (sigmoid((b_l - m_k) / s_k) - sigmoid((a_l - m_k) / s_k)) / Z.

The weights w_l are constants: a recorder writes some levels seldom or never, because its own steps
are wider there than those of mu-law.
"""
