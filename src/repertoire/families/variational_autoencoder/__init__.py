"""Variational autoencoder (Kingma and Welling 2014) with convolutions and a Bernoulli likelihood.

Images are binarised at half intensity inside the graphs, so the likelihood is one of binary
images and its nats are honest.
"""
