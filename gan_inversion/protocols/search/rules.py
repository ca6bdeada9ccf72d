"""The rules of the `search` protocol."""

from dataclasses import dataclass

from gan_inversion.protocols.base import Protocol


@dataclass(frozen=True)
class Search(Protocol):
    """Which options an inverter should have, by Keras Tuner.

    Attributes:
        tuner: name of a tuner class of Keras Tuner.
        objective: figure that the tuner optimises.
        direction: `min` or `max`.
        split: whether `images` or `subjects` are held out.
        view: the part of a frame that the networks see, `whole` or `aligned`.
        trials: number of sets of options that are tried.
        executions: trainings per trial, with different seeds; figures are means over them.
        epochs: passes over the training images; for a conditional GAN the number of steps.
        resample: filter that resizes this part to 160x160 pixels.
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
