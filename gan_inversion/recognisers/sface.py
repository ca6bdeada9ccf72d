"""SFace with 128-d embeddings: an independent recogniser, which no training or selection touches.

Zhong, Deng, Hu, Zhao & Li, "SFace: Sigmoid-Constrained Hypersphere Loss for Robust Face
Recognition", IEEE TIP 2021; the network of the OpenCV Zoo (Apache 2.0).
"""

from gan_inversion.core.storage import manifest_digest
from gan_inversion.data.weights import SFACE, YUNET
from gan_inversion.recognisers.card import read_card
from gan_inversion.recognisers.onnx import OnnxRecogniser


class SFace(OnnxRecogniser):
    """SFace with the published weights, verified.

    Raises:
        UserError: the file is missing or altered, or the `onnx` extra is not installed.
    """

    name = "sface"

    def __init__(self) -> None:
        path = SFACE.verified()
        digest = manifest_digest({file.path: file.digest for file in (SFACE, YUNET)})
        super().__init__(path, read_card(path, "sface"), name=self.name, digest=digest)
