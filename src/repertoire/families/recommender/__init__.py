"""Recommender: an autoencoder of what one person likes scores everything else for that person.

Mult-VAE and its denoising twin, Mult-DAE (Liang et al. 2018, "Variational Autoencoders for
Collaborative Filtering"): a multinomial likelihood over the whole catalogue, a history that is
partly hidden in training, and a divergence whose weight grows to a cap well below 1. A linear path
from items to items may run beside the code. A person the net has never seen needs no training: the
history is the input.
"""
