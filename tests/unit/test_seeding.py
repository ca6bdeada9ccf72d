from gan_inversion.core.seeding import stream


def test_a_stream_depends_on_seed_and_name_only():
    draw = stream(3, "shuffle", 1).integers(1 << 30, size=4).tolist()
    stream(3, "other").random(100)
    assert stream(3, "shuffle", 1).integers(1 << 30, size=4).tolist() == draw
    assert stream(4, "shuffle", 1).integers(1 << 30, size=4).tolist() != draw
    assert stream(3, "shuffle", 2).integers(1 << 30, size=4).tolist() != draw
