"""Word vectors: words that keep the same company lie close together.

Skip-gram and continuous bag of words (Mikolov et al. 2013a, "Efficient Estimation of Word
Representations in Vector Space") with negative sampling and subsampling of frequent words (Mikolov
et al. 2013b, "Distributed Representations of Words and Phrases", sections 2.2 and 2.3), and vectors
made of character n-grams (Bojanowski et al. 2017, "Enriching Word Vectors with Subword
Information").
"""
