"""The networks of the conditional GAN."""

from gan_inversion.networks.discriminator import discriminator
from gan_inversion.networks.generator import SIDES, generator

__all__ = ["SIDES", "discriminator", "generator"]
