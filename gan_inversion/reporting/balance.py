"""What audited inverters gain and give away: the sentences, and the chart."""

from collections.abc import Iterable, Sequence

from matplotlib.figure import Figure

from gan_inversion.core.record import Record, at
from gan_inversion.reporting import charts
from gan_inversion.reporting.audited import base_method, epochs_of, is_attack, strongest
from gan_inversion.reporting.table import interval_of

FPR = 1e-2  # false alarms at which a leak is told in words
TPR = at("tpr", fpr=FPR)
NOBODY = 1e-2  # type-II success rate below which an inverter reconstructs nobody


def balance(leaks: Iterable[Record]) -> dict[tuple[str, float], tuple[float, float]]:
    """What inverters gain and give away: type-II rate and membership TPR, by method and epochs."""
    points = {}
    for record in leaks:
        gain = record.metrics.get(at(f"{record.victim}/sar_type2", fmr=1e-3))
        leak = record.metrics.get(strongest(record, TPR))
        if gain and leak and gain.value is not None and leak.value is not None:
            points[place_of(record)] = gain.value, leak.value
    return points


def balance_chart(leaks: Sequence[Record], size: tuple[float, float] = charts.SIZE) -> Figure:
    """The chart of what `balance` returns, with intervals."""
    points, bounds = balance(leaks), {}
    for record in leaks:
        names = at(f"{record.victim}/sar_type2", fmr=1e-3), strongest(record, TPR)
        across, up = (record.metrics[n].ci if n in record.metrics else None for n in names)
        if place_of(record) in points and across and up:
            bounds[place_of(record)] = across, up
    labels = (
        "reconstructions accepted as another photograph\n(type-II SAR at FMR 0.1 %)",
        "training images that are found\n(TPR at FPR 1 %, LiRA on all signals)",
    )
    return charts.pareto(points, *labels, "epochs", size, bounds=bounds)


def place_of(record: Record) -> tuple[str, float]:
    """Method and epochs of an audited inverter."""
    return base_method(record), epochs_of([record])


def _after(method: str, epochs: float) -> str:
    return f"{method} {_long(epochs)}"


def _long(epochs: float) -> str:
    return f"after {epochs} epoch{'s' * (epochs != 1)}"


def _found(record: Record) -> bool:
    """Whether it is shown that members are found more often than by guessing."""
    figure = record.metrics.get(strongest(record, TPR))
    return bool(figure and figure.ci and figure.ci[0] > FPR)


def given_away(leaks: Sequence[Record]) -> str:
    """How many of the images that it was trained on an inverter gives away: least and most."""
    points = balance(leaks)
    if not points:
        return ""
    least, most = (choose(points, key=lambda place: points[place][1]) for choose in (min, max))
    hidden = [place_of(record) for record in leaks if not _found(record)]
    no_more = "; as far as can be shown, no more than guessing" if least in hidden else ""
    sentence = (
        "An inverter gives away whom it was trained on: an attacker who trains similar models "
        f"finds from {points[least][1]:.1%} ({_after(*least)}{no_more}) to "
        f"{points[most][1]:.1%} ({_after(*most)}) of its training photographs, where he takes one "
        "in 100 others for one of them by mistake."
    )
    best = {place_of(record): found_online(record) for record in leaks}
    place = max(points, key=lambda place: best[place] - points[place][1])
    if best[place] > points[place][1]:
        sentence += (
            " One who trains models on the photographs in question, too, may find more: "
            f"{best[place]:.1%} instead of {points[place][1]:.1%} of {_after(*place)}."
        )
    return sentence


def found_online(record: Record) -> float:
    """The largest share of members that an attack with shadows on both sides of an image finds."""
    rates = [
        metric.value
        for name, metric in record.metrics.items()
        if is_attack(name)
        and name.startswith("image/")
        and "online" in name.split("/")[1]
        and name.endswith(f"/{TPR}")
    ]
    return max((rate for rate in rates if rate is not None), default=0.0)


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
        f"is from {least} to {most}. No other inverter reconstructs more strangers than these and "
        f"gives away fewer members: {'; '.join(prices)} (accepted: reconstructions of strangers as "
        "the person; found: members, where 1 % of the others are taken for members)."
    )


def _members(record: Record) -> int:
    """Images that an audited inverter was trained on."""
    return max(record.config.get("members", {}).values(), default=0)


def _kind(record: Record) -> tuple[str, int, float]:
    """Family, images and epochs: audited inverters of one kind may be compared."""
    return record.trained["family"], _members(record), epochs_of([record])


def price(leaks: Sequence[Record]) -> str:
    """What the best inverter of each family costs the people whom it was trained on, in Markdown.

    Args:
        leaks: records of the `membership` protocol.
    """
    points = balance(leaks)
    best: dict[str, Record] = {}
    for record in leaks:
        family = str(record.trained["family"])
        place = place_of(record)
        if place in points and (
            family not in best or points[place][0] > points[place_of(best[family])][0]
        ):
            best[family] = record
    sentences = [
        "Here is, of each family, the audited inverter that reconstructs best, and what that costs "
        "the people on whose photographs it was trained."
    ]
    for record in best.values():
        gain, leak = points[place_of(record)]
        name, epochs = place_of(record)
        sentences.append(
            f"Of the faces that `{name}`, trained on {_members(record):,} images, makes of unseen "
            f"embeddings {_long(epochs)}, {gain:.1%} are accepted as another photograph of "
            "the person; "
            + (
                f"of the photographs it was trained on, {leak:.1%}"
                f"{interval_of([record], strongest(record, TPR))} are recognised as such, at a "
                "false-alarm rate of 1%."
                if _found(record)
                else "this attack does not show that it gives away more of the photographs it was "
                "trained on than guessing would."
            )
        )
        sentences += [
            f"Trained on as many images for as long, `{base_method(other)}` has "
            f"{others_gain:.1%} accepted and {others_leak:.1%} found."
            for other in leaks
            if other is not record and place_of(other) in points and _kind(other) == _kind(record)
            for others_gain, others_leak in [points[place_of(other)]]
        ]
        plain = name.replace("private_", "documented_", 1), epochs
        if plain != (name, epochs) and plain in points:
            without, leak = points[plain]
            neither = "; neither reconstructs anybody, so that privacy's price does not show"
            sentences.append(
                f"The same decoder without privacy has {without:.1%} accepted and {leak:.1%} "
                f"found{neither if max(gain, without) < NOBODY else ''}."
            )
    sentences.append(
        "The studies differ in images, signals and numbers of models, as the ledger says."
    )
    return " ".join(sentences)
