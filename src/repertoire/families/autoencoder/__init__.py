"""Autoencoders: dense, convolutional, and denoising ones, on images.

A net squeezes a picture through a short code and learns to give it back (Rumelhart et al. 1986;
Hinton and Salakhutdinov 2006). A denoising one sees a spoiled picture and gives back the clean one
(Vincent et al. 2008), so it cannot do with copying. The linear optimum of the same code is the
principal components (Baldi and Hornik 1989), which is what a net has to beat.
"""
