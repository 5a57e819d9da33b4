"""Generative adversarial network (Goodfellow et al. 2014) with convolutions (Radford et al. 2016).

Non-saturating loss, spectral normalisation of the discriminator (Miyato et al. 2018), and an
average of the generator's weights for use (Yazıcı et al. 2019).
"""
