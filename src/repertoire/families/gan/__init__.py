"""Generative adversarial network (Goodfellow et al. 2014) with convolutions (Radford et al. 2016).

Non-saturating, Wasserstein or hinge loss; a gradient penalty (Gulrajani et al. 2017), R1 (Mescheder
et al. 2018) or spectral normalisation (Miyato et al. 2018) keeps the discriminator smooth. An
average of the generator's weights is what is used (Yazıcı et al. 2019).
"""
