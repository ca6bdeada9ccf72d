"""The benchmark on one page: tables, findings, curves, the ledger, faces and who is at risk."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from gan_inversion.cgan.options import FAMILY
from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record, Selection, at
from gan_inversion.core.storage import write_text
from gan_inversion.metrics.intervals import bootstrap_mean, clopper_pearson
from gan_inversion.protocols import Faces, read_split
from gan_inversion.reporting import charts, tables
from gan_inversion.reporting.inversion import headline
from gan_inversion.reporting.membership import base_method, epochs_of, overviews, strongest
from gan_inversion.reporting.page import Section, drawing, findings, page, png, text

PLAIN = ("oracle", "random", "mean_face")  # controls that say nothing about an inverter
ATTACKS = ("threshold", "lira_offline_fixed", "rmia_offline")  # whose curves are drawn
GROUPS = ((1, 1), (2, 5), (6, 20), (21, 10_000))  # images of a subject
TERCILES = ("low", "middle", "high")
FEWEST = 10  # images that a slice must have

Pairs = Sequence[tuple[Record, Mapping[str, np.ndarray]]]


def files_of(pairs: Pairs) -> list[str]:
    """Names of the records."""
    return [f"{r.protocol}/{r.method}-{r.dataset}-s{r.seed}" for r, _ in pairs]


def compared(inversions: Pairs) -> Pairs:
    """Seed 0 of each family's best method by type-II success rate with the attacked recogniser.

    A chart with every inverter would be unreadable.
    """
    name = inversions[0][0].victim
    figure = at(f"{name}/sar_type2", fmr=1e-3)
    best: dict[str, tuple[Record, Mapping[str, np.ndarray]]] = {}
    for record, scores in inversions:
        family, sized = record.trained["family"], record.trained["training_images"] is not None
        if record.seed or sized or record.method in PLAIN or figure not in record.metrics:
            continue
        value = record.metrics[figure].value or 0
        leader = best.get(family)
        if leader is None or value > (leader[0].metrics[figure].value or 0):
            best[family] = (record, scores)
    return list(best.values())


def attack_section(inversions: Pairs, verifications: Pairs) -> Section:
    """Histograms of type-II scores of reconstructions, beside scores of real pairs."""
    parts = []
    for name in inversions[0][0].config["recognisers"]:
        scores: dict[str, np.ndarray] = {}
        used: list[tuple[Record, Mapping[str, np.ndarray]]] = []
        for record, arrays in verifications:
            if record.victim == name and record.method == f"{name}_aligned":
                genuine = arrays["genuine"].astype(bool)
                scores["real pairs, same person"] = arrays["scores"][genuine]
                scores["real pairs, others"] = arrays["scores"][~genuine]
                used.append((record, arrays))
        for record, arrays in compared(inversions):
            if f"{name}/type2" in arrays:
                scores[f"{record.method}, type-II"] = arrays[f"{name}/type2"]
                used.append((record, arrays))
        if scores:
            line = inversions[0][0].config["recognisers"][name]["thresholds"].get("0.001")
            chart = charts.histogram(scores, f"cosine, {name}", line)
            caption = f"Reconstructions against other images of the person, judged by {name}"
            parts.append(drawing(caption, chart, files_of(used)))
    return Section("Similarity", parts)


def leak_sections(leaks: Pairs) -> list[Section]:
    """The ledger with its chart, then ROC curves and histograms of losses."""
    parts = []
    for record, arrays in leaks:
        label = f"{base_method(record)}, {epochs_of([record])} epochs"
        for unit in record.config["units"]:
            inside = arrays[f"{unit}/membership"].astype(bool)
            members, others = int(inside.sum()), int((~inside).sum())
            curves = {
                attack: _with_band(arrays[f"{unit}/{attack}/log_mse/roc"], members)
                for attack in ATTACKS
                if f"{unit}/{attack}/log_mse/roc" in arrays
            }
            if curves:
                chart = charts.roc(curves, least=10 / others)
                caption = f"Membership of {unit}s: {label}, from the loss"
                parts.append(drawing(caption, chart, files_of([(record, arrays)])))
        if "image/log_mse" in arrays:
            inside = arrays["image/membership"].astype(bool)
            losses = {"members": -arrays["image/log_mse"][inside]}
            losses["others"] = -arrays["image/log_mse"][~inside]
            chart = charts.histogram(losses, "logarithm of the squared error")
            parts.append(drawing(f"Losses: {label}", chart, files_of([(record, arrays)])))
    sections = [Section("What an inverter remembers", parts)]
    ledger = [table.html() for table in overviews([record for record, _ in leaks])]
    if points := balance([record for record, _ in leaks]):
        leak_axis = "membership TPR at FPR 1 %, offline LiRA"
        chart = charts.pareto(points, "type-II SAR at FMR 0.1 %", leak_axis, "epochs")
        caption = "What reconstruction gains against what it gives away of whom it was trained on"
        drawn = [pair for pair in leaks if place_of(pair[0]) in points]
        ledger.insert(0, drawing(caption, chart, files_of(drawn)))
    return [Section("The leakage ledger", ledger), *sections]


def balance(leaks: Iterable[Record]) -> dict[tuple[str, int], tuple[float, float]]:
    """What inverters gain and give away: type-II rate and membership TPR, by method and epochs."""
    points = {}
    for record in leaks:
        gain = record.metrics.get(at(f"{record.victim}/sar_type2", fmr=1e-3))
        leak = record.metrics.get(strongest(record, at("tpr", fpr=1e-2)))
        if gain and leak and gain.value is not None and leak.value is not None:
            points[place_of(record)] = gain.value, leak.value
    return points


def place_of(record: Record) -> tuple[str, int]:
    """Method and epochs of an audited inverter."""
    return base_method(record), epochs_of([record])


def _with_band(curve: np.ndarray, members: int) -> np.ndarray:
    """A curve (2, P) with the ends of the true positive rates' intervals, (4, P)."""
    ends = clopper_pearson(np.rint(curve[1] * members), members)
    return np.concatenate([curve, np.array(ends)])


