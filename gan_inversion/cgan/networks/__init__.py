"""The networks of the conditional GAN."""

from gan_inversion.cgan.networks.discriminator import discriminator
from gan_inversion.cgan.networks.generator import COARSE, generator

__all__ = ["COARSE", "discriminator", "generator"]
