"""CycleGAN (Zhu et al. 2017): translates between two kinds of pictures that never come in pairs.

Each direction has a generator, each domain a discriminator of patches. Three losses say what a
translation should be: validity, that the discriminator of its domain takes it for real (by least
squares, Mao et al. 2017); reconstruction, that the way back returns the picture; identity, that
what is of the target domain already is left alone. Discriminators see past translations as well
(Shrivastava et al. 2017).
"""
