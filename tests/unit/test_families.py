"""What a method is: data, with a name that is generated and never taken apart."""

import json
import re
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from experiments.common import FamilyOptions, specs_of
from gan_inversion.core.errors import UserError
from gan_inversion.core.older import ADDED, older_options, older_spec, todays_record, todays_run
from gan_inversion.core.options import plain
from gan_inversion.core.own import source_digest
from gan_inversion.core.record import Record, Selection, bare_spec, record_path
from gan_inversion.core.run import Run
from gan_inversion.core.storage import sha256_file
from gan_inversion.inverters.families import FAMILIES, described, group_of, specified
from gan_inversion.inverters.own import own_spec
from gan_inversion.reporting.inversion import headline
from gan_inversion.reporting.tables import read_records
from tests.conftest import ROOT
from tests.unit.test_record import RECORD

NAME = re.compile(r"^[a-z0-9_]+$")  # as in the schema of a record


def test_every_preset_is_a_method_by_its_own_name():
    names = [name for family in FAMILIES.values() for name in family.presets]
    assert len(names) == len(set(names)) > 100
    for name in names:
        spec = specified(name)
        assert (
            spec.name == spec.preset == name and spec.options == FAMILIES[spec.family].presets[name]
        )
        assert NAME.match(name) and json.loads(json.dumps(spec.content)) == spec.content


def test_what_differs_from_a_preset_stands_in_the_name_and_in_the_hash():
    full, sized = specified("cgan_cpu"), specified("cgan_cpu_n500")
    families = FamilyOptions(cgan=replace(FamilyOptions().cgan, identity=0.5, noise=0, diversity=0))
    (other,) = specs_of(["cgan_cpu"], families)
    assert sized.training_images == 500 and sized.name == "cgan_cpu_n500"
    assert other.name == "cgan_cpu_identity0p5_diversity0_noise0" and NAME.match(other.name)
    assert other.options == replace(full.options, identity=0.5, noise=0, diversity=0)
    assert len({full.hash, sized.hash, other.hash}) == 3
    assert specs_of(["documented_dense"], epochs=5)[0].name == "documented_dense_e5"
    assert specs_of(["documented_dense"], epochs=10)[0].name == "documented_dense"
    # A rehearsal is small, keeps the name, and what was asked for.
    small = other.rehearsed()
    assert small.name == other.name and small.options.identity == 0.5
    assert small.options.steps == 6 and small.options.batch_size == 8
    families = FamilyOptions(documented=replace(FamilyOptions().documented, epochs=5))
    for asked, epochs in ((None, 2), (families, 5)):
        (spec,) = specs_of(["documented_dense"], asked)
        assert spec.rehearsed(epochs=2).options.epochs == epochs


def test_options_that_contradict_each_other_are_a_sentence():
    families = FamilyOptions(cgan=replace(FamilyOptions().cgan, steps=150))
    with pytest.raises(UserError, match="expected a whole number of intervals"):
        specs_of(["cgan_cpu"], families)
    with pytest.raises(UserError, match="did you mean cgan_short"):
        specified("cgan_shrot")


def test_every_option_of_every_family_says_what_it_is():
    for family in FAMILIES.values():
        if family.presets:
            said = described(family.options)
            assert set(said) == {field.name for field in fields(family.options)}
            assert all(text.endswith(".") and len(text) > 10 for text in said.values())


@given(
    some.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True),
    some.sampled_from(["", "_n2", "_n500", "_short", "_e30"]),
    some.sampled_from(["", "cgan_", "documented_", "augmented_dense", "cgan_mse_"]),
)
def test_an_unlucky_name_of_ones_own_does_no_harm(name, end, start):
    name = (start + name + end).strip("_")
    config = {**RECORD.config, "source_digest": "0" * 64, "split": "0" * 16, "recognisers": {}}
    older = {"schema": 2, "protocol": "inversion", "method": name, "config": config}
    for spec in (bare_spec(name, "own"), todays_record(older)["spec"]):
        record = replace(RECORD, protocol="inversion", method=name, config=config, spec=spec)
        assert record.trained["family"] == "own" and record.trained["name"] == name
        assert record.trained["training_images"] is None
        assert [row[0] for row in headline([record]).rows][:1] == [name]


def test_a_file_of_ones_own_is_a_spec_too(tmp_path):
    (tmp_path / "mine.py").write_text("def flat_n2(embeddings):\n    return embeddings\n")
    spec = own_spec(f"{tmp_path / 'mine.py'}:flat_n2")
    assert spec.name == "flat_n2" and spec.training_images is None and spec.family == "own"


@pytest.mark.parametrize(
    ("name", "recorded"),
    [("flat", "flat"), ("cgan_mine", "cgan_mine"), ("nearest_face", "own_nearest_face"),
     ("ridge_pca_n500", "own_ridge_pca_n500"), ("Documented_Dense", "own_documented_dense")],
)  # fmt: skip
def test_code_of_ones_own_never_has_the_name_of_a_published_method(tmp_path, name, recorded):
    (tmp_path / "mine.py").write_text(f"def {name}(embeddings):\n    return embeddings\n")
    assert own_spec(f"{tmp_path / 'mine.py'}:{name}").name == recorded


def test_the_dashboard_has_each_family_under_its_kind():
    groups = {name: group_of(name) for name in ("cgan", "documented", "oracle", "own", "elsewhere")}
    assert groups == {
        "cgan": "conditional_GAN",
        "documented": "documented_decoder",
        "oracle": "control",
        "own": "own",
        "elsewhere": "elsewhere",
    }


