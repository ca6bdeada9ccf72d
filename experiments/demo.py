"""The whole framework in two minutes, on drawn faces: what an embedding gives away, on one page."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from baselines.farm import train_together
from experiments import inversion
from experiments.common import main
from experiments.examination import Bench, Judge
from experiments.invert import verdict
from experiments.methods import open_trained, reconstruct
from experiments.thresholds import thresholds_of
from gan_inversion.cgan import train_in_turn
from gan_inversion.config import PRESETS
from gan_inversion.data import Subset, Synthetic
from gan_inversion.embedders import Compact
from gan_inversion.evaluation.attack import attack
from gan_inversion.evaluation.figures import success
from gan_inversion.evaluation.leak import Leak, leak
from gan_inversion.evaluation.membership import ATTACKS, every_target
from gan_inversion.evaluation.reconstruction import mse
from gan_inversion.events import Events
from gan_inversion.inverter import Inverter
from gan_inversion.pretrained import SHIPPED
from gan_inversion.progress import progress
from gan_inversion.protocols import Inversion, Membership
from gan_inversion.record import Metric, at
from gan_inversion.reports.page import Section, page, png, text
from gan_inversion.storage import write_text

FMR = 1e-3  # false match rate at which a face is accepted
SHOWN = 8  # people on the page
MODELS, MEMBERS, EPOCHS = 6, 100, 10  # of the membership study
DECODER, GAN = "documented_dense", "cgan_demo"
NAMES = {
    DECODER: "the decoder of a 2023 thesis, trained here",
    GAN: "a conditional GAN, trained here",
    "shipped": "the conditional GAN that is shipped, trained longer on more faces",
}


@dataclass(frozen=True)
class Options:
    """Train both families on drawn faces, judge what they reconstruct, and audit what they leak.

    Cost: two to three minutes on two CPU cores. Nothing is downloaded.
    """

    runs: Path = Path("runs/demo")
    """Folder for the page, the trained inverters, logs and TensorBoard events."""

    seed: int = 0
    """Seed of weights, order and halves."""


def open_bench() -> Bench:
    """Drawn people whom neither the shipped recogniser nor the shipped generator was trained on."""
    protocol, faces = Inversion(), Synthetic(1000, 2, first=20_000)
    images = faces.view(protocol.view, resample=protocol.resample)
    recogniser = Compact()
    embeddings = recogniser.embed(np.asarray(images))
    split = protocol.split(faces.files, embeddings)
    thresholds = thresholds_of(
        recogniser,
        faces,
        embeddings,
        protocol=protocol,
        part=split.validation,
        split_hash=split.hash,
    )
    judge = Judge(recogniser, embeddings, thresholds)
    return Bench(protocol, faces, images, split, [judge], split.test)


def trained(options: Options, bench: Bench) -> dict[str, Inverter]:
    """Both families, trained or trained before, and the shipped generator."""
    settings = inversion.Options(
        dataset="synthetic", embedder="compact", judges=(), runs=options.runs, epochs=EPOCHS
    )
    found: dict[str, Inverter] = {}
    for method in (DECODER, GAN):
        prepared = inversion.prepare(method, options=settings, bench=bench, seed=options.seed)
        with inversion.open_run(
            method, options.seed, prepared, options=settings, bench=bench
        ) as run:
            found[method], *_ = inversion.trained(
                method, options.seed, prepared, run=run, bench=bench
            )
    return found | {"shipped": open_trained(SHIPPED).inverter}


@dataclass(frozen=True)
class Judged:
    """Reconstructions of all test images by one inverter.

    Attributes:
        pictures: uint8 (N, 160, 160, 3).
        cosines: float32 (N,), to the inverted embedding.
        same: share accepted as the very picture, with its interval.
        other: share accepted as another picture of the person, by subject, with its interval.
    """

    pictures: np.ndarray
    cosines: np.ndarray
    same: Metric
    other: Metric


def judge(inverter: Inverter, bench: Bench) -> Judged:
    """Reconstruct all test images and show them to the recogniser."""
    judge, subjects = bench.judges[0], bench.subjects
    originals = judge.embeddings[bench.split.test]
    pictures, _ = reconstruct(inverter, originals)
    outcome = attack(judge.embedder.embed(pictures), originals, subjects)
    threshold, name = judge.accepts_from[FMR], judge.embedder.name
    least = {FMR: np.inf if threshold is None else threshold}
    rates = success(name, outcome.type1, outcome.type2, subjects, least)
    same, other = (rates[at(f"{name}/sar_type{kind}", fmr=FMR)] for kind in (1, 2))
    return Judged(pictures, outcome.type1, same, other)


def remembered(options: Options, bench: Bench) -> dict[str, Leak]:
    """What membership attacks tell of small models of both families, every one in turn audited."""
    protocol, attacked = Membership(models=MODELS), bench.judges[0]
    candidates = bench.split.train
    pool = protocol.pool(
        "image",
        bench.dataset.subjects[candidates],
        attacked.embeddings[candidates],
        size=MEMBERS,
        seed=options.seed,
    )
    chosen = candidates[pool.trained]
    embeddings, images = attacked.embeddings[chosen], Subset(bench.images, chosen)
    originals = images[:].astype("float32") / 255
    seeds = range(MODELS)

    def audited(inverters: Iterable[Inverter]) -> Leak:
        signals = [
            -np.log(mse(originals, np.asarray(inverter.invert(embeddings), "float32")))
            for inverter in progress(inverters, total=MODELS, desc="shadow models", unit="model")
        ]
        scores = every_target(
            ATTACKS["lira_offline_fixed"], np.stack(signals, axis=1), pool.membership
        )
        return leak(scores, pool.membership, bench.dataset.subjects[chosen], seed=options.seed)

    *_, (decoders, _) = train_together(
        "dense",
        embeddings,
        images,
        pool.membership,
        seeds=seeds,
        targets="corrected",
        epochs=EPOCHS,
    )
    small = replace(PRESETS["demo"], alone=0, steps=40, interval=40, ramp=20, batch_size=8)
    small = replace(small, corrections=0)
    gans = train_in_turn(
        small,
        embeddings,
        images,
        pool.membership,
        seeds=seeds,
        recogniser=attacked.embedder,  # type: ignore[arg-type]
    )
    return {
        DECODER: audited(shadow.inverter() for shadow in decoders),
        GAN: audited(gans),
    }


def table_of_faces(judged: dict[str, Judged], bench: Bench) -> str:
    """Photographs above, each family's reconstructions below, each with its verdict."""
    threshold = bench.judges[0].thresholds[FMR].threshold
    subjects = bench.subjects
    _, first = np.unique(subjects, return_index=True)
    chosen = np.sort(first)[:: max(1, len(first) // SHOWN)][:SHOWN]
    rows = [_row("the person", bench.originals[chosen], ["the original"] * len(chosen))]
    for name, found in judged.items():
        said = [verdict(float(found.cosines[place]), threshold)[0] for place in chosen]
        rows.append(_row(NAMES[name], found.pictures[chosen], said))
    return f"<div class='wide'><table class='faces'>{''.join(rows)}</table></div>"


def _row(name: str, pictures: np.ndarray, said: Sequence[str]) -> str:
    cells = []
    for picture, words in zip(np.asarray(pictures), said, strict=True):
        data = BytesIO()
        Image.fromarray(picture).save(data, "PNG")
        cells.append(f"<td>{png(data.getvalue(), f'{name}: {words}')}<br>{escape(words)}</td>")
    return f"<tr><th>{escape(name)}</th>{''.join(cells)}</tr>"


def numbers(judged: dict[str, Judged], leaks: dict[str, Leak], bench: Bench) -> list[str]:
    """Five figures in plain words."""
    count = len(bench.split.test)
    said = []
    for name, found in judged.items():
        same, other = found.same, found.other
        said.append(
            f"Of {count} embeddings of people it never saw, {NAMES[name]}, turns "
            f"{_share(same)} into a face that the recogniser "
            f"accepts as the person, and {_share(other)} "
            "into one that it also accepts beside another picture of the person."
        )
    for name, told in leaks.items():
        family = "decoder" if name == DECODER else "conditional GAN"
        said.append(
            f"Whom a small {family} remembers: an attacker who trains {MODELS - 1} others like it "
            f"tells a face that it was trained on from one that it was not in {told.auc[0]:.0%} "
            f"({told.auc[1][0]:.0%} to {told.auc[1][1]:.0%}) of all pairs; guessing gives 50%."
        )
    return said


def _share(rate: Metric) -> str:
    """A rate in per cent, with its interval."""
    low, high = rate.ci or (0.0, 1.0)
    return f"{rate.value:.0%} ({low:.0%} to {high:.0%})"


def write_events(folder: Path, judged: dict[str, Judged], leaks: dict[str, Leak]) -> None:
    """The same figures for TensorBoard, beside the logs of the trainings."""
    for name, found in judged.items():
        with Events(folder / name) as writer:
            writer.add_scalar("accepted/same_picture", found.same.value, 0)
            writer.add_scalar("accepted/other_picture", found.other.value, 0)
            writer.add_histogram("cosine", found.cosines, 0, bins="auto")
            if name in leaks:
                writer.add_scalar("leak/auc", leaks[name].auc[0], 0)


def run_all(options: Options) -> None:
    """Train, judge, audit, and write the page."""
    bench = open_bench()
    judged = {name: judge(inverter, bench) for name, inverter in trained(options, bench).items()}
    leaks = remembered(options, bench)
    threshold = bench.judges[0].thresholds[FMR].threshold
    said = numbers(judged, leaks, bench)
    write_events(options.runs / "figures", judged, leaks)
    target = options.runs / "demo.html"
    command = f"{Path(sys.executable)} -m tensorboard.main --logdir {options.runs}"
    sections = [
        Section(
            "Faces from embeddings",
            [
                text(
                    "A face-recognition system stores an embedding of each face, here 512 numbers, "
                    "and not the picture. Below are people whom nobody trained on; from their "
                    "embeddings alone three inverters drew the faces under them. Accepted means: "
                    "the recogniser finds the drawn face at least as similar to the person as the "
                    f"threshold {threshold or 0:.2f}, which one pair of strangers in a thousand "
                    "reaches."
                ),
                table_of_faces(judged, bench),
            ],
        ),
        Section(
            "In five numbers", [f"<ol>{''.join(f'<li>{escape(line)}</li>' for line in said)}</ol>"]
        ),
        Section(
            "What next",
            [
                text(
                    "These faces are drawn by a program, so that they may be shown; the recogniser "
                    "is a small one that knows such faces only. README.md says how to do the same "
                    "with photographs and with FaceNet."
                ),
                f"<p>The trainings in TensorBoard: <code>{escape(command)}</code></p>",
            ],
        ),
    ]
    write_text(target, page("What a face embedding gives away, on drawn faces", sections))
    for place, line in enumerate(said, 1):
        print(f"{place}. {line}")
    print(f"\nTensorBoard: {command}")
    print(f"The page: {target.resolve().as_uri()}")


if __name__ == "__main__":
    main(Options, run_all)
