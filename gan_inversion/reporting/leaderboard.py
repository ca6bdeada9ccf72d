"""The leaderboard: attacks by victim and by what the attacker knows, best first."""

from collections.abc import Collection, Mapping, Sequence

from gan_inversion.cgan.presets import STEPWISE
from gan_inversion.core.record import Record, at
from gan_inversion.metrics.catalogue import form, title
from gan_inversion.protocols import INDEPENDENT
from gan_inversion.reporting.comparison import PLAIN, comparison
from gan_inversion.reporting.table import Row, Table, cell, footer, mean_of, not_yet

WORDS = {
    "black_box": "the attacker has photographs with their embeddings, and recognisers of his own",
    "white_box": "the attacker also has a copy of the victim, and its gradients",
}


def leaderboard(
    victims: Mapping[str, Sequence[Record]],
    *,
    entered: Collection[str] = (),
    expected: Collection[tuple[str, str]] = (),
) -> list[Table]:
    """A table for each victim and each knowledge, sorted by type-II SAR at the victim.

    Args:
        victims: victim -> records of the `inversion` protocol.
        entered: methods that others have entered.
        expected: victims and methods; a note lists those without a record that have a place here.
    """
    tables = []
    # The most attacked victim first.
    for victim, records in sorted(victims.items(), key=lambda item: -len(item[1])):
        runs = comparison(records, ())
        names = [victim, *(judge for judge in INDEPENDENT if judge != victim)]
        first = at(f"{victim}/sar_type2", fmr=1e-3)
        figures = [first, at(f"{victim}/sar_type1", fmr=1e-3)]
        figures += [at(f"{name}/sar_type2", fmr=1e-3) for name in names[1:]]
        figures += ["ssim", "swd/mean"]
        titles = [f"{title(f, condition=False)}, {f.split('/')[0]}" for f in figures[:-2]]
        titles += [title(figure) for figure in figures[-2:]]
        header = ["inverter", titles[0], "place", *titles[1:], "seeds", "from"]
        for knowledge, words in WORDS.items():
            groups = [
                runs.groups[method]
                for method in runs.whole
                if runs.groups[method][0].knowledge == knowledge
                and runs.groups[method][0].trained["family"] not in PLAIN
            ]
            groups.sort(key=lambda group: -(mean_of(group, first) or 0))
            rows: list[Row] = []
            for place, group in enumerate(groups, 1):
                source = "an entry" if group[0].method in entered else "this benchmark"
                cells = [cell(group, f, form=form(f, short=True)) or "not yet" for f in figures]
                lead = [group[0].method, cells[0], str(place)]
                rows.append([*lead, *cells[1:], str(len(group)), source])
            if rows:
                shown = [record for group in groups for record in group]
                caption = f"Victim {victim}, {knowledge.replace('_', ' ')}: {words}."
                name = f"leaderboard_{victim}_{knowledge}"
                asked = dict.fromkeys(m for v, m in expected if v == victim and m not in STEPWISE)
                lacking = [method for method in asked if method not in runs.groups]
                notes = [*_notes(victim, bool(entered)), *not_yet(lacking)]
                notes.append(footer(shown, "inversion"))
                tables.append(Table(name, caption, header, rows, notes))
    return tables


def _notes(victim: str, entered: bool) -> list[str]:
    return [
        "SAR is the share of reconstructions that a recogniser accepts as the person, at a false "
        "match rate of 0.1 %. Type-I compares a reconstruction with the image whose embedding was "
        "inverted, type-II with another image of the person; rows are sorted by type-II SAR at "
        f"{victim}. Where intervals overlap, their order may be chance. No training or choice "
        f"leans on {' and '.join(INDEPENDENT)} unless they are the victim. A larger SSIM is nearer "
        "to the original, a smaller SWD more realistic. Controls, and the short trainings of the "
        "ablation, have no place here.",
        "To enter, examine your inverter by `python -m experiments.inversion`, as "
        "`docs/own.md` shows, and give the record to `python -m experiments.submit`: it checks the "
        "record and says what to send. Entries are records in results/entries/inversion"
        f"{'' if entered else '; there are none yet'}.",
    ]
