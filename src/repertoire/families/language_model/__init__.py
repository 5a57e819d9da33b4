"""Language models: what comes next, given what came before.

Fixed window (Bengio et al. 2003, "A Neural Probabilistic Language Model"), recurrent nets (Elman
1990; ReLU with identity initialisation, Le et al. 2015; GRU, Cho et al. 2014; LSTM, Hochreiter
and Schmidhuber 1997), stacked with dropout (Zaremba et al. 2014), tied weights (Press and Wolf
2017), gradient clipping (Pascanu et al. 2013), the regularisation of AWD-LSTM (Merity et al. 2018)
and an adaptive softmax (Grave et al. 2017).
"""
