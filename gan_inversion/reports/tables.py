"""Markdown tables from run records; no figure in them comes from anywhere else."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev

from gan_inversion.errors import UserError
from gan_inversion.record import Record, at

ACCURACY = """\
What `accuracy` is here: given targets and outputs of one shape (N, 160, 160, 3), Keras resolves
"accuracy" to categorical accuracy over the last axis, the share of pixels whose largest colour
channel is the right one. It says nothing about the likeness of a face, and a constant image does
well on it. Losses are mean squared errors in the target range, so those of targets in [-1, 1] are
four times those of [0, 1] for the same picture; `_corrected` rows are trained and judged in [0, 1].
"""


def read_records(root: Path, protocol: str, *, dataset: str) -> list[Record]:
    """All records of a protocol on a dataset, sorted by file name.

    Raises:
        UserError: there are none.
    """
    paths = sorted((root / protocol).glob(f"*-{dataset}-s*.json"))
    records = [Record.read(path) for path in paths]
    if not records:
        raise UserError(f"expected records of {dataset} in {root / protocol}, found none")
    return records


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are figures."""
    lines = [header, [":--", *["--:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def documented(records: Sequence[Record]) -> str:
    """The documented protocol: measured, reported and their difference, one row a method."""
    _same(records, "protocol_hash", "data_digest", "embedder_digest")
    header = ["method", "seeds", "n", "train loss"]
    for figure in ("test loss", "test accuracy"):
        header += [figure, "95 % interval", "reported", "difference"]
    by_method: dict[str, list[Record]] = {}
    for record in records:
        by_method.setdefault(record.method, []).append(record)
    rows = []
    for method in sorted(by_method, key=lambda name: (name.endswith("_corrected"), name)):
        group = by_method[method]
        row = [method, str(len(group)), str(group[0].metrics["test_loss"].n)]
        row.append(_spread(group, "train_loss"))
        for name in ("test_loss", "test_accuracy"):
            row += [_spread(group, name), _interval(group, name)]
            reported = group[0].reported.get(name)
            if reported is None:
                row += ["", ""]
            else:
                row += [f"{reported:.4f}", f"{fmean(_values(group, name)) - reported:+.4f}"]
        rows.append(row)
    return markdown(header, rows) + "\n" + ACCURACY + "\n" + _footer(records, "documented")


def finding(records: Sequence[Record]) -> str:
    """What the reproduction of the thesis' third decoder shows, in three sentences."""
    _same(records, "protocol_hash", "data_digest", "embedder_digest")
    decoder = [record for record in records if record.method == "documented_conv_bn"]
    mean = [record for record in records if record.method == "mean_face"]
    if not decoder or not mean:
        raise UserError("the finding needs records of documented_conv_bn and mean_face")
    reported = decoder[0].reported
    won = [
        figure
        for figure, sign in (("loss", -1), ("accuracy", 1))
        if sign * fmean(_values(mean, f"test_{figure}"))
        > sign * fmean(_values(decoder, f"test_{figure}"))
    ]
    verdict = {
        2: "beats the decoder on both",
        1: f"beats the decoder on {''.join(won)} only",
        0: "beats the decoder on neither",
    }[len(won)]
    return (
        f"The thesis' third decoder, trained on LFW pixels scaled to [-1, 1] behind a sigmoid that "
        f"cannot go below 0, gives a test loss of {_spread(decoder, 'test_loss')} and an accuracy "
        f"of {_spread(decoder, 'test_accuracy')}, against the {reported['test_loss']:.4f} and "
        f"{reported['test_accuracy']:.4f} that the thesis reports. That `accuracy` is the share of "
        "pixels whose largest colour channel is right, which says nothing about the likeness of a "
        f"face. A constant picture, the mean of the training images, {verdict}: "
        f"loss {_spread(mean, 'test_loss')}, accuracy {_spread(mean, 'test_accuracy')}.\n"
    )


def replace_block(text: str, name: str, body: str) -> str:
    """`text` with what stands between `<!-- name -->` and `<!-- /name -->` replaced."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise UserError(f"expected a block between {start.strip()} and {end}, found none")
    return before + start + body + end + after


def verification(records: Sequence[Record]) -> str:
    """Recognisers on real pairs: accuracy, AUC, and what each threshold accepts."""
    _same(records, "protocol_hash", "data_digest")
    rates = (1e-2, 1e-3, 1e-4)
    header = ["recogniser, view, filter", "accuracy", "95 % interval", "AUC"]
    for rate in rates:
        header += [at("threshold", fmr=rate), "95 % interval", "TMR"]
    rows = []
    for record in records:
        label = f"{record.embedder}, {record.config['view']}, {record.config['resample']}"
        row = [label, _spread([record], "accuracy"), _interval([record], "accuracy")]
        row.append(_spread([record], "auc"))
        for rate in rates:
            threshold, tmr = at("threshold", fmr=rate), at("tmr", fmr=rate)
            row += [_spread([record], threshold), _interval([record], threshold)]
            row.append(_spread([record], tmr))
        rows.append(row)
    return markdown(header, rows) + "\n" + _footer(records, "verification")


def speed(records: Sequence[Record]) -> str:
    """Images per second of one recogniser: ours, others, and what the machine allows."""
    _same(records, "protocol_hash", "data_digest", "embedder_digest")
    if len(records) > 1:
        raise UserError(f"the speed table needs one record, got {len(records)}")
    metrics, work = records[0].metrics, records[0].config["gflop_per_image"]

    def figure(name: str) -> list[str]:
        found = metrics.get(name)
        if found is None or found.value is None or found.ci is None:
            return ["", ""]
        return [f"{found.value:.1f}", f"{found.ci[0]:.1f} to {found.ci[1]:.1f}"]

    ways = [name.split("/")[0] for name in metrics if name.endswith("/images_per_second")]
    header = ["way", "images/s", "slowest to fastest", "ours is faster", "least to most"]
    rows = [[way, *figure(f"{way}/images_per_second"), *figure(f"{way}/speedup")] for way in ways]
    rate, share = metrics["matmul/gflop_per_second"].value, metrics["ours/share_of_matmul"].value
    if rate is None or share is None:
        raise UserError("the speed table needs the rate of a matrix product")
    ceiling = (
        f"`ours` computes in {records[0].config['precision']}. A picture takes {work:.2f} GFLOP, "
        f"and the fastest float32 matrix product reached {rate:.0f} GFLOP/s on this machine in the "
        f"same run, enough for {rate / work:.0f} images/s; `ours` gets {100 * share:.0f} % of it.\n"
    )
    return markdown(header, rows) + "\n" + ceiling + "\n" + _footer(records, "embedding_speed")


def _same(records: Sequence[Record], *fields: str) -> None:
    for field in fields:
        values = sorted({getattr(record, field) for record in records})
        if len(values) > 1:
            raise UserError(
                f"a table needs records of one {field}, got {len(values)}: {', '.join(values)}"
            )


def _values(group: Sequence[Record], name: str) -> list[float]:
    """The figure in each record that has it resolved."""
    values = (record.metrics[name].value for record in group)
    return [value for value in values if value is not None]


def _spread(group: Sequence[Record], name: str) -> str:
    """Mean over seeds, with the standard deviation where there are several."""
    known = _values(group, name)
    if len(known) < len(group):
        return "n/a"
    mean = f"{fmean(known):.4f}"
    return f"{mean} ± {stdev(known):.4f}" if len(known) > 1 else mean


def _interval(group: Sequence[Record], name: str) -> str:
    """Interval of one seed; with several, the mean of their bounds."""
    bounds = [ci for record in group if (ci := record.metrics[name].ci) is not None]
    if not bounds:
        return ""
    return f"{fmean(low for low, _ in bounds):.4f} to {fmean(high for _, high in bounds):.4f}"


def _footer(records: Sequence[Record], command: str) -> str:
    first = records[0]
    commits = sorted({str(record.env["commit"])[:12] for record in records})
    devices = sorted({record.env["device"] for record in records})
    return (
        f"Protocol `{first.protocol}` {first.protocol_hash}; data {first.dataset} "
        f"{first.data_digest[:12]}; ± is the standard deviation over seeds; commit "
        f"{', '.join(commits)}; on {', '.join(devices)}; made by "
        f"`python -m experiments.{command}`.\n"
    )
