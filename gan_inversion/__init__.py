"""Template inversion: what a face embedding gives away, measured.

The flow is data -> embedders -> inverters -> evaluation -> records -> reports; each sub-package is
one stage of it and imports only what stands to its left.
"""

import os
import sys

# TensorFlow prints a page of hardware notes on import; they hide the progress lines of a run.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Accelerators round the factors of a float32 product to ten bits of fraction unless told not to.
# SSIM subtracts two such products that are nearly equal: its gradient would be noise. Rooms without
# a network need no backend for that: NVIDIA's libraries and JAX read it here when they are loaded.
os.environ.setdefault("NVIDIA_TF32_OVERRIDE", "0")
os.environ.setdefault("JAX_DEFAULT_MATMUL_PRECISION", "float32")
if "jax" in sys.modules:  # too late for JAX to read it
    precision = os.environ["JAX_DEFAULT_MATMUL_PRECISION"]
    sys.modules["jax"].config.update("jax_default_matmul_precision", precision)

__version__ = "0.1.0"