def slice_section(inversions: Pairs, faces: Pairs, files: Sequence[str]) -> Section:
    """Type-I cosine by number of images of the subject, by brightness and by pose."""
    pairs = compared(inversions)
    name = inversions[0][0].victim
    index = pairs[0][1]["test_index"]
    subjects = np.array([file.split("/")[0] for file in files])
    names, counts = np.unique(subjects, return_counts=True)
    images = counts[np.searchsorted(names, subjects[index])]
    slices = {
        "images of the subject": [
            (f"{low}" if low == high else f"{low} to {high}" if high < 1000 else f"{low} or more",
             (images >= low) & (images <= high))
            for low, high in GROUPS
        ]
    }  # fmt: skip
    for kind in ("brightness", "pose") if faces else ():
        values = faces[0][1][kind][index]
        place = np.searchsorted(np.quantile(values, (1 / 3, 2 / 3)), values)
        slices[kind] = [(word, place == number) for number, word in enumerate(TERCILES)]
    parts = []
    for title, groups in slices.items():
        groups = [(word, chosen) for word, chosen in groups if chosen.sum() >= FEWEST]
        lines = {}
        for record, arrays in pairs:
            cosines, people = arrays[f"{name}/type1"], subjects[index]
            lines[record.method] = [
                (float(cosines[chosen].mean()), *bootstrap_mean(cosines[chosen], people[chosen]))
                for _, chosen in groups
            ]
        words = [f"{word}\n({chosen.sum():,})" for word, chosen in groups]
        caption = f"Type-I cosine by {title}; in brackets the images"
        parts.append(drawing(caption, charts.bars(words, lines), files_of([*pairs, *faces])))
    return Section("Who is at risk", parts)


def face_section(runs: Path, inversions: Pairs) -> Section | None:
    """Strips of faces from the folders of the runs, worst first; None if there are none."""
    parts = []
    for record, arrays in compared(inversions):
        folder = runs / "inversion" / record.path(runs).stem
        for kind in ("worst", "median", "random"):
            strip = folder / "strips" / f"{kind}-000.png"
            if strip.exists():
                data = BytesIO()
                Image.open(strip).convert("RGB").save(data, "PNG", optimize=True)
                caption = f"{record.method}: {kind}, originals above"
                picture = png(data.getvalue(), caption)
                parts.append(drawing(caption, picture, files_of([(record, arrays)])))
    return Section("Faces", parts) if parts else None


def drawn_section(strip: np.ndarray) -> Section:
    """Drawn faces, which may be published: uint8 (H, W, 3), originals above reconstructions."""
    data = BytesIO()
    Image.fromarray(strip).save(data, "PNG", optimize=True)
    caption = "Drawn people, and what the shipped conditional GAN makes of their embeddings"
    picture = drawing(caption, png(data.getvalue(), caption), ["cgan_drawn, which is shipped"])
    return Section("Faces", [picture])


