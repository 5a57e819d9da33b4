"""Novelty and anomaly detectors: what a net that knows normal things alone gives back badly.

One net for each kind of thing that may count as normal, trained on nothing else (Japkowicz et al.
1995; Hawkins et al. 2002): an autoencoder, a denoising one (Vincent et al. 2008) or a variational
one (An and Cho 2015). The score is the squared error of what a net gives back, the error map shows
where it lies, and the decision is a score above the threshold that a stated share of normal
validation rows exceeds. All nets are trained at once with batched weights and live in one graph,
which is told what counts as normal. No anomaly is trained on; where validation rows hold some, they
choose the epoch.
"""
