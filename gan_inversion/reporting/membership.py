"""The tables of the `membership` protocol: what an inverter remembers of whom it was trained on."""

from collections.abc import Collection, Mapping, Sequence
from itertools import product

from gan_inversion.core.record import Record, at
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.protocols.membership.audit import CONTRAST, LOSS, TOGETHER
from gan_inversion.reporting.audited import (
    LEAKS,
    UNITS,
    attacks_on,
    base_method,
    by_size,
    figure_title,
    is_attack,
    plural,
    strongest,
)
from gan_inversion.reporting.dynamics import dynamics, few, usage, within
from gan_inversion.reporting.table import (
    Cell,
    Row,
    Table,
    by_method,
    cell,
    check_same,
    footer,
    not_yet,
)

NOTE = """\
A larger score means that an image, or a subject, is more likely a member. Every model is in turn
the target model, and the others are its shadow models. Where every row of the signals is a member
of equally many models, one shadow model is left out for each, so that the number of those that
were trained on it does not depend on whether the target was; where members were drawn
independently, none is. The scores of all targets are pooled. The AUC is 0.5 by chance. Balanced
accuracy is that of the best threshold, which is chosen on these very scores. TPR is the true
positive rate at a false positive rate (FPR); it is n/a where fewer than 10 false positives would
decide it. Intervals resample subjects. Proven epsilon: no training that is differentially private
(delta 1e-5) with a smaller epsilon allows this success, at 95 % confidence. For it, the threshold
and the rates come from different subjects, and the targets are taken as independent.\
"""

EPSILONS = """\
The claimed epsilon is that of differential privacy (delta 1e-5, one image more or less) that the
training keeps. The proven epsilon is the least that the success of `lira` on images allows.\
"""
LEDGER = """\
Both halves of a row are about the same trained models, the first four of which reconstruct. SAR
says how often the victim accepts their reconstructions of people on whom no model was trained (FMR
0.1 %). AUC and TPR say how well an attacker finds the images that the models were trained on.
`threshold` is a threshold on the signal log_mse alone; `lira` is the offline attack LiRA with one
variance, on all signals of the study. These models had other training images, and often fewer and
for fewer epochs, than those of the same name in the tables of reconstruction.\
"""
CLAIMS = """\
The claimed epsilon is that of differential privacy (delta 1e-5, one image more or less). Each
proven epsilon is the least that the success of an attack allows, at 95 % confidence: from its rates
over all models, or from the guesses about one model (the median over the models), for any training
or for one whose privacy comes from Gaussian noise, as here. A claim below what is proven is false.
`threshold` looks at one model alone; `lira`, offline with one variance, at all.\
"""
CLAIMED = "epsilon"  # of differential privacy, in the options of an inverter
PROVEN = ("epsilon", "epsilon_one_run", "epsilon_one_run_gaussian")  # figures of an attack


def membership(records: Sequence[Record], expected: Collection[str] = ()) -> list[Table]:
    """The ledger, and a table for each unit with a row for each method, signal and attack.

    Args:
        records: of one protocol and dataset.
        expected: methods that a note below the ledger lists if they have no record.
    """
    check_same(records, "data_digest", "victim_digest")
    models = _models(records)
    groups = by_method(records)
    names = [name for record in records for name in record.metrics if is_attack(name)]
    lines = list(dict.fromkeys(tuple(name.split("/")[:3]) for name in names))
    figures = list(dict.fromkeys(name.split("/")[3] for name in names))
    notes = [*models, _footer(records)]
    tables = []
    for unit in dict.fromkeys(line[0] for line in lines):
        rows: list[Row] = []
        sizes: set[int] = set()
        for method, group in groups.items():
            for attack, signal in (line[1:] for line in lines if line[0] == unit):
                cells = [cell(group, f"{unit}/{attack}/{signal}/{name}") for name in figures]
                if any(cells):
                    rows.append([method, signal, attack, str(len(group)), *cells])
                    sizes |= {part.n or 0 for part in cells if isinstance(part, Cell)}
        size = (
            f"The largest row has {max(sizes, default=0):,} scores; the smallest has "
            f"{min(sizes, default=0):,} scores of non-members."
        )
        tables.append(
            Table(
                f"membership_{unit}",
                f"Membership of {plural(unit)}: what attacks tell from the signals of models.",
                ["method", "signal", "attack", "seeds", *map(figure_title, figures)],
                rows,
                [NOTE, size, *notes],
            )
        )
    return [*overviews(records, expected), *tables]


def _footer(records: Sequence[Record]) -> str:
    """Where the figures come from: our own models, or matrices that a user gave."""
    ours = all("members" in record.config for record in records)
    return footer(records, "shadows" if ours else "membership")


def _models(records: Sequence[Record]) -> list[str]:
    """A sentence if studies trained different numbers of models.

    Raises:
        UserError: they differ by another rule.
    """
    rules = [dict(record.config.get("protocol", {})) for record in records]
    counts = [rule.pop("models", None) for rule in rules]
    if any(rule != rules[0] for rule in rules):
        check_same(records, "protocol_hash")
    usual = max(set(counts), key=counts.count)
    others = {
        base_method(record): count
        for record, count in zip(records, counts, strict=True)
        if count != usual
    }
    named = ", ".join(f"{count} by {name}" for name, count in others.items())
    return [f"Studies trained {usual} models for each unit, but {named}."] if named else []


