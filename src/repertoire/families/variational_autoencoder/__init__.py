"""Variational autoencoder (Kingma and Welling 2014) with convolutions.

Of black and white images the likelihood is a Bernoulli distribution, so its nats are honest: grey
ones are cut at half intensity, or each pixel is drawn with its grey level's chance, once or anew in
each epoch. Of other images it is one of their 8-bit levels, a discretised logistic distribution
(Kingma et al. 2016), in bits per dimension: per pixel, and per channel of a coloured one. The
objective is the evidence lower bound, its divergence weighed by beta (Higgins et al. 2017) or free
up to some nats a number of the code (Kingma et al. 2016), or the importance-weighted bound (Burda
et al. 2016). A conditional net (Sohn et al. 2015) is told the label of the image.
"""
