"""Rehearsals on fewer faces, computed step by step: most of them trace longer than they compute.

`python -m tests.few <program> <options>` runs a program so, in a process of its own.
"""

import runpy
import sys
from contextlib import contextmanager
from unittest.mock import patch

import experiments.common
from gan_inversion import data
from gan_inversion.core.backend import load_backend
from gan_inversion.data.synthetic import Synthetic

# Subjects, images of each, first subject: 8 of them validate, with 1,792 impostor pairs, as FMR 1 %
# asks for, and 8 are tested.
FEW = (36, 8), {"first": 223}
# The documented protocol knows no thresholds and no subjects.
FEWER = (12, 6), {"first": 223}


def few(*arguments, **options):
    """The drawn faces of rehearsals, fewer than usual; other faces as they are asked for."""
    if arguments or options:
        return Synthetic(*arguments, **options)
    return Synthetic(*FEW[0], **FEW[1])


def fewer(*arguments, **options):
    """As `few`, for the `documented` protocol."""
    return few(*(arguments or FEWER[0]), **(options or FEWER[1]))


@contextmanager
def computed_eagerly():
    """TensorFlow computes step by step: to trace a conditional GAN takes longer than ten steps."""
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    # The two-sample test of a rehearsal need not be a strong one.
    with patch("gan_inversion.protocols.inversion.two_sample.EPOCHS", 1):
        yield
    tf.config.run_functions_eagerly(False)


def load_eagerly():
    load_backend()
    computed_eagerly().__enter__()


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    with (
        patch.object(data, "Synthetic", fewer if "documented" in sys.argv[0] else few),
        patch.object(experiments.common, "load_backend", load_eagerly),
    ):
        runpy.run_module(sys.argv[0], run_name="__main__")
