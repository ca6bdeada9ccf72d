"""What the published benchmark consists of."""

import shutil

import pytest

from experiments import benchmark
from gan_inversion.core import jobs
from gan_inversion.core.record import Record
from gan_inversion.reporting import pages
from tests.conftest import ROOT

PUBLISHED, DOCS = ROOT / "results", ROOT / "docs"


def test_every_published_record_of_real_faces_is_declared():
    declared = {path for job in benchmark.declared() for path in job.records(PUBLISHED)}
    found = set((PUBLISHED / "records").glob("*/*-lfw-s?.json"))
    assert len(found) > 50
    assert sorted(path.name for path in found - declared) == []


def test_a_dry_run_says_what_is_missing_and_what_it_costs(tmp_path, capsys):
    records = tmp_path / "results" / "records" / "inversion"
    records.mkdir(parents=True)
    kept = PUBLISHED / "records" / "inversion" / "ridge_pca-lfw-s0.json"
    (records / kept.name).write_bytes(kept.read_bytes())
    benchmark.run_all(benchmark.Options(folder=tmp_path, dry_run=True))
    lines = capsys.readouterr().out.splitlines()
    count = len(list(benchmark.declared()))
    assert lines[0] == f"1 of {count} jobs are recorded in {tmp_path / 'results'}"
    assert len(lines) == 1 + (count - 1) + 3  # three sums
    whole = [line for line in lines if line.startswith("all jobs anew: ")]
    assert float(whole[0].split()[3]) > 20
    told = [line for line in lines if "--methods ridge_pca --seeds" in line]
    left = [line.partition(" --seeds ")[2].partition(":")[0] for line in told]
    victims = [f"0 --victim {name}" for name in ("mobilefacenet", "sface", "dlib")]
    assert left == ["1", "2", *victims]
    assert all(line.endswith("minutes") for line in told)


def test_a_job_runs_in_the_folder_and_one_that_fails_ends_the_run(tmp_path, monkeypatch, capfd):
    folder = tmp_path / "anew"
    both = [
        jobs.Job("documented", ("--smoke", "--methods", "mean_face"), ("mean_face",)),
        jobs.Job("documented", ("--methods", "nobody"), ("nobody",)),
    ]
    monkeypatch.setattr(benchmark, "declared", lambda: iter(both))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with pytest.raises(SystemExit) as stop:
        benchmark.run_all(benchmark.Options(folder=folder))
    assert stop.value.code == 2
    assert "--methods nobody ended with exit code 2" in capfd.readouterr().err
    assert list(folder.glob("runs/smoke/records/documented/mean_face-*.json"))


def test_what_an_adapter_inverts_by_is_trained_before_it():
    before = {
        (job.methods[0], job.victim): [" ".join(words[2:]) for words in job.commands[:-1]]
        for job in benchmark.declared()
        if job.program == "inversion"
    }
    train = "experiments.train cgan_late_cpu --victim"
    assert before["adapter_half", ""] == [f"{train} mobilefacenet --seed 0"]
    assert before["adapter_facenet", "mobilefacenet"] == [f"{train} facenet --seed 0"]
    committee = "experiments.train cgan_committee_cpu --victim facenet --seed 0"
    assert before["adapter_committee", "sface"] == [committee]
    assert before["ridge_pca", ""] == []


def test_all_tables_of_another_folder_are_its_own(tmp_path, monkeypatch, capsys):
    shutil.copytree(PUBLISHED, tmp_path / "results", ignore=shutil.ignore_patterns("speed"))
    monkeypatch.setattr(benchmark, "declared", lambda: iter(()))
    # What is told of the figures once they were computed again, which test_tables does.
    lines = (DOCS / "inversion.md").read_text().splitlines()
    (told,) = (line for line in lines if line.startswith("Every figure and interval was"))
    monkeypatch.setattr(pages, "check_inversion", lambda records, *_: told)
    monkeypatch.setattr(pages, "check_records", lambda results, protocol: [])
    benchmark.run_all(benchmark.Options(folder=tmp_path))
    assert "README.md, whose blocks would be filled" in capsys.readouterr().out
    for name in ("inversion", "membership", "verification"):
        assert (tmp_path / "docs" / f"{name}.md").read_text() == (DOCS / f"{name}.md").read_text()


def test_what_is_published_was_embedded_in_the_precision_that_a_new_run_is_given():
    found = set()
    for path in (PUBLISHED / "records").glob("*/*-lfw-s?.json"):
        config = Record.read(path).config
        recognisers = config.get("recognisers", {}).values()
        found |= {recogniser["precision"] for recogniser in recognisers}
        if path.parent.name in ("documented", "verification"):
            found.add(config["precision"])
    assert found == set(benchmark.PRECISION.values())


def test_a_record_that_was_not_shown_to_a_judge_is_named(tmp_path, capsys):
    name = "documented_conv-lfw-s2.json"
    folder = tmp_path / "records" / "inversion"
    folder.mkdir(parents=True)
    (folder / name).write_bytes((PUBLISHED / "records" / "inversion" / name).read_bytes())
    held = list(Record.read(folder / name).config["recognisers"])
    job = jobs.Job("inversion", (), ("documented_conv",), 2, judges=(*held, "another"))
    assert jobs.missing_of([job], tmp_path, published=PUBLISHED) == []
    assert f"{name}: not shown to another yet; removed, it is made anew" in capsys.readouterr().out
