"""Keras Tuner: the thesis' search as it was, an honest one beside it, and the GAN's own weights."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import keras
import keras_tuner
import numpy as np

from baselines.decoders import decoder
from baselines.inverter import DecoderInverter, in_range
from experiments import inversion
from experiments.common import main, make_record, recorded, rehearsed
from experiments.documented import score
from experiments.examination import Bench
from experiments.methods import reconstruct
from experiments.own import read_arrays
from experiments.tables import write_search
from experiments.thresholds import embed_view
from gan_inversion.cgan import ConditionalGAN
from gan_inversion.config import PRESETS
from gan_inversion.data import Align, DatasetName, Subset
from gan_inversion.errors import UserError
from gan_inversion.evaluation.attack import rejected
from gan_inversion.evaluation.intervals import bootstrap_mean
from gan_inversion.evaluation.realism import sliced_wasserstein
from gan_inversion.evaluation.reconstruction import ssim
from gan_inversion.evaluation.verification import cosine
from gan_inversion.inverter import Images
from gan_inversion.protocols import Documented, Search
from gan_inversion.record import Metric, metric
from gan_inversion.run import Run
from gan_inversion.seeding import stream
from gan_inversion.storage import write_arrays
from gan_inversion.training import fit, shuffled

SCORES = "scores.npz"  # of one training, in its folder

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


@dataclass(frozen=True)
class Options:
    """Search the options of decoders and of the conditional GAN.

    `documented` is the thesis' search, on its ground: whole frames, images held out at random, the
    number of dense layers chosen by the loss on the very images that were trained on. The others
    see aligned faces, as the `inversion` protocol does. `honest` searches layers, width, learning
    rate and batch size, and chooses by the loss on subjects that were not trained on. `cgan`
    searches the weights of the loss at a small budget (its epochs are steps), by cosine + SSIM -
    SWD on validation subjects.

    An interrupted search goes on; a trial that fails is marked and the search goes on.

    Cost on LFW, two CPU cores with AVX-512: about a quarter of an hour each.
    """

    searches: tuple[Literal["documented", "honest", "cgan"], ...] = ("documented", "honest", "cgan")
    """Which."""

    seed: int = 0
    """Of the tuner, of weights and of order."""

    dataset: DatasetName = "lfw"
    """Source of faces: LFW, a folder of yours, or drawn faces, few (synthetic) or many (drawn)."""

    data: Path | None = None
    """Where the faces are. Default: the GAN_INVERSION_DATA folder."""

    min_images: int = 2
    """Images that each subject of a folder must have; 1 accepts all."""

    align: Align = "auto"
    """Which pictures of a folder are aligned by landmarks: all but those framed like LFW (auto),
    all (always), none (never)."""

    embedder: str = "facenet"
    """Recogniser whose embeddings are inverted."""

    runs: Path = Path("runs")
    """Folder for the tuner's state, logs and TensorBoard events."""

    records: Path = Path("results/records")
    """Folder for records."""

    tables: Path = Path("docs")
    """Folder for the table."""

    smoke: bool = False
    """A rehearsal with compact on drawn faces, everything under `runs/smoke`."""


def rehearsal(options: Options) -> Options:
    """The options of `--smoke`."""
    folder = options.runs / "smoke"
    return replace(
        options,
        dataset="synthetic",
        embedder="compact",
        runs=folder,
        records=folder / "records",
        tables=folder,
    )


@dataclass
class Ground:
    """Where trials are run.

    Attributes:
        name: of the search.
        protocol: the search.
        options: of the command.
        bench: data set and recogniser.
        images: uint8 (N, 160, 160, 3), the protocol's view of all.
        embeddings: float32 (N, D), of them.
        train, held_out: indices of images to train on, and to validate on.
        trials: options and losses of each trial, as they come.
    """

    name: str
    protocol: Search
    options: Options
    bench: Bench
    images: np.ndarray
    embeddings: np.ndarray
    train: np.ndarray
    held_out: np.ndarray
    trials: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """For everything that is kept of the search."""
        label = f"{self.name}-{self.bench.dataset.name}-s{self.options.seed}"
        return self.options.runs / self.protocol.name / label


def space(name: str) -> keras_tuner.HyperParameters:
    """What a search may choose from."""
    options = keras_tuner.HyperParameters()
    if name == "cgan":
        usual = PRESETS["cpu"]
        for term in ("l1", "dissimilarity", "identity", "adversarial"):
            weight = getattr(usual, term)
            options.Float(term, weight / 4, weight * 4, sampling="log", default=weight)
        return options
    options.Int("layers", 1, 4)
    if name == "honest":
        options.Choice("width", [128, 256, 512])
        options.Float("learning_rate", 1e-4, 3e-3, sampling="log")
        options.Choice("batch_size", [16, 32, 64])
    return options


