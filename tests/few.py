"""Rehearsals on fewer faces, computed step by step: most of them trace longer than they compute.

`python -m tests.few <program> <options>` runs a program so, in a process of its own.
"""

import runpy
import sys
from contextlib import contextmanager
from unittest.mock import patch
from weakref import WeakKeyDictionary

from gan_inversion import data
from gan_inversion.core import program
from gan_inversion.core.backend import load_backend
from gan_inversion.data.synthetic import Synthetic

FIRST = 223  # number of the first subject
OFTEN = 4  # calls of a model from which on to trace it takes less than to compute step by step


def _faces(*usual):
    """Drawn faces of a usual number; others as they are asked for."""

    def drawn(*arguments, **options):
        if arguments or options:
            return Synthetic(*arguments, **options)
        return Synthetic(*usual, first=FIRST)

    return drawn


# Subjects, and images of each: 8 of them validate, with 1,792 impostor pairs, as FMR 1 % asks for,
# and 8 are tested.
few = _faces(36, 8)
# The documented protocol knows no thresholds and no subjects.
fewer = _faces(12, 6)


def faces_of(program):
    """The drawn faces that a program rehearses on."""
    return fewer if program == "experiments.documented" else few


@contextmanager
def computed_eagerly():
    """What only takes long is left out of a rehearsal.

    TensorFlow computes step by step, since to trace a conditional GAN takes longer than ten steps,
    but for models that predict often; and the network of the two-sample test sees its images once.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    at_once = keras.Model.predict_on_batch

    def predict_on_batch(model, *given):
        calls[model] = calls.get(model, 0) + 1
        tf.config.run_functions_eagerly(calls[model] < OFTEN)
        try:
            return at_once(model, *given)
        finally:
            tf.config.run_functions_eagerly(True)

    calls = WeakKeyDictionary()
    tf.config.run_functions_eagerly(True)
    with (
        patch("gan_inversion.protocols.inversion.two_sample.EPOCHS", 1),
        patch.object(keras.Model, "predict_on_batch", predict_on_batch),
    ):
        yield
    tf.config.run_functions_eagerly(False)


def load_eagerly():
    load_backend()
    computed_eagerly().__enter__()


if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    with (
        patch.object(data, "Synthetic", faces_of(sys.argv[0])),
        patch.object(program, "load_backend", load_eagerly),
    ):
        runpy.run_module(sys.argv[0], run_name="__main__")
