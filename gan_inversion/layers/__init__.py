"""Layers and operations that the conditional GAN needs and Keras lacks: one concept a file."""

from gan_inversion.layers.haar import HaarAnalysis, HaarSynthesis
from gan_inversion.layers.minibatch import MinibatchDeviation
from gan_inversion.layers.modulated import ModulatedConv2D
from gan_inversion.layers.separable import filtered
from gan_inversion.layers.spectral import SpectralConv2D, SpectralDense

__all__ = [
    "HaarAnalysis",
    "HaarSynthesis",
    "MinibatchDeviation",
    "ModulatedConv2D",
    "SpectralConv2D",
    "SpectralDense",
    "filtered",
]
