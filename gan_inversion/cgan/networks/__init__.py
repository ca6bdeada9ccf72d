"""The networks of the conditional GAN."""

from gan_inversion.cgan.networks.discriminator import discriminator
from gan_inversion.cgan.networks.generator import COARSE, WHITENING, generator

__all__ = ["COARSE", "WHITENING", "discriminator", "generator"]