def overviews(records: Sequence[Record], expected: Collection[str] = ()) -> list[Table]:
    """Tables of the ledger, the dynamics and single subjects, if records have figures for them."""
    groups, notes = by_method(records), [*_models(records), _footer(records)]
    missing = not_yet([method for method in expected if method not in groups])
    views = (_claims, dynamics, few, usage, within)
    tables = [_ledger(groups, [*missing, *notes]), *(view(groups, notes) for view in views)]
    return [table for table in tables if table.rows]


def _ledger(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """What reconstruction gains beside what it gives away, a row for each method that has both."""
    rows: list[Row] = []
    studied: dict[tuple[str, ...], list[str]] = {}  # signals -> methods whose study had them
    header = ["method", "knowledge", "epochs", "members", "type-I SAR", "type-II SAR"]
    judges = [
        name
        for name in INDEPENDENT
        if any(name in record.config.get("judges", {}) for record, *_ in groups.values())
    ]
    header += [f"type-II SAR, {name}" for name in judges]
    shown = ("auc", at("tpr", fpr=1e-2))
    attacks = ("threshold, loss", "lira, all signals")
    header += [f"{attack}: {figure_title(figure)}" for attack in attacks for figure in shown]
    private = any(CLAIMED in group[0].config.get("inverter", {}) for group in groups.values())
    header += ["claimed epsilon", "proven epsilon"] if private else []
    for method in by_size(groups):
        group = groups[method]
        name, config = group[0].victim, group[0].config
        rates = [cell(group, at(f"{name}/sar_type{kind}", fmr=1e-3), form=".3f") for kind in (1, 2)]
        if any(rates):
            plain = [cell(group, f"image/{LEAKS[0]}/log_mse/{f}", form=".3f") for f in shown]
            strong = [cell(group, strongest(group[0], f), form=".3f") for f in shown]
            lead = [base_method(group[0]), group[0].knowledge or "", str(config["epochs"])]
            theirs = [cell(group, at(f"{j}/sar_type2", fmr=1e-3), form=".3f") for j in judges]
            row = [*lead, f"{config['members']['image']:,}", *rates, *theirs, *plain, *strong]
            studied.setdefault(tuple(config.get("signals", ())), []).append(lead[0])
            if private:
                claimed = config["inverter"].get(CLAIMED, "none")
                proven = cell(group, strongest(group[0], CLAIMED), form=".2f")
                row += [str(claimed), proven]
            rows.append(row)
    caption = "The leakage ledger: success of reconstruction beside success of membership attacks."
    remarks = [LEDGER, EPSILONS] if private else [LEDGER]
    if judges:
        remarks.append(
            f"{' and '.join(judges)} saw the first model of a study only; where nothing stands, "
            "they have not seen it yet."
        )
    usual = max(studied, key=len, default=())
    fewer = [
        f"that of {', '.join(dict.fromkeys(names))} had {' and '.join(signals)} only"
        for signals, names in studied.items()
        if signals != usual
    ]
    if fewer:
        remarks.append(
            f"Studies had the signals {', '.join(usual)} (and the logit of a discriminator where "
            f"there is one), but {', '.join(fewer)}."
        )
    if older := _attacked_less(groups):
        remarks.append(older)
    largest: dict[str, int] = {}
    for record, *_ in groups.values():
        if size := record.config.get("members", {}).get("image"):
            family = record.trained["family"]
            largest[family] = max(largest.get(family, 0), size)
    if largest:
        sizes = ", ".join(f"{family} {size:,}" for family, size in sorted(largest.items()))
        remarks.append(
            f"Images that a model of the largest study of each family was trained on: {sizes}. "
            "What a family would give away if it was trained on more is not known."
        )
    return Table("membership_ledger", caption, header, rows, [*remarks, *notes])


def _attacked_less(groups: Mapping[str, Sequence[Record]]) -> str:
    """A sentence that names studies that some attacks have not been run on, or none."""
    run = {method: set(attacks_on(group[0], "image")) for method, group in groups.items()}
    every = set().union(*run.values())
    lacking: dict[tuple[str, ...], list[str]] = {}
    for method, attacks in run.items():
        if attacks and attacks != every:
            lacking.setdefault(tuple(sorted(every - attacks)), []).append(method)
    parts = [f"{', '.join(names)} by {', '.join(attacks)}" for attacks, names in lacking.items()]
    return f"Not attacked again since newer attacks exist: {'; '.join(parts)}." if parts else ""


def _claims(groups: Mapping[str, Sequence[Record]], notes: Sequence[str]) -> Table:
    """What trainings with differential privacy claim, and what attacks on them prove."""
    rows: list[Row] = []
    for method in by_size(groups):
        group = groups[method]
        options = group[0].config.get("inverter", {})
        for unit, attack, signal in product(UNITS, LEAKS, (LOSS, CONTRAST, TOGETHER)):
            name = f"{unit}/{attack}/{signal}"
            cells = [cell(group, f"{name}/{figure}", form=".2f") for figure in PROVEN]
            if CLAIMED in options and all(cells):
                auc = cell(group, f"{name}/auc", form=".3f")
                most = max(group[0].metrics[f"{name}/{figure}"].value or 0 for figure in PROVEN)
                verdict = "false" if most > options[CLAIMED] else "not contradicted"
                clipped = "yes" if options.get("clipped", True) else "no"
                lead = [base_method(group[0]), clipped, unit, signal, attack.split("_")[0]]
                rows.append([*lead, auc, f"{options[CLAIMED]:g}", *cells, verdict])
    header = ["method", "clipped", "unit", "signal", "attack", "AUC", "claimed epsilon"]
    header += [*map(figure_title, PROVEN), "claim"]
    caption = "Differential privacy: what trainings claim, and what the attacks on them prove."
    return Table("membership_claims", caption, header, rows, [CLAIMS, *notes])
