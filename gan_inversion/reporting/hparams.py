"""TensorBoard's HParams tab: every method and trial with its options and headline figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboardX.summary import hparams

from gan_inversion.core.events import Events
from gan_inversion.core.record import Record, at, resolved
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting.audited import strongest
from gan_inversion.reporting.comparison import knowledge_of
from gan_inversion.reporting.table import mean_of

FIGURES = {"ssim": "SSIM", "swd/mean": "SWD"}  # metric -> name of its column
LEAKED = {at("tpr", fpr=1e-2): "leak_TPR", "auc": "leak_AUC"}  # the same of the strongest attack
# Figures by the beginning of their names: TensorBoard ticks the first five columns.
ORDER = ("SAR_type-II_", "leak_TPR", "SSIM", "SWD", "leak_AUC", "SAR_type-I_")
FIRST = ("method", "knowledge")  # shown columns of options; others are hidden
HIDDEN = ("data_digest", "split")  # options that the HParams tab leaves out

Row = tuple[dict[str, Any], dict[str, float]]  # of the HParams tab: options, figures


def row_of(records: Sequence[Record], *, whole: bool = True) -> Row:
    """Options and headline figures of one method: means over its seeds.

    Args:
        records: of the `inversion` or the `membership` protocol, one a seed.
        whole: whether all options are given, or the first few alone.
    """
    figures = FIGURES | {strongest(records[0], name): column for name, column in LEAKED.items()}
    for name in (records[0].victim, *INDEPENDENT):
        for kind, word in ((1, "I"), (2, "II")):
            figures[at(f"{name}/sar_type{kind}", fmr=1e-3)] = f"SAR_type-{word}_{name}"
    means = {short: mean_of(records, metric) for metric, short in figures.items()}
    values = {short: mean for short, mean in means.items() if mean is not None}
    options = options_of(records[0]) | {"seeds": len(records)}
    return {name: options[name] for name in (options if whole else FIRST)}, values


def trials_of(record: Record) -> Iterator[tuple[str, Row]]:
    """Name, options and figures of each trial of a search."""
    for place, (trial, content) in enumerate(record.config["trials"].items()):
        own = {"trial": place, "status": content["status"].lower()}
        figures = {
            name.removeprefix(f"{trial}/"): metric
            for name, metric in record.metrics.items()
            if name.startswith(f"{trial}/")
        }
        options = options_of(record) | content["options"] | own
        yield f"{record.method}-s{record.seed}-{place}", (options, resolved(figures))


def write_row(writer: Events, row: Row) -> None:
    """Write a line of the table into the run that the writer writes."""
    options, figures = row
    plain = {name: _plain(value) for name, value in options.items()}
    writer.file_writer.add_summary(hparams(plain, {})[1])
    for short, value in figures.items():
        writer.add_scalar(f"headline/{short}", value)


def write_columns(writer: Events, rows: Sequence[Row]) -> None:
    """Declare the columns of all rows: TensorBoard takes them from one run that declares them."""
    options = {name: _plain(value) for given, _ in rows for name, value in given.items()}
    names = dict.fromkeys(name for _, figures in rows for name in figures)
    known = [name for first in ORDER for name in names if name.startswith(first)]
    tags = [f"headline/{name}" for name in dict.fromkeys([*known, *names])]
    writer.file_writer.add_summary(_columns(options, tags))


def _plain(value: Any) -> Any:
    """Whole numbers as text: the tab shows numbers with decimals."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _columns(options: Mapping[str, Any], tags: Iterable[str]) -> Any:
    """The message that declares the HParams tab's columns: options, each with a value, and tags."""
    kinds = {str: api_pb2.DATA_TYPE_STRING, bool: api_pb2.DATA_TYPE_BOOL}
    experiment = api_pb2.Experiment(
        hparam_infos=[
            api_pb2.HParamInfo(
                name=name,
                type=kinds.get(type(value), api_pb2.DATA_TYPE_FLOAT64),
                differs=name in FIRST,  # shown from the start; others must be ticked
            )
            for name, value in options.items()
        ],
        metric_infos=[api_pb2.MetricInfo(name=api_pb2.MetricName(tag=tag)) for tag in tags],
    )
    content = plugin_data_pb2.HParamsPluginData(experiment=experiment).SerializeToString()
    envelope = hparams({}, {})[0]  # tensorboardX has no field `differs`
    envelope.value[0].metadata.plugin_data.content = content
    return envelope


def options_of(record: Record) -> dict[str, Any]:
    """The plain options in a record's `config`, and its method, family and protocol."""
    config = {**record.config.get("inverter", {}), **record.config}
    plain = {
        name: value
        for name, value in config.items()
        if isinstance(value, bool | int | float | str) and name not in HIDDEN
    }
    own = {"method": record.method, "family": record.trained["family"]}
    return {**plain, **own, "protocol": record.protocol, "knowledge": knowledge_of(record)}