# Figures of a training, and by name the scores of the images held out.
Found = tuple[dict[str, float], dict[str, np.ndarray]]


def decoder_losses(values: Mapping[str, Any], folder: Path, seed: int, ground: Ground) -> Found:
    """Train a decoder with the chosen options: its losses on both sides."""
    keras.utils.set_random_seed(seed)
    model = decoder(values["layers"], values.get("width", 512))
    rate = values.get("learning_rate", 1e-3)
    model.compile(keras.optimizers.Adam(rate), "mse", jit_compile=True)
    inverter = DecoderInverter(
        "dense", targets="documented" if ground.name == "documented" else "corrected"
    )
    low, high = inverter.targets
    inverter.model = model
    images = ground.images
    batches = shuffled(
        ground.embeddings[ground.train],
        Subset(images, ground.train),
        batch_size=values.get("batch_size", 32),
        seed=seed,
        scale=partial(in_range, low=low, high=high),
    )
    with Run(folder, {"options": dict(values), "seed": seed}) as run:
        fit(model, batches, epochs=ground.protocol.epochs, seed=seed, run=run)
        last = run.history()[-1]["train_loss"]
        unseen = ground.embeddings[ground.held_out], Subset(images, ground.held_out)
        losses, _, _ = score(inverter, *unseen, span=high - low)
        loss = float(losses.mean())
        run.log(ground.protocol.epochs, validation_loss=loss)
    run.checkpoint.unlink(missing_ok=True)
    return {"train_loss": last, "validation_loss": loss}, {"validation_loss": losses}


def cgan_figures(values: Mapping[str, Any], folder: Path, seed: int, ground: Ground) -> Found:
    """Train a conditional GAN with the chosen weights: figures on held-out subjects."""
    steps = ground.protocol.epochs
    config = replace(
        PRESETS["smoke" if ground.options.smoke else "cpu"],
        **values,
        steps=steps,
        alone=0,
        interval=steps,
        ramp=steps,
        corrections=0,
    )
    attacked = ground.bench.judges[0]
    inverter = ConditionalGAN(config, recogniser=attacked.embedder)
    train: Images = Subset(ground.images, ground.train)
    with Run(folder, {"options": dict(values), "seed": seed}) as run:
        inverter.fit(ground.embeddings[ground.train], train, seed=seed, run=run)
        loss = run.history()[-1]["train_loss"]
        originals = ground.images[ground.held_out]
        embeddings = ground.embeddings[ground.held_out]
        pictures, _ = reconstruct(inverter, embeddings)
        scores = {
            "cosine": cosine(attacked.embedder.embed(pictures), embeddings),
            "ssim": ssim(originals / np.float32(255), pictures / np.float32(255)),
        }
        levels = sliced_wasserstein(originals, pictures, seed=seed)
        swd = float(np.mean(list(levels.values())))
        figures = {name: float(values.mean()) for name, values in scores.items()} | {"swd": swd}
        figures["score"] = figures["cosine"] + figures["ssim"] - swd / 1000
        run.log(1, **figures)
    run.checkpoint.unlink(missing_ok=True)
    return {"train_loss": loss, **figures}, scores


def search(ground: Ground) -> None:
    """Let the tuner run its trials; `ground.trials` holds them afterwards."""
    protocol = ground.protocol
    body = cgan_figures if ground.name == "cgan" else decoder_losses
    base: Any = getattr(keras_tuner, protocol.tuner)

    class Tuner(base):
        def run_trial(self, trial: Any, *arguments: Any, **options: Any) -> list[dict]:
            found = []
            for execution in range(protocol.executions):
                start = time.perf_counter()
                folder = ground.folder / f"trial-{trial.trial_id}-{execution}"
                seed = ground.options.seed + execution
                figures, scores = body(trial.hyperparameters.values, folder, seed, ground)
                write_arrays(folder / SCORES, scores)
                found.append(figures | {"seconds": time.perf_counter() - start})
                keras.utils.clear_session()
            return found

    state = ground.folder.parent / f"{ground.folder.name}-tuner"
    make = partial(
        Tuner,
        objective=keras_tuner.Objective(protocol.objective, protocol.direction),
        max_trials=protocol.trials,
        hyperparameters=space(ground.name),
        seed=1 + ground.options.seed,  # by 0 it would draw one
        max_consecutive_failed_trials=protocol.trials,
        directory=str(state.parent),
        project_name=state.name,
        overwrite=False,
    )
    try:
        tuner = make()
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{state} does not hold a readable state of Keras Tuner ({error}): remove it, and the "
            "search starts anew"
        ) from error
    tuner.search()
    for trial in tuner.oracle.trials.values():
        figures = {
            name: trial.metrics.get_best_value(name)
            for name in trial.metrics.metrics
            if trial.status == "COMPLETED"
        }
        ground.trials[trial.trial_id] = {
            "options": dict(trial.hyperparameters.values),
            "status": trial.status,
            "message": (trial.message or "").strip().splitlines()[-1:],
            **figures,
        }


