"""The published benchmark, declared: methods, seeds, studies, searches, published figures."""

from baselines.options import DECODERS
from gan_inversion.cgan.options import ABLATION, FAMILY
from gan_inversion.protocols import Search

METHODS = (
    "oracle",
    "random",
    "mean_face",
    "nearest_face",
    "ridge_pca",
    *(f"documented_{decoder}" for decoder in DECODERS),
)
SEEDS = (0, 1, 2)
JUDGES = ("dlib",)  # independent recognisers, which have no say in any choice
SIZES = (500, 1000, 2000, 4000)  # of the data-scaling curve, beside all training images
STEPWISE = tuple(f"{FAMILY}_{name}_short" for name in ABLATION)
TRAINED = f"{FAMILY}_cpu"  # the conditional GAN of the published benchmark
LONGER = (f"{FAMILY}_long", f"{FAMILY}_gpu")  # four times as many pictures; six, and wider
COMPARED = tuple(
    f"{FAMILY}_{variant}_cpu" for variant in ("mse", "identity", "pixels", "black_box")
)  # the same with less: no adversary, no heads on the recogniser, no recogniser
CURVE = tuple(f"ridge_pca_n{size}" for size in SIZES)  # the best baseline in dlib's eyes
EXPECTED = [
    *((method, seed) for method in (*METHODS, *CURVE, TRAINED) for seed in SEEDS),
    *((method, SEEDS[0]) for method in (*LONGER, *COMPARED, *STEPWISE)),
]

DOCUMENTED = ("mean_face", *(f"documented_{decoder}" for decoder in DECODERS))

AUDITED = (10, 30)  # epochs after which a decoder is audited
# Of membership: the options of experiments.shadows, and the names of the records they give.
SHADOWS = tuple(f"documented_{decoder}_n1000" for decoder in DECODERS)
STUDIES = (
    {"methods": ("documented_dense_n1000",)},
    {"methods": ("documented_dense_n1000",), "units": ("image",), "epochs": (100,)},
    {"methods": ("documented_conv_n1000",), "epochs": (10,)},
    {"methods": ("documented_conv_bn_n1000",), "epochs": (10,)},
    # The thesis' president with all his images, from the first epoch on.
    {
        "methods": ("documented_dense",),
        "units": ("image",),
        "signals": ("log_mse",),
        "epochs": (1, 3, 10),
    },
    # On as few images as differential privacy and the conditional GAN can be afforded for.
    {"methods": ("cgan_tiny_n500",)},
    {"methods": ("documented_dense_n500",), "units": ("image",)},
    {"methods": ("augmented_dense_n500",), "units": ("image",)},
    {"methods": ("private_dense_n500",), "units": ("image",)},
)

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
