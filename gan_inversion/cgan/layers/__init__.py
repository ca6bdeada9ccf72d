"""Layers and operations that the conditional GAN needs and Keras lacks: one concept a file."""

from gan_inversion.cgan.layers.haar import HaarAnalysis, HaarSynthesis
from gan_inversion.cgan.layers.minibatch import MinibatchDeviation
from gan_inversion.cgan.layers.modulated import ModulatedConv2D
from gan_inversion.cgan.layers.spectral import SpectralConv2D, SpectralDense

__all__ = [
    "HaarAnalysis",
    "HaarSynthesis",
    "MinibatchDeviation",
    "ModulatedConv2D",
    "SpectralConv2D",
    "SpectralDense",
]