def scores_of(ground: Ground) -> dict[str, np.ndarray]:
    """Raw scores, `<trial>/<name>`: float32 (trainings, images held out)."""
    scores = {}
    for trial, found in ground.trials.items():
        if found["status"] != "COMPLETED":
            continue
        files = sorted(ground.folder.glob(f"trial-{trial}-*/{SCORES}"))
        kept = [read_arrays(path) for path in files]
        for name in kept[0]:
            scores[f"{trial}/{name}"] = np.stack([some[name] for some in kept]).astype("float32")
    return scores


def runner_up(scores: Mapping[str, np.ndarray], subjects: np.ndarray) -> dict[str, Metric]:
    """How much larger the second smallest loss is, image by image; of other scores nothing.

    Args:
        scores: as `scores_of` gives them.
        subjects: (images held out,).
    """
    name = "validation_loss"
    losses = [own.mean(axis=0) for key, own in scores.items() if key.endswith(f"/{name}")]
    if len(losses) < 2:
        return {}
    best, second = sorted(losses, key=np.mean)[:2]
    more = second - best
    ci = bootstrap_mean(more, subjects)
    return {f"runner_up/{name}": metric(more.mean(), ci=ci, n=len(more))}


def set_up(name: str, options: Options, bench: Bench) -> Ground:
    """The images of a search: split as its protocol says."""
    protocol = SEARCHES[name]
    if options.smoke:
        protocol = replace(protocol, trials=2, epochs=2)
    look = {"view": protocol.view, "resample": protocol.resample}
    images = bench.dataset.view(**look)
    embeddings = embed_view(bench.judges[0].embedder, bench.dataset, **look)
    train, held_out = bench.split.train, bench.split.validation
    if protocol.split == "images":
        usable = np.flatnonzero(~rejected(embeddings))
        parts = Documented().split(len(usable), seed=options.seed)
        train, held_out = (usable[part] for part in parts)
    elif name == "cgan":
        held_out = np.sort(stream(options.seed, "search").permutation(held_out)[:256])
    return Ground(name, protocol, options, bench, images, embeddings, train, held_out)


def run_one(name: str, options: Options, bench: Bench) -> None:
    """Search and record, unless the record exists."""
    ground = set_up(name, options, bench)
    protocol, method = ground.protocol, f"search_{name}"
    path = options.records / protocol.name / f"{method}-{bench.dataset.name}-s{options.seed}.json"
    if recorded(path, protocol_hash=protocol.hash, data_digest=bench.dataset.digest):
        return
    search(ground)
    seconds = sum(found.pop("seconds", 0) for found in ground.trials.values())
    scores, subjects = scores_of(ground), bench.dataset.subjects[ground.held_out]
    intervals = {name: bootstrap_mean(own.mean(axis=0), subjects) for name, own in scores.items()}
    figures = {
        f"{trial}/{figure}": metric(
            value,
            ci=intervals.get(f"{trial}/{figure}"),
            n=len(ground.train if figure == "train_loss" else ground.held_out),
        )
        for trial, found in ground.trials.items()
        for figure, value in found.items()
        if isinstance(value, float)
    }
    figures |= runner_up(scores, subjects)
    record = make_record(
        protocol,
        method,
        dataset=bench.dataset,
        embedder=bench.judges[0].embedder,
        seed=options.seed,
        config={
            "protocol": asdict(protocol),
            "trials": {
                trial: {key: found[key] for key in ("options", "status", "message")}
                for trial, found in ground.trials.items()
            },
            "images": {"train": len(ground.train), "held_out": len(ground.held_out)},
        },
        metrics=figures,
        cost={"seconds": protocol.executions * seconds},
    )
    held_out = {"held_out_index": ground.held_out.astype("int32")}
    print(record.write(options.records, held_out | scores))


def run_all(options: Options) -> None:
    """Run every search, and write the table."""
    options = rehearsed(options, rehearsal)
    bench = inversion.set_up(inversion.attacked_alone(options))
    for name in options.searches:
        run_one(name, options, bench)
    write_search(options.records, options.tables, dataset=options.dataset)


if __name__ == "__main__":
    main(Options, run_all)
