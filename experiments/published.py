"""The published benchmark, declared: methods, seeds, studies, searches, published figures."""

from itertools import product
from typing import Any

from baselines.options import DECODERS
from experiments.common import specs_of
from gan_inversion.cgan.options import FAMILY
from gan_inversion.cgan.presets import STEPWISE
from gan_inversion.core.record import Expected
from gan_inversion.protocols import INDEPENDENT, Search
from gan_inversion.protocols.membership.rules import labels

CONTROLS = ("oracle", "random", "mean_face", "nearest_face", "ridge_pca")
METHODS = (*CONTROLS, *(f"documented_{decoder}" for decoder in DECODERS))
SEEDS = (0, 1, 2)
JUDGES = (*INDEPENDENT, "mobilefacenet", "facenet")  # see the reconstructions, as the victim does
SIZES = (500, 1000, 2000, 4000)  # training images of the data-scaling curve, which ends with all
TRAINED = f"{FAMILY}_cpu"  # the conditional GAN of the published benchmark
SECOND = f"{FAMILY}_committee_cpu"  # its second generation: a committee, a late discriminator
LONGER = (f"{FAMILY}_long", f"{FAMILY}_gpu")  # trained on 4 times as many images; 6 times, wider
COMPARED = tuple(
    f"{FAMILY}_{variant}_cpu" for variant in ("mse", "identity", "pixels", "black_box")
)  # only the squared error; no discriminator; one of pixels only; no victim gradients
# What the dashboard shows first, seven and the audited: TensorBoard has seven colours.
HEADLINE = (
    *("oracle", "mean_face", "ridge_pca", "documented_dense", "adapter", TRAINED, SECOND),
    *("documented_dense_n1000", "private_dense_n500", f"{FAMILY}_committee_audited"),
)
CURVE = tuple(f"ridge_pca_n{size}" for size in SIZES)  # the baseline dlib accepts most often
TRANSLATED = ("translated", *(f"translated_n{pairs}" for pairs in (300, 1000, 3000)))
ADAPTED = tuple(
    f"adapter{suffix}"
    for suffix in ("", "_n50", "_n200", "_n1000", "_n5000", "_half", "_quarter", "_int8", "_sign")
)  # what the attacker has: pairs to fit his map on, and parts of each embedding
EXPECTED = [
    *product((*METHODS, *TRANSLATED, *CURVE, TRAINED, SECOND), SEEDS),
    *product((*ADAPTED, *LONGER, *COMPARED, *STEPWISE), SEEDS[:1]),
]
SHARED = ("translated", "nearest_face", "ridge_pca", "generalised_dense")
TRANSFERRED = [  # other victims than FaceNet, for the transfer matrix
    *product(("mobilefacenet",), (*SHARED, f"{FAMILY}_late_cpu", "adapter_facenet")),
    # Neither is in the committee of that generator, which thus knows nothing of these victims.
    *product(("sface", "dlib"), (*SHARED, "adapter_committee")),
]

DOCUMENTED = ("mean_face", *(f"documented_{decoder}" for decoder in DECODERS))

AUDITED = (10, 30)  # epochs after which a decoder is audited
LIGHTER = {"units": ("image",), "signals": ("log_mse", "ssim"), "models": (6,)}  # on two cores
# Membership studies: the methods, and the options of experiments.shadows.
SHADOWS = tuple(f"documented_{decoder}_n1000" for decoder in DECODERS)
_STUDIES: tuple[dict[str, Any], ...] = (
    {"methods": ("documented_dense_n1000",)},
    {"methods": ("documented_dense_n1000",), "units": ("image",), "epochs": (100,)},
    *({"methods": (m,), "epochs": (10,)} for m in (*SHADOWS[1:], *DOCUMENTED[2:])),
    # With all images of George W. Bush, whom the thesis takes as its example; from epoch 1 on.
    {
        "methods": ("documented_dense",),
        "units": ("image",),
        "signals": ("log_mse",),
        "epochs": (1, 3, 10),
    },
    # Both halves of the loss, on half of all images.
    {"methods": ("cgan_committee_audited",), "shares": (10, 30), **LIGHTER},
    {"methods": ("cgan_mse_audited",), **LIGHTER},
    # 500 images: private training and the conditional GAN would take too long on more.
    {"methods": ("cgan_tiny_n500",)},
    {"methods": ("documented_dense_n500",), "units": ("image",)},
    {"methods": ("augmented_dense_n500",), "units": ("image",)},
    {"methods": ("private_dense_n500",), "units": ("image",)},
    # How far what is proven stays below what is claimed; the last claim is false on purpose.
    *(
        {"methods": (f"private_dense_{kind}_n500",), "units": ("canary",), "models": (6,)}
        for kind in ("epsilon1", "epsilon8", "epsilon50", "unclipped")
    ),
)
# Independent judges see the first model's reconstructions; studies of canaries alone show none.
STUDIES = tuple(
    study if study.get("units") == ("canary",) else {**study, "judges": INDEPENDENT}
    for study in _STUDIES
)


def audits(study: dict[str, Any]) -> tuple[str, ...]:
    """The methods in the records of a study."""
    (spec,) = specs_of(study["methods"])
    return tuple(labels(spec, study.get("epochs", AUDITED), study.get("shares", ())).values())


EVERYTHING = Expected(EXPECTED, TRANSFERRED, [n for study in STUDIES for n in audits(study)])

SEARCHES = {
    "documented": Search(
        tuner="RandomSearch",
        objective="train_loss",
        direction="min",
        split="images",
        view="whole",
        trials=2,
        executions=2,
        epochs=10,
    ),
    "honest": Search(
        tuner="BayesianOptimization",
        objective="validation_loss",
        direction="min",
        split="subjects",
        view="aligned",
        trials=12,
        executions=1,
        epochs=5,
    ),
    "cgan": Search(
        tuner="BayesianOptimization",
        objective="score",
        direction="max",
        split="subjects",
        view="aligned",
        trials=8,
        executions=1,
        epochs=100,
    ),
}
