"""Training loops that can be killed at any point and go on from the last epoch."""

from gan_inversion.training.leak_callback import LeakCallback
from gan_inversion.training.loop import fit, shuffled

__all__ = ["LeakCallback", "fit", "shuffled"]
