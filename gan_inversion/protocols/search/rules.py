"""A search for options, declared."""

from dataclasses import dataclass

from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Search(Protocol):
    """Which options an inverter should have, by Keras Tuner.

    Attributes:
        tuner: its class there.
        objective: figure that a trial is judged by.
        direction: `min` or `max`.
        split: whether `images` or `subjects` are held out.
        view: what the networks see of a frame.
        trials: options that are tried.
        executions: trainings of each, with different seeds; figures are their means.
        epochs: passes over the training images; for a conditional GAN steps.
        resample: filter from 250 to 160 pixels.
    """

    tuner: str
    objective: str
    direction: str
    split: str
    view: str
    trials: int
    executions: int
    epochs: int
    resample: str = "bilinear"