def sentences(inversions: Pairs, leaks: Pairs, documented: Pairs) -> list[str]:
    """The findings, from the records alone."""
    lines = []
    # Only on the thesis' data: on other data there are no published figures to compare with.
    if any(r.method == "documented_conv_bn" and r.reported for r, _ in documented):
        lines.append(tables.finding([record for record, _ in documented]).strip())
    name = inversions[0][0].victim
    turned = []
    for record, _ in compared(inversions):
        first, second = (at(f"{name}/sar_type{kind}", fmr=1e-3) for kind in (1, 2))
        if record.trained["family"] in (FAMILY, "documented"):
            turned.append(
                f"{record.method} turns {_share(record, first)} into pictures that {name} accepts "
                f"as the very photograph, and {_share(record, second)} into pictures accepted as "
                "another photograph of the person"
            )
    if turned:
        lines.append(
            f"Of the embeddings of people it never saw, {'; '.join(turned)}; at a false match rate "
            "of 0.1 %."
        )
    if sentence := remembered([record for record, _ in leaks]):
        lines.append(sentence)
    return lines


def remembered(leaks: Sequence[Record]) -> str:
    """How much inverters give away of their members, and at what price in reconstruction."""
    pairs = ((place_of(record), record.metrics.get(strongest(record, "auc"))) for record in leaks)
    aucs = {place: auc.value for place, auc in pairs if auc and auc.value is not None}
    points = balance(leaks)
    if not points:
        return ""
    least, most = (
        f"{aucs[place]:.3f} ({_after(*place)})"
        for place in (min(aucs, key=aucs.__getitem__), max(aucs, key=aucs.__getitem__))
    )
    prices = [
        f"{_after(*place)}, {points[place][0]:.1%} accepted and {points[place][1]:.1%} found"
        for place in reversed(charts.front(points))
    ]
    return (
        "What an inverter shows of someone tells whether it was trained on him. The chance that an "
        "attacker with shadow models ranks an image of a member above another, 0.5 by guessing, "
        f"is from {least} to {most}. Pictures of strangers that are accepted as the person cost "
        "members, found at a false positive rate of 1 %. Not outdone in both: "
        f"{'; '.join(prices)}."
    )


def _after(method: str, epochs: int) -> str:
    return f"{method} after epoch {epochs}"


def _share(record: Record, name: str) -> str:
    """A rate in per cent."""
    value = record.metrics[name].value
    return "too few to count" if value is None else f"{value:.1%}"


def test_files(results: Path, record: Record) -> list[str]:
    """Names of all images of the data set, from the split that a record was made on."""
    path = results / "splits" / f"{record.dataset}-{record.config['split']}.csv"
    return list(read_split(path))


def write_report(
    results: Path,
    chosen: Selection,
    output: Path,
    *,
    runs: Path | None,
    drawn: Callable[[], np.ndarray],
    expected: Sequence[tuple[str, int]] = (),
) -> None:
    """Write the report as one HTML page, from records.

    Args:
        results: folder that holds records and splits.
        chosen: which records.
        output: HTML file to write.
        runs: folder of the runs whose strips are shown; None to show drawn faces.
        drawn: function that returns the strip of drawn faces, uint8 (H, W, 3).
        expected: methods and seeds that a note lists if they have no record.
    """

    def read(protocol: str) -> Pairs:
        return tables.read_with_scores(results / "records", protocol, chosen)

    inversions, leaks = read("inversion"), read("membership")
    if not inversions:
        where = results / "records" / "inversion"
        raise UserError(f"expected records of {chosen.dataset} in {where}, found none")
    records = [record for record, _ in inversions]
    table = headline(records, expected=expected).html()
    lines = sentences(inversions, leaks, read("documented"))
    strips = face_section(runs, inversions) if runs is not None else None
    intro = text(
        "Face-recognition systems store embeddings instead of photographs. This page shows what an "
        "embedding gives away, and what those who invert it remember of the people they were "
        "trained on. Every figure is computed from the run records named below it."
    )
    files = test_files(results, inversions[0][0])
    sections = [
        Section("In short", [intro, table]),
        Section("Findings", [findings(lines)]),
        strips or drawn_section(drawn()),
        attack_section(inversions, read("verification")),
        *(leak_sections(leaks) if leaks else ()),
        slice_section(inversions, read(Faces().name), files),
    ]
    write_text(output, page("What face embeddings give away", sections))
    print(f"{output} written")
