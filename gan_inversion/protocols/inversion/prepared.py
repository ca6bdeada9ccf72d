"""An inverter before its training, and what its run and record declare."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.run import Preview, Run
from gan_inversion.core.seeding import stream
from gan_inversion.inverters.base import Inverter
from gan_inversion.inverters.families import MethodSpec
from gan_inversion.inverters.own import Own
from gan_inversion.protocols.inversion.again import run_folder
from gan_inversion.protocols.inversion.bench import Bench
from gan_inversion.protocols.records import Entry


@dataclass(frozen=True)
class Prepared:
    """An inverter before its training, and the images that it is trained on.

    Attributes:
        spec: the method, as plain data.
        inverter: not fitted yet; None where reconstructions were made by another program.
        chosen: int (T,), indices of the images to train on.
        config: its options, for the run and the record.
    """

    spec: Mapping[str, Any]
    inverter: Inverter | None
    chosen: np.ndarray
    config: dict[str, Any]


def prepare(spec: MethodSpec, bench: Bench, *, seed: int = 0) -> Prepared:
    """The inverter of a spec, its training images, and what its run and record declare."""
    inverter = spec.make(recogniser=bench.victim.recogniser)
    chosen, size = bench.split.train, spec.training_images
    if inverter.is_given_answers:
        chosen = bench.split.test
    elif size is not None:
        if size > len(chosen):
            raise UserError(
                f"{spec.name}: expected at most {len(chosen)} training images, got {size}"
            )
        chosen = np.sort(stream(seed, "training size", size).permutation(chosen)[:size])
    own = spec.options
    source = {"source_digest": own.source_digest} if isinstance(own, Own) else {}
    config = {"training_images": len(chosen), **inverter.config, **source}
    return Prepared(spec.content, inverter, chosen, config)


def entry_of(spec: Mapping[str, Any], seed: int, folders: Folders, bench: Bench) -> Entry:
    """The record of a method, before anything is measured."""
    victim = bench.victim.recogniser
    return Entry(
        folders.records,
        bench.protocol,
        spec["name"],
        bench.dataset,
        victim,
        seed,
        spec,
        bench.part,
        bench.protection,
    )


def open_run(prepared: Prepared, seed: int, *, folders: Folders, bench: Bench) -> Run:
    """Open the folder of a run, with the options that determine what is trained."""
    attacked = bench.victim
    config = {
        "method": prepared.spec["name"],
        "family": prepared.spec["family"],
        **prepared.config,
        "protocol": asdict(bench.protocol),
        "data_digest": bench.dataset.digest,
        "split": bench.split.hash,
        "victim": {
            "name": attacked.recogniser.name,
            "digest": attacked.recogniser.digest,
            "precision": attacked.recogniser.precision,
        },
        "seed": seed,
    }
    preview = Preview(bench.templates[bench.split.test], bench.originals, seed)
    name, victim = prepared.spec["name"], attacked.recogniser.name
    folder = run_folder(name, seed, folders, bench.dataset.name, victim)
    return Run(folder, config, preview=preview)


def declared(bench: Bench) -> dict[str, Any]:
    """The options of the bench, for the `config` of the record."""
    return {
        "data_digest": bench.dataset.digest,
        "split": bench.split.hash,
        "images": {
            "train": len(bench.split.train),
            "validation": len(bench.split.validation),
            "test": len(bench.split.test),
        },
        "recognisers": {
            judge.recogniser.name: {
                "digest": judge.recogniser.digest,
                "precision": judge.recogniser.precision,
                "thresholds": {f"{fmr:g}": t.threshold for fmr, t in judge.thresholds.items()},
                "impostors": judge.impostors,
                **judge.recogniser.details,
            }
            for judge in bench.judges
        },
    }
