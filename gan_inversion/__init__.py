"""Template inversion: what a face embedding gives away, measured.

The flow is data -> embedders -> inverters -> evaluation -> records -> reports; each sub-package is
one stage of it and imports only what stands to its left.
"""

import os

# TensorFlow prints a page of hardware notes on import; they hide the progress lines of a run.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

__version__ = "0.1.0"
