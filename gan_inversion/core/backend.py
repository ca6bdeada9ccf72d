"""Loads Keras only when it is needed, without log noise, with the settings the package expects."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from gan_inversion.core.errors import UserError

# Beginnings of the lines about the machine that TensorFlow prints at any logging level.
NOISE = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]\d{4} .*(port|cudart_stub|cpu_feature_guard|"
    r"cuda_platform|computation_placer|cuda_\w+|xla_\w+)\.cc:|To enable the following instructions)"
)


# Accelerators round the factors of a float32 product to ten bits of fraction unless told not to.
# SSIM subtracts two such products that are nearly equal: its gradient would be noise.
EXACT = {"NVIDIA_TF32_OVERRIDE": "0", "JAX_DEFAULT_MATMUL_PRECISION": "float32"}
# With these, Keras ends a training early, without a word: its record would be of another one.
SHORTER = ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH")
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3"}  # leaves out TensorFlow's notes on the hardware


def load_backend() -> None:
    """Load Keras with the backend that the user's settings name, computing in full float32.

    Every program calls it first. Users of the library call it before they import Keras, or do not
    call it and so keep their own settings of precision.

    Raises:
        UserError: the backend cannot be loaded, or is neither TensorFlow nor JAX.
    """
    for name, value in (EXACT | QUIET).items():
        os.environ.setdefault(name, value)
    for name in SHORTER:
        os.environ.pop(name, None)
    if "jax" in sys.modules:  # JAX has read these settings already
        precision = os.environ["JAX_DEFAULT_MATMUL_PRECISION"]
        sys.modules["jax"].config.update("jax_default_matmul_precision", precision)
    try:
        with _without_noise():
            import keras
    except (ImportError, ValueError, AttributeError) as error:
        backend = os.environ.get("KERAS_BACKEND", "of your Keras settings")
        raise UserError(
            f"expected the Keras backend tensorflow or jax, and {backend!r} cannot be loaded: "
            f"{error}"
        ) from error
    if (backend := keras.backend.backend()) not in ("tensorflow", "jax"):
        raise UserError(f"expected the Keras backend tensorflow or jax, got {backend}")
    # The package assumes these two settings; a user's Keras settings may differ.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """Hold back standard error, also that of C libraries; then print it without the noise."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            for line in file.read().decode(errors="replace").splitlines():
                if not NOISE.match(line):
                    print(line, file=sys.stderr)
