"""The black-box attack by translation: trained, examined, saved and used as a user would."""

import numpy as np
import pytest

from experiments import inversion, train
from gan_inversion.cgan.adapter_options import AdapterOptions
from gan_inversion.core.errors import UserError
from gan_inversion.core.folders import Folders
from gan_inversion.core.record import Record, at
from gan_inversion.data.source import Source
from gan_inversion.inverters.trained import open_trained, reconstruct
from gan_inversion.recognisers import Compact
from tests.few import few

pytestmark = pytest.mark.usefixtures("small")
OWN = """
import numpy as np
from gan_inversion.recognisers import Compact

turn = np.linalg.qr(np.random.default_rng(0).standard_normal((512, 512)))[0]

def turned(images):  # the victim in other coordinates, of which the attacker knows nothing
    return Compact().embed(images) @ turn
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("adapter")
    (folder / "mine.py").write_text(OWN)
    return folder


def options(folder, methods, **changes):
    from experiments.common import FamilyOptions

    own = AdapterOptions(own=f"{folder}/mine.py:turned", generator="ridge_pca")
    given = {"families": FamilyOptions(adapter=own)} | changes
    return inversion.Options(
        methods=methods,
        seeds=(0,),
        source=Source("synthetic"),
        victim="compact",
        judges=(),
        folders=Folders(runs=folder / "runs", records=folder / "records", tables=folder / "tables"),
        **given,
    )


def test_without_an_inverter_of_ones_own_the_sentence_says_how_to_train_it(folder):
    with pytest.raises(UserError, match=r"needs ridge_pca, trained on turned, in .* run `pyt"):
        inversion.run_all(options(folder, ("adapter",)))


def test_it_is_nearly_as_good_as_the_inverter_behind_it(folder):
    own = f"{folder}/mine.py:turned"
    train.run_all(
        train.Options(
            method="ridge_pca", source=Source("synthetic"), victim=own, runs=folder / "runs"
        )
    )
    inversion.run_all(options(folder, ("adapter", "adapter_n20", "ridge_pca")))
    records = {
        record.spec["preset"] + str(record.spec["training_images"] or ""): record
        for record in map(Record.read, (folder / "records" / "inversion").glob("*.json"))
    }
    assert set(records) == {"adapter", "adapter20", "ridge_pca"}
    cosines = {name: r.metrics["compact/cosine_mean"].value for name, r in records.items()}
    assert cosines["adapter"] > cosines["ridge_pca"] - 0.1  # a rotation loses nothing
    assert cosines["adapter20"] < cosines["adapter"]
    record = records["adapter"]
    assert record.knowledge == "black_box" and len(record.config["generator_digest"]) == 64
    assert at("compact/sar_type1", fmr=1e-2) in record.metrics


def test_it_is_opened_again_without_code_that_a_file_names(folder):
    runs = sorted((folder / "runs" / "inversion").glob("adapter*"), key=lambda run: len(run.name))
    run = runs[0]  # the other one has a number of pairs in its name
    trained = open_trained(run)
    embeddings = Compact().embed(few().view("aligned")[:4])
    images, _ = reconstruct(trained.inverter, embeddings)
    assert images.shape == (4, 160, 160, 3) and trained.inverter.dimension == 512
    assert np.ptp(images) > 50
    with pytest.raises(UserError, match=r"expected embeddings \(N, 512\)"):
        trained.inverter.invert(np.ones((1, 128), "float32"))
    header = run / "inverter" / "inverter.json"
    kept = header.read_text()
    for other in ('"dimension": 256', '"dimension": 1e999', '"dimension": "x"'):
        header.write_text(kept.replace('"dimension": 512', other))
        with pytest.raises(UserError, match=r"does not fit embeddings of 256|holds no adapter"):
            open_trained(run)
    header.write_text(kept)
    header.write_text(header.read_text().replace('"ridge_pca"', '"evil.py:X"'))
    with pytest.raises(UserError, match="is not of this version"):
        open_trained(run)
