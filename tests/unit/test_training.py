import ctypes
import io
import json
import platform
import resource

import keras
import numpy as np
import pytest
from keras.src.trainers.data_adapters.py_dataset_adapter import PyDatasetAdapter

from gan_inversion.core.errors import UserError
from gan_inversion.core.memory import keep_freed_memory
from gan_inversion.core.progress import leave_out_first, progress
from gan_inversion.core.run import Run
from gan_inversion.inverters.leak_callback import LeakCallback
from gan_inversion.inverters.loop import fit, shuffled

RNG = np.random.default_rng(0)
INPUTS = RNG.standard_normal((50, 6)).astype("float32")
TARGETS = RNG.integers(0, 256, (50, 4), "uint8")


def small_model(learning_rate=0.01):
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    layers = [
        keras.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.5),
        keras.layers.Dense(4),
    ]
    model = keras.Sequential(layers, name="small")
    model.compile(keras.optimizers.Adam(learning_rate), "mse")
    return model


def train(folder, epochs, **options):
    model = small_model(**options)
    batches = shuffled(INPUTS, TARGETS, batch_size=16, seed=0, scale=lambda block: block / 255)
    with Run(folder, {}) as run:
        fit(model, batches, epochs=epochs, seed=0, run=run)
        losses = [line["train_loss"] for line in run.history()]
    return model.get_weights(), losses


def test_a_resumed_run_ends_with_the_same_numbers(tmp_path):
    weights, losses = train(tmp_path / "through", 4)
    train(tmp_path / "stopped", 2)
    again, resumed = train(tmp_path / "stopped", 4)
    assert resumed == losses and len(losses) == 4 and losses[3] < losses[0]
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_log_lines_after_the_checkpoint_are_forgotten(tmp_path):
    _, losses = train(tmp_path, 2)
    with (tmp_path / "log.jsonl").open("a") as file:  # killed between log and checkpoint
        file.write(json.dumps({"step": 3, "train_loss": 9.0}) + "\n")
    _, resumed = train(tmp_path, 3)
    assert resumed[:2] == losses and resumed[2] != 9.0 and len(resumed) == 3


def test_training_stops_when_the_loss_is_not_finite(tmp_path):
    with pytest.raises(UserError, match="training diverged: the loss is not finite in epoch"):
        train(tmp_path, 3, learning_rate=1e38)


def test_each_epoch_has_its_own_order():
    batches = shuffled(INPUTS, TARGETS, batch_size=16, seed=0)
    assert len(batches(0)) == 4
    first, second = (np.concatenate([batches(e)[b][0] for b in range(4)]) for e in (0, 1))
    assert (first != second).any()
    np.testing.assert_array_equal(np.sort(first, axis=0), np.sort(second, axis=0))
    np.testing.assert_array_equal(batches(1)[2][0], second[32:48])


def test_the_end_of_an_epoch_does_not_wait_for_tensorflow_to_tune_itself():
    # The thread that tunes prefetching sleeps for periods that double, through the epoch's end.
    batches = shuffled(INPUTS, TARGETS, batch_size=16, seed=0)(0)
    assert not PyDatasetAdapter(batches).get_tf_dataset().options().autotune.enabled


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another allocator")
def test_freed_memory_is_not_asked_for_again():
    def pages() -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        for _ in range(20):
            np.ones(2**24, "uint8")  # 16 MiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    ctypes.CDLL(None).mallopt(-1, 2**17)  # as TensorFlow does
    given_back = pages()
    assert keep_freed_memory()
    pages()
    assert pages() < given_back / 5


def test_the_callback_sees_a_model_memorise():
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    inputs, targets = random.standard_normal((2, 40, 1, 16)).astype("float32")
    members, others = (inputs[:20], targets[:20]), (inputs[20:], targets[20:])
    model = keras.Sequential([keras.layers.Dense(64, activation="relu"), keras.layers.Dense(16)])
    model.compile("adam", "mse")
    leak = LeakCallback(members, others, batch_size=7)
    history = model.fit(*members, epochs=60, verbose=0, callbacks=[leak]).history["leak_auc"]
    assert len(history) == 60 and 0.2 < history[0] < 0.8 and history[-1] > 0.95
    # The losses are Keras' own, and so is what separates them.
    expected = np.square(np.asarray(model(others[0])) - others[1]).mean(axis=(1, 2))
    np.testing.assert_allclose(leak.losses(*others), expected, rtol=1e-4)


def test_the_step_that_compiles_is_left_out_of_the_rate(monkeypatch):
    now = [0.0]
    bar = progress(total=101, desc="steps", file=io.StringIO())
    monkeypatch.setattr(bar, "_time", lambda: now[0])
    bar.start_t = bar.last_print_t = 0.0
    now[0] = 60.0  # compiled
    leave_out_first(bar)
    for _ in range(50):
        now[0] += 0.1
        bar.update()
    told = bar.format_dict
    assert told["n"] == 51 and told["initial"] == 1
    assert told["elapsed"] == pytest.approx(5.0)  # 50 steps, and 50 to come


def test_a_bar_that_is_switched_off_stops_no_training():
    bar = progress(total=3, disable=True)  # as by TQDM_DISABLE=1
    leave_out_first(bar)
    bar.update()
