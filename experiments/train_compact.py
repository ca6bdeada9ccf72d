"""Train the shipped `compact` recogniser on synthetic faces and record how well it verifies."""

from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from experiments.common import main, make_record, options_dict, rehearsed
from gan_inversion.data.synthetic import Synthetic
from gan_inversion.embedders.compact import WEIGHTS, Compact, compact_network
from gan_inversion.evaluation.verification import auc, bootstrap_auc, by_subject, cosine
from gan_inversion.protocols import Verification
from gan_inversion.record import Metric, metric
from gan_inversion.run import Run
from gan_inversion.storage import write_arrays
from gan_inversion.training import fit, shuffled


@dataclass(frozen=True)
class Options:
    """Train the compact recogniser: cosine softmax over synthetic subjects.

    Cost: about 20 minutes on two CPU cores. Expected: AUC 0.99 on 200 unseen subjects.
    """

    subjects: int = 1000
    """Training subjects."""

    images: int = 12
    """Pictures of each."""

    unseen: int = 200
    """Subjects, of eight pictures each, that it is verified on; no training draws them."""

    epochs: int = 8
    """Passes over them."""

    batch_size: int = 64
    """Pictures a step."""

    margin: float = 0.25
    """Additive margin of the cosine softmax."""

    seed: int = 0
    """Of weights and order."""

    output: Path = Path(str(files("gan_inversion.embedders"))) / WEIGHTS
    """Where the weights go."""

    train: bool = True
    """Train anew; without, only verify and record the weights that lie in `output`."""

    runs: Path = Path("runs")
    """Folder for the log and the checkpoint."""

    records: Path = Path("results/records")
    """Folder for the record."""

    smoke: bool = False
    """A rehearsal with few subjects, everything under `runs`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = options.runs / "smoke"
    return replace(
        options,
        subjects=12,
        images=4,
        unseen=20,
        epochs=2,
        output=folder / WEIGHTS,
        runs=folder,
        records=folder / "records",
    )


VIEWS = ("aligned", "whole")
FIRST_UNSEEN = 1_000_000  # from this number on no training may draw subjects


def train(options: Options) -> keras.Model:
    """Train on both views of the same faces; the softmax over subjects is thrown away."""
    faces = Synthetic(options.subjects, options.images, seed=options.seed)
    images = np.concatenate([faces.view(view) for view in VIEWS])
    labels = np.tile(np.repeat(np.arange(options.subjects), options.images), len(VIEWS))
    keras.utils.set_random_seed(options.seed)
    body = compact_network()
    head = layers.Dense(
        options.subjects, use_bias=False, kernel_constraint=keras.constraints.UnitNorm(axis=0)
    )
    model = keras.Model(body.input, head(body.output), name="compact")

    def cosine_softmax(label, cosines):  # CosFace: Wang et al., CVPR 2018, equation 4
        target = ops.one_hot(ops.cast(label[:, 0], "int32"), options.subjects)
        logits = 24 * (cosines - options.margin * target)
        return ops.categorical_crossentropy(target, logits, from_logits=True)

    batches = shuffled(images, labels[:, None], batch_size=options.batch_size, seed=options.seed)
    steps = options.epochs * len(batches(0))
    schedule = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    model.compile(keras.optimizers.Adam(schedule), cosine_softmax, jit_compile=False)
    with Run(options.runs / "train_compact", options_dict(options)) as run:
        fit(model, batches, epochs=options.epochs, seed=options.seed, run=run)
    return body


def verify(embedder: Compact, unseen: Synthetic) -> dict[str, Metric]:
    """AUC over all pairs of pictures of unseen subjects, by view."""
    _, codes = np.unique(unseen.subjects, return_inverse=True)
    first, second = np.triu_indices(len(codes), 1)
    genuine = codes[first] == codes[second]
    metrics = {}
    for view in VIEWS:
        embeddings = embedder.embed(unseen.view(view))
        scores = cosine(embeddings[first], embeddings[second])
        ci = bootstrap_auc(scores, genuine, by_subject(codes[first], codes[second]))
        metrics[f"{view}/auc"] = metric(auc(scores, genuine), ci=ci, n=len(genuine))
    return metrics


def run_all(options: Options) -> None:
    """Train, save the weights as float16, and record what the saved ones do."""
    options = rehearsed(options, rehearsal)
    if options.train:
        body = train(options)
        arrays = {f"{i:02d}": a.astype("float16") for i, a in enumerate(body.get_weights())}
        write_arrays(options.output, arrays)
    embedder = Compact(options.output)
    unseen = Synthetic(options.unseen, 8, first=FIRST_UNSEEN)
    metrics = verify(embedder, unseen)
    record = make_record(
        Verification(pairs="all"),
        "compact",
        dataset=unseen,
        embedder=embedder,
        seed=options.seed,
        config=options_dict(options),
        metrics=metrics,
    )
    print(record.write(options.records))


if __name__ == "__main__":
    main(Options, run_all)
