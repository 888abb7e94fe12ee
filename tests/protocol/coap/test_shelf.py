"""The shelf: bounded in number, in bytes and in age."""

from __future__ import annotations

from simulator.protocol.coap.shelf import Shelf


def test_the_item_that_was_touched_longest_ago_goes_first():
    shelf = Shelf(3, 1000, 60.0)
    for key in "abc":
        shelf.put(key, key, 1, 0.0)
    shelf.get("a", 1.0)
    shelf.put("d", "d", 1, 2.0)
    assert [shelf.get(key, 3.0) for key in "abcd"] == ["a", None, "c", "d"]


def test_bytes_are_bounded_and_counted():
    shelf = Shelf(100, 1000, 60.0)
    for number in range(50):
        shelf.put(number, b"", 100, 0.0)
        assert shelf.size_bytes == 100 * len(shelf) <= 1000
    shelf.put(49, b"", 300, 0.0)
    assert shelf.size_bytes <= 1000
    for number in range(50):
        shelf.drop(number)
    assert (len(shelf), shelf.size_bytes) == (0, 0)


def test_age_counts_from_the_last_use():
    shelf = Shelf(10, 1000, 60.0)
    shelf.put("a", "a", 1, 0.0)
    assert shelf.get("a", 59.0) == "a"
    assert shelf.get("a", 118.0) == "a"
    assert shelf.get("a", 178.0) is None
    assert shelf.size_bytes == 0


def test_what_has_run_out_makes_room_when_something_is_put():
    shelf = Shelf(10, 1000, 60.0)
    shelf.put("a", "a", 1, 0.0)
    shelf.put("b", "b", 1, 60.0)
    assert len(shelf) == 1


def test_something_larger_than_the_shelf_is_alone_on_it():
    shelf = Shelf(10, 100, 60.0)
    shelf.put("a", "a", 1, 0.0)
    shelf.put("big", "big", 500, 0.0)
    assert (len(shelf), shelf.get("big", 0.0)) == (1, "big")
