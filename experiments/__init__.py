"""The programs.

Keras is loaded here, before any of them, so that what its backend prints meanwhile can be dropped,
and a backend that is not there is a sentence.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterator

import gan_inversion  # noqa: F401 - sets what backends read when they are loaded

# Notes on the machine that TensorFlow's libraries print whatever the level of logging.
NOISE = re.compile(
    r"^(WARNING: All log messages before absl|[IWE]\d{4} .*(port|cudart_stub|cpu_feature_guard|"
    r"cuda_platform|computation_placer|cuda_\w+|xla_\w+)\.cc:|To enable the following instructions)"
)


@contextlib.contextmanager
def without_noise() -> Iterator[None]:
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


try:
    with without_noise():
        import keras
except (ImportError, ValueError) as error:
    backend = os.environ.get("KERAS_BACKEND", "of your Keras settings")
    print(
        f"error: expected the Keras backend tensorflow or jax, and {backend!r} cannot be loaded: "
        f"{error}",
        file=sys.stderr,
    )
    sys.exit(2)
if keras.backend.backend() not in ("tensorflow", "jax"):
    print(
        f"error: expected the Keras backend tensorflow or jax, got {keras.backend.backend()}",
        file=sys.stderr,
    )
    sys.exit(2)
