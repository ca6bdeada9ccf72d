"""TensorBoard's HParams tab: every run and trial with its options and headline figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboardX.summary import hparams

from gan_inversion.core.events import Events
from gan_inversion.core.record import Record, at, resolved

HEADLINE = {
    "type1": at("sar_type1", fmr=1e-3),
    "type2": at("sar_type2", fmr=1e-3),
    "cosine": "cosine_mean",
}

FIRST = ("method", "family", "protocol", "knowledge", "seed")  # shown columns of the HParams tab
HIDDEN = ("data_digest", "split")  # options that the HParams tab leaves out


def hparams_events(
    folder: Path,
    inversions: Sequence[Record],
    leaks: Sequence[Record],
    searches: Sequence[Record],
) -> None:
    """Write every run and trial with its options and headline figures, which can be sorted.

    Args:
        folder: folder for all runs and trials.
        inversions: records of the `inversion` protocol.
        leaks: records of the `membership` protocol.
        searches: records of the `search` protocol, which hold several trials.
    """
    rows = [
        *map(_run, (*inversions, *leaks)),
        *(row for search_record in searches for row in _trials(search_record)),
    ]
    columns = {name: value for _, options, _ in rows for name, value in options.items()}
    headlines = dict.fromkeys(f"headline/{name}" for *_, figures in rows for name in figures)
    # TensorBoard takes its columns from one run that declares them: here one run declares all.
    with Events(folder) as writer:
        writer.file_writer.add_summary(_columns(columns, headlines))
    for name, options, figures in rows:
        with Events(folder / name) as writer:
            writer.file_writer.add_summary(hparams(options, {})[1])
            for short, value in figures.items():
                writer.add_scalar(f"headline/{short}", value)


Row = tuple[str, dict[str, Any], dict[str, float]]  # of the HParams tab: name, options, figures


def _run(record: Record) -> Row:
    figures = {}
    for name in dict.fromkeys(metric.split("/")[0] for metric in record.metrics):
        for short, figure in HEADLINE.items():
            figures[f"{name}_{short}"] = record.metrics.get(f"{name}/{figure}")
    figures |= {name: record.metrics.get(name) for name in ("ssim", "c2st_auc")}
    figures["swd"] = record.metrics.get("swd/mean")
    leak = "image/lira_offline_fixed/log_mse"
    figures["leak_auc"] = record.metrics.get(f"{leak}/auc")
    figures["leak_tpr"] = record.metrics.get(at(f"{leak}/tpr", fpr=1e-2))
    values = resolved(
        {name: figure_value for name, figure_value in figures.items() if figure_value is not None}
    )
    return f"{record.protocol}-{record.method}-s{record.seed}", options_of(record), values


def _trials(record: Record) -> Iterator[Row]:
    for place, (trial, content) in enumerate(record.config["trials"].items()):
        own = {"trial": place, "status": content["status"].lower()}
        figures = {
            name.removeprefix(f"{trial}/"): metric
            for name, metric in record.metrics.items()
            if name.startswith(f"{trial}/")
        }
        name = f"{record.protocol}-{record.method}-s{record.seed}-{place}"
        yield name, options_of(record) | content["options"] | own, resolved(figures)


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
    """The plain options in a record's `config`, and its method, family, seed and protocol."""
    config = {**record.config.get("inverter", {}), **record.config}
    plain = {
        name: value
        for name, value in config.items()
        if isinstance(value, bool | int | float | str) and name not in HIDDEN
    }
    own = {"method": record.method, "family": record.trained["family"], "seed": record.seed}
    return {**plain, **own, "protocol": record.protocol, "knowledge": record.knowledge or ""}
