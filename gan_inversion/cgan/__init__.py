"""The conditional GAN: options, networks, losses, step."""
