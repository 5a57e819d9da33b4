"""Text classification, from bags of words to recurrent nets.

Logistic regression over word counts; averaged embeddings with a hidden layer (Iyyer et al. 2015);
both over runs of words or characters too, by hashing (Joulin et al. 2017, section 2.2);
a window of concatenated embeddings slid over the text and pooled (Collobert et al. 2011, section
3.3; Kim 2014); and recurrent nets, plain (Elman 1990), GRU (Cho et al. 2014), LSTM (Hochreiter and
Schmidhuber 1997) and in both directions (Graves and Schmidhuber 2005), pooled over time.
"""
