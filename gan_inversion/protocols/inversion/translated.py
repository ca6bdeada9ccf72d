"""What judges would accept without any image: vectors that were translated from embeddings."""

from gan_inversion.core.folders import Folders
from gan_inversion.core.record import resolved
from gan_inversion.inverters.families import MethodSpec
from gan_inversion.metrics.attack import rejected
from gan_inversion.metrics.figures import figures
from gan_inversion.protocols.inversion.bench import Bench
from gan_inversion.protocols.inversion.examination import Examination, attack_judge, conditions
from gan_inversion.protocols.inversion.prepared import declared, entry_of, prepare


def run_translated(spec: MethodSpec, seed: int, *, folders: Folders, bench: Bench) -> None:
    """Record which translated vectors each judge accepts; nothing is trained but linear maps.

    The victim sees its own embeddings: its figures are those of the real images.
    """
    prepared = prepare(spec, bench, seed=seed)
    inverter, victim = prepared.inverter, bench.victim
    if inverter is None or not inverter.gives_vectors:
        raise NotImplementedError(f"{spec.name} gives images")
    examination = Examination(scores={"test_index": bench.split.test.astype("int32")})
    templates = bench.templates
    for judge in bench.judges:
        vectors = templates[bench.split.test]
        if judge is not victim:
            known = prepared.chosen[~rejected(judge.embeddings[prepared.chosen])]
            vectors = inverter.translate(templates[known], judge.embeddings[known], vectors)
        with examination.part(judge.recogniser.name):
            attack_judge(examination, judge, vectors, bench)
    examination.metrics |= figures(examination.scores, conditions(bench))
    record = entry_of(prepared.spec, seed, folders, bench).record(
        knowledge=inverter.knowledge,
        config={**prepared.config, **declared(bench)},
        metrics=examination.metrics,
        reported={},
        cost={"examination_seconds": {n: round(s, 1) for n, s in examination.seconds.items()}},
    )
    path = record.write(folders.records, examination.scores)
    shown = [n for n in resolved(examination.metrics) if n.endswith("sar_type2@fmr=1e-3")]
    parts = ", ".join(f"{n.split('/')[0]} {examination.metrics[n].value:.3f}" for n in shown)
    print(f"{path}: type-II success at FMR 0.1 %: {parts}")
