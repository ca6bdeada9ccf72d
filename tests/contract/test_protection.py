"""What every protection scheme must do."""

import numpy as np
import pytest

from gan_inversion.protection import SCHEMES


@pytest.mark.parametrize("name", SCHEMES)
def test_templates_of_one_embedding_are_alike_and_compared_as_similar(name):
    scheme = SCHEMES[name]
    assert scheme.name == name
    embeddings = np.random.default_rng(0).standard_normal((20, 512)).astype("float32")
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    embeddings[3] = np.nan
    first, again = (scheme.protect(embeddings, key=7) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert len(first) == 20 and np.isnan(first[3]).all() and np.isfinite(first[4]).all()
    known = np.delete(first, 3, axis=0)
    genuine = scheme.compare(known, known)
    impostor = scheme.compare(known, np.roll(known, 1, axis=0))
    assert genuine.shape == (19,) and genuine.min() > impostor.max()
