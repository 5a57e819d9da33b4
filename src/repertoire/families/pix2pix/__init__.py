"""pix2pix (Isola et al. 2017): a U-Net turns pictures into their partners, patch by patch judged.

The U-Net lowers the mean absolute error, which alone would blur what the source leaves open, and
the loss of being told from true pairs by a discriminator of patches. Dropout is its only source of
noise. It acts in training and is off in the exported graph, so that the same picture always gives
the same answer.
"""
