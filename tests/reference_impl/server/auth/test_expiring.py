"""A map that forgets."""

from reference_impl.server.auth.expiring import Expiring


def test_what_is_kept_is_found_until_its_time_is_over(clock):
    kept = Expiring(10, clock)
    kept.put("a", 1, 5)
    assert (kept.get("a"), kept.get("b")) == (1, None)
    clock.now += 5
    assert (kept.get("a"), kept.take("a")) == (None, None)


def test_what_is_taken_is_gone(clock):
    kept = Expiring(10, clock)
    kept.put("a", 1, 5)
    assert (kept.take("a"), kept.take("a")) == (1, None)


def test_the_oldest_go_where_there_is_no_room_and_the_ended_by_the_way(clock):
    kept = Expiring(2, clock)
    for number, name in enumerate("abc"):
        kept.put(name, number, 5)
    assert (kept.get("a"), kept.get("c"), len(kept)) == (None, 2, 2)
    clock.now += 6
    kept.put("d", 3, 5)
    assert len(kept) == 1
    kept.put("e", 4, 0)
    assert kept.get("e") is None


def test_a_value_that_is_put_again_is_the_newest(clock):
    kept = Expiring(2, clock)
    for name, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        kept.put(name, value, 5)
    assert (kept.get("a"), kept.get("b")) == (3, None)


def test_no_secret_is_kept(clock):
    kept = Expiring(2, clock)
    kept.put("s3cret", 1, 5)
    assert "s3cret" not in str(vars(kept))
