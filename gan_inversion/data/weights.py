"""Files of published networks: names in the data folder, digests, and where they are at home."""

from dataclasses import dataclass
from pathlib import Path

from gan_inversion.core.errors import UserError
from gan_inversion.core.storage import data_dir, sha256_file

INDEPENDENT = ("dlib", "sface")  # recognisers that no training, selection or calibration touches


@dataclass(frozen=True)
class Weights:
    """The file of a published network.

    Attributes:
        path: in the data folder.
        digest: SHA-256 of the content.
        homes: URLs, tried in order.
    """

    path: str
    digest: str
    homes: tuple[str, ...]

    def verified(self, other: Path | None = None) -> Path:
        """The file, if it is the right one.

        Args:
            other: where it is, if not in the data folder.

        Raises:
            UserError: it is missing or altered.
        """
        path = other or data_dir() / self.path
        actual = sha256_file(path)[:12] if path.is_file() else "no file"
        if actual != self.digest[:12]:
            raise UserError(
                f"expected {path} with SHA-256 {self.digest[:12]}, got {actual}: run `python -m "
                "experiments.fetch`, or set GAN_INVERSION_DATA to the folder that holds "
                f"{Path(self.path).parent}"
            )
        return path


def _of_zoo(model: str, name: str, digest: str) -> Weights:
    """A file of the OpenCV Zoo."""
    homes = (
        f"https://huggingface.co/opencv/{model}/resolve/main/{name}",
        f"https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/{model}/{name}",
    )
    return Weights(f"recognisers/{name}", digest, homes)


YUNET = _of_zoo(
    "face_detection_yunet",
    "face_detection_yunet_2023mar.onnx",
    "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
)
SFACE = _of_zoo(
    "face_recognition_sface",
    "face_recognition_sface_2021dec.onnx",
    "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79",
)
MOBILEFACENET = Weights(
    "recognisers/mobilefacenet_foamliu.onnx",
    "b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
    (
        "https://raw.githubusercontent.com/foamliu/MobileFaceNet/master/weights/MobileFaceNet.onnx",
        "https://github.com/foamliu/MobileFaceNet/raw/master/weights/MobileFaceNet.onnx",
    ),
)
EVERY = (YUNET, SFACE, MOBILEFACENET)
