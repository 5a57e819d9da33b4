"""Forecasters: the quantiles of what comes next in a series.

A recurrent net (Elman 1990; LSTM, Hochreiter and Schmidhuber 1997; GRU, Cho et al. 2014) reads
the series and states, after every value, the quantiles of all steps up to the horizon at once;
every position of a window is trained on (Wen et al. 2017, "A Multi-Horizon Quantile Recurrent
Forecaster", section 3). The loss is that of quantile regression (Koenker and Bassett 1978);
quantiles cannot cross, because each is its neighbour plus a softplus (Gasthaus et al. 2019 force
them so by a monotone spline). With ``relative`` the net sees changes alone and its quantiles are
changes since the last value: prices, on the logarithmic scale, are thus modelled as log returns.
Where the data have a season, the net reads differences from the last seasons and adds to them.
Series side by side are read by segments, and all segments of the horizon follow from one state (Lin
et al. 2023, "SegRNN").
"""
