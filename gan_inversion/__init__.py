"""Template inversion: what a face embedding gives away, measured.

The flow is data -> embedders -> inverters -> evaluation -> records -> reports; each sub-package is
one stage of it and imports only what stands to its left.
"""

import os

# TensorFlow prints a page of hardware notes on import; they hide the progress lines of a run.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras

# Accelerators round the factors of a float32 product to ten bits of fraction unless told not to.
# SSIM subtracts two such products that are nearly equal: its gradient would be noise.
if keras.backend.backend() == "jax":
    import jax

    jax.config.update("jax_default_matmul_precision", "float32")
elif keras.backend.backend() == "tensorflow":
    import tensorflow

    tensorflow.config.experimental.enable_tensor_float_32_execution(False)

__version__ = "0.1.0"
