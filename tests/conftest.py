"""Shared fixtures. Tests marked `data` run whenever the real data is there."""

import importlib.util
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import experiments.families  # noqa: F401 (registers them, whichever file of tests runs alone)
from gan_inversion import data
from gan_inversion.cgan.presets import PRESETS
from gan_inversion.core.storage import data_dir
from gan_inversion.data import Synthetic
from tests.few import computed_eagerly, few

ROOT = Path(__file__).parents[1]
# A busy machine is slow: no test may fail by the time that it takes.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
# What is fastest hangs on the machine, and is timed anew for each fresh cache: one test does.
os.environ.setdefault("GAN_INVERSION_PRECISION", "float32")
# Nothing is downloaded by a test: a proxy that does not answer stands between it and all others.
os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"
os.environ["no_proxy"] = "localhost,127.0.0.1,::1"
# These tests compile more than they compute.
JAX = {"KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "true"}
# The smallest conditional GAN: two intervals of two steps.
SMALL = replace(PRESETS["smoke"], batch_size=4, steps=4, warmup=0, interval=2, ramp=1)


def pytest_collection_modifyitems(items):
    no_data = pytest.mark.skip(reason=f"no LFW in {data_dir()} (set GAN_INVERSION_DATA)")
    no_dlib = pytest.mark.skip(reason="the dlib extra is not installed")
    no_onnx = pytest.mark.skip(reason="the onnx extra is not installed")
    for item in items:
        if "data" in item.keywords and not (data_dir() / "lfw-deepfunneled.tgz").exists():
            item.add_marker(no_data)
        if "onnx" in item.keywords and importlib.util.find_spec("cv2") is None:
            item.add_marker(no_onnx)
        if "dlib" in item.keywords and importlib.util.find_spec("dlib") is None:
            item.add_marker(no_dlib)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """One fresh cache for the whole session, so that no test leans on an earlier run.

    Processes that share the tests (pytest-xdist) share it too: LFW is decoded once.
    """
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "shared_cache"
    folder.mkdir(exist_ok=True)
    before = os.environ.get("GAN_INVERSION_CACHE")
    os.environ["GAN_INVERSION_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["GAN_INVERSION_CACHE"]
    else:
        os.environ["GAN_INVERSION_CACHE"] = before


@pytest.fixture(autouse=True)
def seeded():
    """Layers that are given no seed begin alike in every run."""
    if "keras" in sys.modules:
        sys.modules["keras"].utils.set_random_seed(0)


@pytest.fixture(scope="module")
def eager():
    """TensorFlow traces nothing."""
    with computed_eagerly():
        yield


@pytest.fixture(scope="module")
def small(eager):
    """Programs rehearse on few faces."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "Synthetic", few)
        yield


@pytest.fixture(scope="session")
def faces(cache):
    """A small synthetic dataset: 12 subjects, 4 pictures each."""
    return Synthetic(12, 4)
