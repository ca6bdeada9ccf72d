"""How photographs are measured."""

import numpy as np
import pytest

from gan_inversion.data import open_dataset
from gan_inversion.protocols.faces.run import turned


@pytest.mark.data
@pytest.mark.dlib
def test_a_mirrored_head_is_as_far_turned():
    images = open_dataset("lfw").view("aligned")[:40]
    seen = np.array([turned(image) for image in images])
    mirrored = np.array([turned(image[:, ::-1]) for image in images])
    assert seen.max() > 3 * np.median(seen)  # some look aside
    assert np.corrcoef(seen, mirrored)[0, 1] > 0.9
    assert seen == pytest.approx(mirrored, abs=0.1)
