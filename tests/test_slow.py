"""What `make check` leaves out is decided by what a test uses."""

from __future__ import annotations

import commands
from hypothesis import given
from hypothesis import strategies as st
import lspclient
from slow import uses_slow
import timing

import spoilerguard as sg
from spoilerguard.cli import app


def helper() -> None:
    commands.process("--version")


@given(st.integers())
def trains(number: int) -> None:
    assert sg.train("x")


def test_a_process_is_slow_through_helpers_and_classes_too() -> None:
    assert uses_slow(lambda: commands.process("x"))
    assert uses_slow(lambda: helper())
    assert uses_slow(lambda: [lspclient.Editor() for _ in range(2)])


def test_training_torch_and_workers_are_slow() -> None:
    def imports() -> None:
        import torch  # noqa: F401

    assert uses_slow(trains)
    assert uses_slow(imports)
    assert uses_slow(lambda: sg.load("fast").flag_many([], jobs=2))


def test_counting_lines_is_slow() -> None:
    assert uses_slow(lambda: timing.assert_linear(print, "a", 10))


def test_the_command_in_this_process_is_not() -> None:
    assert not uses_slow(lambda: app(["--version"]))
    assert not uses_slow(lambda: sg.flag("He dies.").blur())
