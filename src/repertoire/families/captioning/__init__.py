"""Captions of pictures: a convolutional encoder and a recurrent decoder, with or without attention.

Without attention, the LSTM sees the picture once, as its first input (Vinyals et al. 2015, "Show
and Tell", section 3.1). With attention, every state looks at the grid of features again (Xu et al.
2015, "Show, Attend and Tell", sections 3.1.2 and 4.2, deterministic soft attention; additive
scores of Bahdanau et al. 2015). Other than there, the encoder of scenes is small and learned from
nothing, with batch normalisation (Ioffe and Szegedy 2015), and that of photographs a MobileNetV2
(Sandler et al. 2018) whose ImageNet weights stay as they are; a learned vector for each place of
the grid says where a feature lies; and neither the penalty for places left out nor the gate on the
context of section 4.2.1 is used.
"""