def test_code_of_ones_own_is_known_by_the_files_beside_it_that_it_imports(tmp_path):
    (tmp_path / "tools" / "deep").mkdir(parents=True)
    (tmp_path / "mine.py").write_text("import numpy\nfrom tools.colours import grey\n")
    source = f"{tmp_path / 'mine.py'}:grey"
    alone = source_digest(source)
    assert alone == sha256_file(tmp_path / "mine.py")
    digests = [alone]
    for name, text in (
        ("tools/__init__.py", ""),
        ("tools/colours.py", "from .deep import one\ngrey = 1\n"),
        ("tools/deep/one.py", "x = 1"),
        ("tools/deep/one.py", "x = 2"),
    ):
        (tmp_path / name).write_text(text)
        digests.append(source_digest(source))
    (tmp_path / "other.py").write_text("nobody imports it")
    assert len(set(digests)) == 5 and source_digest(source) == digests[-1]


def test_older_records_are_read_into_todays_form():
    found = {path.stem: Record.read(path).trained for path in
             (ROOT / "results/records/inversion").glob("*.json")}  # fmt: skip
    assert found["cgan_mse_short-lfw-s0"]["preset"] == "cgan_mse_short"
    assert found["cgan_cpu-lfw-s0"]["options"]["identity"] == 3.0
    assert found["ridge_pca_n500-lfw-s0"]["training_images"] == 500
    assert found["mean_face-lfw-s0"]["family"] == "mean_face"
    made = older_spec("augmented_dense_n500_e30", {"inverter": {"decoder": "dense"}})
    assert made == {
        "name": "augmented_dense_n500",
        "family": "documented",
        "preset": "augmented_dense",
        "options": {"decoder": "dense"},
        "training_images": 500,
    }
    for made in found.values():
        assert made["family"] in FAMILIES and made["preset"] in FAMILIES[made["family"]].presets


def test_a_record_of_validation_subjects_enters_no_published_table(tmp_path):
    record = replace(RECORD, protocol="inversion", part="validation")
    path = record.write(tmp_path)
    assert path.name == f"{record.method}-{record.dataset}-validation-s{record.seed}.json"
    with pytest.raises(UserError, match="expected records of"):
        read_records(tmp_path, "inversion", Selection(record.dataset))
    assert read_records(tmp_path, "inversion", Selection(record.dataset, "validation"))
    # Nor does it under the name of another.
    renamed = record_path(tmp_path, "inversion", record.method, record.dataset, record.seed)
    path.rename(renamed)
    with pytest.raises(UserError, match=r"expected it as inversion/.*-validation-s"):
        read_records(tmp_path, "inversion", Selection(record.dataset))


@pytest.mark.parametrize(("victim", "named"), [("facenet", ""), ("sface", "-sface")])
def test_embeddings_of_another_recogniser_are_another_record(tmp_path, victim, named):
    spec = bare_spec(RECORD.method)
    record = replace(RECORD, protocol="inversion", spec=spec, victim=victim)
    assert record.write(tmp_path).name == f"{RECORD.method}-{RECORD.dataset}{named}-s0.json"
    other = "sface" if victim == "facenet" else ""
    assert read_records(tmp_path, "inversion", Selection(RECORD.dataset, victim=victim))
    with pytest.raises(UserError, match="expected records of"):
        read_records(tmp_path, "inversion", Selection(RECORD.dataset, victim=other))
    protected = replace(record, protection="polyprotect")
    assert protected.path(tmp_path).name == (
        f"{RECORD.method}-{RECORD.dataset}{named}-polyprotect-s0.json"
    )


def test_older_words_are_read_as_todays():
    config = {"alone": 200, "judge_width": 24, "inverter": {"memory": 0.9}}
    older = {"schema": 2, "protocol": "membership", "method": "cgan_tiny_n500_e3"}
    content = todays_record({**older, "embedder": "facenet", "config": config})
    assert content["victim"] == "facenet" and content["schema"] == 3
    assert content["config"] == {
        "warmup": 200,
        "discriminator_width": 24,
        "inverter": {"ema": 0.9},
    }
    assert todays_run({"method": "mine.py:X", "embedder": {}})["family"] == "own"
    for damaged in ([], {"schema": 2}, {"schema": 2, "config": [], "method": 3}, {"schema": 1}):
        assert "spec" not in todays_record(damaged)


def test_an_option_that_is_new_does_not_close_older_runs(tmp_path):
    """A run begun before the option existed goes on, unless the option is used."""
    config = {"family": "cgan", "method": "cgan_cpu", **plain(specified("cgan_cpu").options)}
    older = {name: value for name, value in config.items() if name not in ADDED["cgan"]}
    assert set(older) < set(config) and older_options("cgan", config) == older
    for options in (older, config):
        with Run(tmp_path, options):
            pass
    with pytest.raises(UserError, match="other options"):
        Run(tmp_path, config | {"mirrored": True})


def test_options_that_change_nothing_leave_the_hash_of_a_method_as_it_was():
    """The hash that membership studies of the published GAN were begun with."""
    spec = specified("cgan_tiny_n500")
    assert spec.hash == "4422c91cb6d0569c"
    assert replace(spec, options=replace(spec.options, imagined=2)).hash != spec.hash
