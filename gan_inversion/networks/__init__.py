"""The networks of the conditional GAN."""

from gan_inversion.networks.discriminator import discriminator
from gan_inversion.networks.generator import COARSE, generator

__all__ = ["COARSE", "discriminator", "generator"]
