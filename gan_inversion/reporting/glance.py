"""What the README shows first: three findings, and a table of six rows."""

from collections.abc import Sequence
from importlib.metadata import metadata

from gan_inversion.cgan.options import FAMILY
from gan_inversion.core.record import Record, at
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting.balance import given_away
from gan_inversion.reporting.summary import attacked, in_full, judged_by_all, trainings
from gan_inversion.reporting.table import Table, by_method, mean_of

# Rows: words, families, knowledge. Of several methods that all independent judges were shown, the
# one that the victim accepts most often.
ROWS = (
    ("the photograph itself", ("oracle",), None),
    ("white box: a conditional GAN", (FAMILY,), "white_box"),
    ("black box: a recogniser of his own", (FAMILY, "adapter"), "black_box"),
    ("the best decoder of the 2023 thesis", ("documented",), None),
    ("the mean of all faces", ("mean_face",), None),
    ("a photograph of someone else", ("random",), None),
)


def findings(inversions: Sequence[Record], leaks: Sequence[Record]) -> list[str]:
    """What embeddings give away, to two attackers, and what inverters do."""
    return [line for line in (*attacked(inversions), given_away(leaks)) if line]


def glance(records: Sequence[Record]) -> Table:
    """How often each kind of image is accepted as another photograph of the person.

    Args:
        records: of the `inversion` protocol on one data set and victim.
    """
    groups = by_method([r for r in records if in_full(r)]).values()
    victim = records[0].victim
    shown = [at(f"{name}/sar_type2", fmr=1e-3) for name in (victim, *INDEPENDENT)]
    dataset = records[0].dataset.upper() if records[0].dataset == "lfw" else records[0].dataset
    ssim, second = (records[0].metrics.get(name) for name in ("ssim", shown[0]))
    sizes = [figure.n if figure else 0 for figure in (ssim, second)]
    rows, counts = [], {}
    for words, families, knowledge in ROWS:
        own: list[Sequence[Record]] = [
            group
            for group in groups
            if group[0].trained["family"] in families and knowledge in (None, group[0].knowledge)
        ]
        if own := judged_by_all(own):
            group = max(own, key=lambda group: mean_of(group, shown[0]) or 0)
            rates = [mean_of(group, figure) for figure in shown]
            likeness = mean_of(group, "ssim")
            counts[f"“{words}”"] = len(group)
            texts = ["not yet" if rate is None else f"{rate:.1%}" for rate in rates]
            rows.append([words, *texts, "" if likeness is None else f"{likeness:.2f}"])
    named = [f"{victim} (attacked)", *(f"{name} (independent)" for name in INDEPENDENT)]
    return Table(
        "glance",
        "How often a recogniser takes it for another photograph of the person. (It says the same "
        "of one in 1,000 pairs of strangers.)",
        ["what is shown", *named, "SSIM (1: the same pixels)"],
        rows,
        [
            f"Shares are means over {sizes[1]:,} people with two photographs or more, SSIM over "
            f"all {sizes[0]:,} photographs, of people on whom no inverter was trained ({dataset}). "
            "SSIM says how alike the pixels are, and little of whose face it is. "
            f"The recognisers were trained by others, and may know them. {trainings(counts)}"
        ],
    )


def badges(records: int) -> dict[str, str]:
    """Facts about the package as small pictures: name -> SVG.

    Args:
        records: number of published records.
    """
    package = metadata("gan_inversion")
    facts = {
        "python": package["Requires-Python"].removeprefix(">=") + " or newer",
        "licence": package["License-Expression"],
        "records": f"{records:,} published",
    }
    return {name: _badge(name, fact) for name, fact in facts.items()}


def _badge(name: str, fact: str) -> str:
    left, right = (round(6.6 * len(words) + 14) for words in (name, fact))
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{left + right}' height='20' role='img' "
        f"aria-label='{name}: {fact}'><rect width='{left + right}' height='20' rx='3' "
        f"fill='#555'/><rect x='{left}' width='{right}' height='20' rx='3' fill='#0b6e99'/>"
        "<g fill='#fff' font-family='Verdana,DejaVu Sans,sans-serif' font-size='11' "
        f"text-anchor='middle'><text x='{left / 2}' y='14'>{name}</text>"
        f"<text x='{left + right / 2}' y='14'>{fact}</text></g></svg>\n"
    )
