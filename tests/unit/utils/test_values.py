from __future__ import annotations

import pickle

import pytest
from msgspec.structs import replace

from de_classes.utils.values import DiscreetValue, Mutable, Value


class Point(Value):
    x: int
    y: int = 0


class Login(DiscreetValue):
    shown = ("user",)

    user: str
    password: str
    token: str = ""


class Tally(Mutable):
    seen: int = 0


LOGIN = Login("ann", "hush", token="t0ken")


def test_a_value_is_its_fields() -> None:
    assert Point(1) == Point(1, y=0) != Point(1, 2)
    assert len({Point(1), Point(1, 0), Point(2)}) == 2
    assert repr(Point(1)) == "Point(x=1, y=0)"


def test_a_value_never_changes() -> None:
    with pytest.raises(AttributeError, match="immutable"):
        Point(1).x = 2  # type: ignore[misc]


def test_a_discreet_value_shows_only_what_it_says_it_shows() -> None:
    assert repr(LOGIN) == str(LOGIN) == f"{LOGIN}" == "Login(user='ann')"
    assert repr([LOGIN]) == "[Login(user='ann')]"
    assert list(LOGIN.__rich_repr__()) == [("user", "ann")]


def test_a_discreet_value_shows_nothing_unless_it_says_so() -> None:
    class Silent(DiscreetValue):
        secret: str

    assert "hush" not in repr(Silent("hush"))


def test_what_a_discreet_value_hides_is_still_a_part_of_it() -> None:
    assert replace(LOGIN, password="other") != LOGIN
    assert replace(LOGIN, password="hush") == LOGIN
    assert pickle.loads(pickle.dumps(LOGIN)) == LOGIN  # noqa: S301 - our own


def test_a_mutable_one_changes_and_is_no_key() -> None:
    tally = Tally()
    tally.seen += 1
    assert tally == Tally(1)
    with pytest.raises(TypeError):
        hash(tally)
