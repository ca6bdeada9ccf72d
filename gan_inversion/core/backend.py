"""Loading Keras and its backend: late, quietly, with the settings that the package expects."""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

from gan_inversion.core.errors import UserError

# Notes on the machine that TensorFlow's libraries print whatever the level of logging.
NOISE = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]\d{4} .*(port|cudart_stub|cpu_feature_guard|"
    r"cuda_platform|computation_placer|cuda_\w+|xla_\w+)\.cc:|To enable the following instructions)"
)


def load_backend() -> None:
    """Load Keras with the backend that is asked for.

    Raises:
        UserError: the backend is not there, or is none that the package is written for.
    """
    try:
        with _without_noise():
            import keras
    except (ImportError, ValueError) as error:
        backend = os.environ.get("KERAS_BACKEND", "of your Keras settings")
        raise UserError(
            f"expected the Keras backend tensorflow or jax, and {backend!r} cannot be loaded: "
            f"{error}"
        ) from error
    if (backend := keras.backend.backend()) not in ("tensorflow", "jax"):
        raise UserError(f"expected the Keras backend tensorflow or jax, got {backend}")
    # What a user's Keras settings may say otherwise, and nothing here is written for.
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


@contextlib.contextmanager
def _without_noise() -> Iterator[None]:
    """Hold back standard error, of libraries too, and print what is no noise of it afterwards."""
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
