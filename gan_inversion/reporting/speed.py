"""Tables of the `speed` protocol: how fast embedding, training and auditing are on a machine."""

from collections.abc import Sequence

from gan_inversion.core.errors import UserError
from gan_inversion.core.record import Record
from gan_inversion.reporting.table import Row, Table, cell, check_same, footer

WAYS = {"keras": "Keras' fit", "alone": "alone", "together": "together"}


def embedding_speed(records: Sequence[Record]) -> Table:
    """Images per second of one recogniser: ours, others, the ceiling; a record for each machine."""
    check_same(records, "protocol_hash", "data_digest", "victim_digest")
    rows: list[Row] = []
    ceilings = []
    for record in records:
        metrics, device = record.metrics, record.env["device"]
        precision, work = record.config["precision"], record.config["gflop_per_image"]
        for way in (name.split("/")[0] for name in metrics if name.endswith("/images_per_second")):
            rate = cell([record], f"{way}/images_per_second", form=".1f")
            speedup = cell([record], f"{way}/speedup", form=".1f")
            label = f"ours, {precision}" if way == "ours" else way.replace("ours_", "ours, ")
            rows.append([device, label.replace("mixed_", ""), rate, speedup])
        product = metrics["matmul/gflop_per_second"].value
        if product is None:
            raise UserError("the speed table needs the rate of a matrix product")
        ceilings.append(
            f"{device}: the fastest float32 matrix product reached {product:.0f} GFLOP/s in the "
            f"same run. An image takes {work:.2f} GFLOP, so that no way to compute in float32 can "
            f"exceed {product / work:.0f} images/s."
        )
    caption = (
        "Images per second of FaceNet's forward pass: by this package (ours), with a call for each "
        "image as the thesis made it (documented), and by another package (facenet_pytorch)."
    )
    header = ["machine", "way", "images/s", "ours is faster by a factor of"]
    sources = footer(records, "embedding_speed", brackets="the slowest and the fastest turn")
    return Table("speed", caption, header, rows, [*ceilings, sources])


def training_speed(records: Sequence[Record]) -> Table:
    """Images per second of the conditional GAN's step; a record for each machine and method."""
    check_same(records, "protocol_hash", "data_digest")
    rows: list[Row] = []
    for record in records:
        rate = cell([record], "step/images_per_second", form=".1f")
        share = cell([record], "step/share_of_matmul", form=".2f")
        product = cell([record], "matmul/gflop_per_second", form=".0f")
        precision, work = record.config["precision"], record.config["gflop_per_image"]
        device = record.env["device"]
        rows.append([device, record.method, precision, rate, f"{work:.1f}", product, share])
    header = ["machine", "method", "precision", "images/s", "GFLOP an image"]
    header += ["GFLOP/s of a matrix product", "share of that rate"]
    caption = "Images per second of the conditional GAN's full training step."
    note = (
        "GFLOP are the operations of the step's convolutions and matrix products, counted in its "
        "traced graph. The matrix product that the step is compared with has the same precision, "
        "and was timed in the same run."
    )
    sources = footer(records, "training_speed", brackets="the slowest and the fastest turn")
    return Table("training_speed", caption, header, rows, [note, sources])


def shadow_speed(records: Sequence[Record]) -> Table:
    """Decoders trained per hour, together and one after another; a record for each decoder."""
    check_same(records, "protocol_hash", "data_digest")
    rows: list[Row] = []
    for record in records:
        rows.append(
            [
                record.env["device"],
                record.config["decoder"],
                *(cell([record], f"{way}/models_per_hour", form=".0f") for way in WAYS),
                *(cell([record], f"{way}/speedup", form=".2f") for way in ("keras", "alone")),
                cell([record], "together/loss_difference", form=".0e"),
            ]
        )
    header = ["machine", "decoder", *(f"models an hour, {way}" for way in WAYS.values())]
    header += ["times Keras' fit", "times alone", "difference of losses"]
    caption = "Shadow models of a decoder trained together, and one after another."
    config = records[0].config
    note = (
        f"Each model is trained on {config['protocol']['images']:,} images for {config['epochs']} "
        f"epochs; the rate follows from the time of one epoch of {config['models']} models. The "
        "time to compile is left out, although each model that is trained singly compiles again. "
        "`times` is the median over the turns, in each of which every way was timed once. "
        "Keras' fit is what the thesis called, here without the metric accuracy; alone is "
        "`DecoderInverter.fit`, compiled by XLA, with that metric. The last column is the largest "
        "relative difference between the losses of a model that is trained alone and together, in "
        "the last epoch; alone, dropout draws other masks."
    )
    sources = footer(records, "shadow_speed", brackets="the slowest and the fastest turn")
    return Table("shadow_speed", caption, header, rows, [note, sources])
