"""Style transfer by a fast feed-forward net (Johnson et al. 2016), one net a style.

The net is trained on what optimisation descends for each picture anew (Gatys et al. 2016):
features of VGG-16 like those of the photograph, their correlations like those of the style.
Instance normalisation (Ulyanov et al. 2016); enlargement by nearest neighbours and a convolution
(Odena et al. 2016).
"""
