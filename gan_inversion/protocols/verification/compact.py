"""Training the shipped recogniser on drawn faces, and how well it verifies."""

from dataclasses import asdict
from pathlib import Path

import keras
import numpy as np
from keras import layers, ops

from gan_inversion.core.record import Metric, metric
from gan_inversion.core.run import Run
from gan_inversion.data.synthetic import Synthetic
from gan_inversion.inverters.loop import fit, shuffled
from gan_inversion.metrics.verification import auc, bootstrap_auc, by_subject, cosine
from gan_inversion.protocols.records import Entry
from gan_inversion.protocols.verification.rules import CompactTraining, Verification
from gan_inversion.recognisers.compact import Compact, compact_network

VIEWS = ("aligned", "whole")
FIRST_UNSEEN = 1_000_000  # subjects from this number on are never drawn for training


def train(options: CompactTraining, runs: Path) -> keras.Model:
    """Train on both views of the same faces; the layer that classifies subjects is dropped."""
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
    with Run(runs / "train_compact", asdict(options)) as run:
        fit(model, batches, epochs=options.epochs, seed=options.seed, run=run)
    return body


def verify(recogniser: Compact, unseen: Synthetic) -> dict[str, Metric]:
    """AUC over all pairs of images of unseen subjects, by view."""
    _, codes = np.unique(unseen.subjects, return_inverse=True)
    first, second = np.triu_indices(len(codes), 1)
    genuine = codes[first] == codes[second]
    metrics = {}
    for view in VIEWS:
        embeddings = recogniser.embed(unseen.view(view))
        scores = cosine(embeddings[first], embeddings[second])
        ci = bootstrap_auc(scores, genuine, by_subject(codes[first], codes[second]))
        metrics[f"{view}/auc"] = metric(auc(scores, genuine), ci=ci, n=len(genuine))
    return metrics


def verified(options: CompactTraining, weights: Path, records: Path) -> Path:
    """Verify the recogniser with these weights, write its record, and return the record's file."""
    recogniser, unseen = Compact(weights), Synthetic(options.unseen, 8, first=FIRST_UNSEEN)
    protocol = Verification(pairs="all")
    entry = Entry(records, protocol, "compact", unseen, recogniser, options.seed)
    return entry.write(config=asdict(options), metrics=verify(recogniser, unseen))
