"""The benchmark on one page: tables, findings, curves, the ledger, faces and who is at risk."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Expected, Record, Selection
from gan_inversion.core.storage import write_text
from gan_inversion.data.decode import read_image
from gan_inversion.metrics.intervals import bootstrap_mean
from gan_inversion.protocols import Faces, read_split
from gan_inversion.reporting import charts, tables
from gan_inversion.reporting.audited import CURVES, LEAKS, base_method, epochs_of, plural
from gan_inversion.reporting.balance import balance, balance_chart, place_of, price
from gan_inversion.reporting.check import check_quickly
from gan_inversion.reporting.glance import glance
from gan_inversion.reporting.inversion import headline
from gan_inversion.reporting.membership import overviews
from gan_inversion.reporting.page import (
    FaceRow,
    Section,
    drawing,
    faces_table,
    findings,
    page,
    picture,
    point,
    text,
)
from gan_inversion.reporting.summary import Pairs, audits_of, brief, compared, sentences
from gan_inversion.reporting.transfer import by_victim, heat_maps, read_victims, transfer

GROUPS = ((1, 1), (2, 5), (6, 20), (21, 10_000))  # images of a subject
TERCILES = ("low", "middle", "high")
FEWEST = 10  # images that a slice must have


def files_of(pairs: Pairs) -> list[str]:
    """Names of the records."""
    return [r.path(Path()).with_suffix("").as_posix() for r, _ in pairs]


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
    return Section("Similarity", parts, folded=True)


def matrix_section(records: Path, chosen: Selection, expected: Expected) -> list[Section]:
    """The transfer matrix, with a heat map for each method that attacks several victims."""
    victims = read_victims(records, chosen)
    if len(victims) < 2:
        return []
    methods, parts = by_victim(victims), [transfer(victims, expected.transfer).html()]
    for method, chart in heat_maps(victims).items():
        caption = f"{method}: type-II SAR at FMR 0.1 %, every victim before every judge"
        made: Pairs = [(record, {}) for group in methods[method].values() for record in group]
        parts.append(drawing(caption, charts.svg(chart), files_of(made)))
    return [Section("Every victim, every judge", parts, folded=True)]


def leak_section(leaks: Pairs) -> list[Section]:
    """What reconstruction gains against what it gives away, and how well members are found."""
    parts = []
    records = [record for record, _ in leaks]
    if points := balance(records):
        caption = "What reconstruction gains against what it gives away of whom it was trained on"
        drawn = [pair for pair in leaks if place_of(pair[0]) in points]
        parts.append(drawing(caption, charts.svg(balance_chart(records)), files_of(drawn)))
        parts.append(text(price(records)))
    curves, least, used = {}, 1.0, []
    for record, arrays in (audits[-1] for audits in audits_of(leaks).values()):
        name = f"image/{LEAKS[1]}/log_mse/roc"
        if name in arrays:
            inside = arrays["image/membership"].astype(bool)
            curves[_label(record)] = charts.with_band(arrays[name], int(inside.sum()))
            least = min(least, 10 / int((~inside).sum()))
            used.append((record, arrays))
    if curves:
        caption = (
            "How well members are found by their pixel error alone (offline LiRA); above, all "
            "signals are used, which finds more"
        )
        parts.append(drawing(caption, charts.roc(curves, least=least), files_of(used)))
    return [Section("Gain and leak", parts)] if parts else []


def _label(record: Record) -> str:
    return f"{base_method(record)}, {epochs_of([record])} epochs"


def ledger_sections(leaks: Pairs, expected: Expected) -> list[Section]:
    """The ledger, then ROC curves and histograms of losses of every audit."""
    if not leaks:
        return []
    parts = []
    for record, arrays in leaks:
        label = _label(record)
        for unit in record.config["units"]:
            inside = arrays[f"{unit}/membership"].astype(bool)
            members, others = int(inside.sum()), int((~inside).sum())
            curves = {
                attack: charts.with_band(arrays[f"{unit}/{attack}/log_mse/roc"], members)
                for attack in CURVES
                if f"{unit}/{attack}/log_mse/roc" in arrays
            }
            if curves:
                chart = charts.roc(curves, least=10 / others)
                caption = f"Membership of {plural(unit)}: {label}, from the loss"
                parts.append(drawing(caption, chart, files_of([(record, arrays)])))
        if "image/log_mse" in arrays:
            inside = arrays["image/membership"].astype(bool)
            losses = {"members": -arrays["image/log_mse"][inside]}
            losses["others"] = -arrays["image/log_mse"][~inside]
            chart = charts.histogram(losses, "logarithm of the squared error")
            parts.append(drawing(f"Losses: {label}", chart, files_of([(record, arrays)])))
    records = [record for record, _ in leaks]
    ledger = [table.html() for table in overviews(records, expected.membership)]
    return [
        Section("The leakage ledger", ledger, folded=True),
        Section("What each inverter remembers", parts, folded=True),
    ]


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
    parts = [
        text(
            "How alike the recogniser finds a reconstruction and the photograph whose embedding "
            "was inverted (1: the same), for kinds of photographs. `brightness` is that of the "
            "photograph and `pose` how far the head is turned, each in thirds. Where intervals "
            "overlap, no difference is shown."
        )
    ]
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
    return Section("Does it depend on the photograph?", parts, folded=True)


def face_section(runs: Path, inversions: Pairs) -> Section | None:
    """Strips of faces from the folders of the runs, worst first; None if there are none."""
    parts = []
    for record, arrays in compared(inversions):
        folder = runs / "inversion" / record.path(runs).stem
        for kind in ("worst", "median", "random"):
            strip = folder / "strips" / f"{kind}-000.png"
            if strip.exists():
                faces = read_image(strip, str(strip))
                caption = f"{record.method}: {kind}, originals above"
                shown = picture(faces, caption)
                parts.append(drawing(caption, shown, files_of([(record, arrays)])))
    return Section("Faces", parts) if parts else None


def drawn_section(rows: Sequence[FaceRow]) -> Section:
    """Drawn faces, which may be published, above their reconstructions."""
    caption = (
        "Above people whom a program drew, below what the shipped conditional GAN makes of their "
        "embeddings, and what their recogniser says of it (accepted: as the person). The figures "
        "of this page are of photographs, which are not shown here."
    )
    return Section("Faces", [drawing(caption, faces_table(rows), ["cgan_drawn, which is shipped"])])


def image_files(results: Path, record: Record) -> list[str]:
    """Names of all images of the data set, from the split that a record was made on."""
    path = results / "splits" / f"{record.dataset}-{record.config['split']}.csv"
    return list(read_split(path))


def write_report(
    results: Path,
    chosen: Selection,
    output: Path,
    *,
    runs: Path | None,
    drawn: Callable[[], Sequence[FaceRow]],
    expected: Expected,
) -> None:
    """Write the report as one HTML page, from records.

    Args:
        results: folder that holds records and splits.
        chosen: which records.
        output: HTML file to write.
        runs: folder of the runs whose strips are shown; None to show drawn faces.
        drawn: function that returns rows of drawn faces.
        expected: what notes list if there is no record of it.
    """

    def read(protocol: str) -> Pairs:
        return tables.read_with_scores(results / "records", protocol, chosen)

    inversions, leaks = read("inversion"), read("membership")
    if not inversions:
        where = results / "records" / "inversion"
        raise UserError(f"expected records of {chosen.dataset} in {where}, found none")
    checked = check_quickly(results / "records", chosen)
    records = [record for record, _ in inversions]
    table = headline(records, expected=expected.inversion).html()
    lines = sentences(inversions, leaks, read("documented"))
    strips = face_section(runs, inversions) if runs is not None else None
    intro = text(
        "Face-recognition systems store embeddings instead of photographs: some hundred numbers, "
        "which a recogniser, a neural network, computes from a face. (facenet, dlib and sface are "
        "recognisers.) This page shows what an embedding gives away, and what inverters, the "
        "programs that turn embeddings back into faces, remember of the people they were trained "
        "on. Names in brackets are those of inverters in the tables. Below each chart stand the "
        "records that it was drawn from; the figures of this screen are those of "
        "[Every inverter](#every-inverter) and [The leakage ledger](#the-leakage-ledger)."
    )
    files = image_files(results, inversions[0][0])
    people = len({files[index].split("/")[0] for index in inversions[0][1]["test_index"]})
    answers = [point(*part) for part in brief(inversions, leaks, people)]
    sections = [
        Section("In short", [intro, *answers, glance(records).html()]),
        strips or drawn_section(drawn()),
        *leak_section(leaks),
        Section("Every inverter", [table, findings(lines), text(checked)], folded=True),
        attack_section(inversions, read("verification")),
        *matrix_section(results / "records", chosen, expected),
        *ledger_sections(leaks, expected),
        slice_section(inversions, read(Faces().name), files),
    ]
    write_text(output, page("What face embeddings give away", sections))
    print(f"{output} written")
