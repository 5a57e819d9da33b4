"""Sequence to sequence with attention.

A bidirectional GRU encoder (Cho et al. 2014; Bahdanau et al. 2015) and a GRU decoder with
multiplicative attention ("general" of Luong et al. 2015).
"""
