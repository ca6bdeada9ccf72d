"""What the published benchmark consists of."""

import pytest

from experiments import benchmark
from tests.conftest import ROOT

PUBLISHED = ROOT / "results"


def test_every_published_record_of_real_faces_is_declared():
    declared = {path for job in benchmark.declared() for path in job.records(PUBLISHED)}
    found = set((PUBLISHED / "records").glob("*/*-lfw-s?.json"))
    assert len(found) > 50
    assert sorted(path.name for path in found - declared) == []


def test_a_dry_run_says_what_is_missing_and_what_it_costs(tmp_path, capsys):
    records = tmp_path / "records" / "inversion"
    records.mkdir(parents=True)
    kept = PUBLISHED / "records" / "inversion" / "ridge_pca-lfw-s0.json"
    (records / kept.name).write_bytes(kept.read_bytes())
    benchmark.run_all(benchmark.Options(results=tmp_path, dry_run=True))
    lines = capsys.readouterr().out.splitlines()
    count = len(list(benchmark.declared()))
    assert lines[0] == f"1 of {count} jobs are recorded in {tmp_path}"
    told = [line for line in lines if "--methods ridge_pca --seeds" in line]
    assert [line.partition(" --seeds ")[2][0] for line in told] == ["1", "2"]
    assert all(line.endswith("minutes") for line in told)


def test_a_job_that_fails_ends_the_run_with_its_command(tmp_path, monkeypatch, capsys):
    job = benchmark.Job("inversion", ("--methods", "nobody"), ("nobody",))
    monkeypatch.setattr(benchmark, "declared", lambda: iter([job]))
    with pytest.raises(SystemExit) as stop:
        benchmark.run_all(benchmark.Options(results=tmp_path))
    assert stop.value.code == 2
    assert "--methods nobody ended with exit code 2" in capsys.readouterr().err
