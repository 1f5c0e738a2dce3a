"""What a machine can do fast."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from jargonaut.encoding.devices import (
    ComputeOptions,
    Precision,
    _own_name,
    choose_device,
    choose_devices,
    choose_dtype,
    native_bf16,
    token_budget,
)
from jargonaut.errors import SettingsError


def test_a_named_device_is_taken() -> None:
    """A user's choice is not second-guessed."""
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "CPU", "", "cuda:99", "meta", "hpu"])
def test_a_device_that_is_not_there_is_explained(name: str) -> None:
    """A name that means nothing, and a device that this machine lacks: setting, name and what can be said instead."""
    with pytest.raises(SettingsError) as caught:
        choose_device(name)
    message = str(caught.value)
    assert message.startswith(f"[compute] device: the device {name!r} cannot be used here")
    assert "`auto`" in message
    assert " cpu" in message
    assert max(map(len, message.splitlines())) < 250


def test_auto_takes_a_device_that_works() -> None:
    """Whatever `auto` chooses can hold a tensor."""
    assert torch.ones(2, device=choose_device("auto")).sum().item() == 2


def test_several_devices_are_taken_in_order() -> None:
    """Names with commas between them, one of them twice if the user likes; what needs one device takes the first."""
    cpu = torch.device("cpu")
    assert choose_devices("cpu, cpu,cpu") == (cpu, cpu, cpu)
    assert choose_device("cpu,cuda:99") == cpu


@pytest.mark.parametrize("name", ["cpu,cuda:99", "cpu,", "cpu;cpu"])
def test_each_of_several_devices_must_be_there(name: str) -> None:
    """One that this machine lacks is refused before any work starts."""
    with pytest.raises(SettingsError, match="cannot be used here"):
        choose_devices(name)


def test_auto_takes_every_gpu() -> None:
    """All CUDA GPUs where there are several, else the one device that `auto` is."""
    gpus = torch.cuda.device_count()
    wanted = tuple(torch.device("cuda", number) for number in range(gpus)) if gpus > 1 else (choose_device("auto"),)
    assert choose_devices("auto") == wanted


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_named_precision_is_taken(precision: Precision, dtype: torch.dtype) -> None:
    """A user's choice holds even where it is slow."""
    assert choose_dtype(precision, torch.device("cpu")) == dtype


def test_auto_takes_bf16_only_where_it_is_native() -> None:
    """Emulated bf16 is hundreds of times slower, so it is never guessed."""
    cpu = torch.device("cpu")
    assert (choose_dtype("auto", cpu) == torch.bfloat16) == native_bf16(cpu)


@pytest.mark.parametrize(
    ("name", "rank", "own"),
    [
        ("cuda:0,cuda:1", None, "cuda:0"), ("cuda:0, cuda:1", 1, "cuda:1"), ("cuda:0,cuda:1", 2, "cuda:0"),
        ("cuda", 3, "cuda:3"), ("cuda", None, "cuda"), ("cpu", 1, "cpu"), ("auto", 1, "auto"),
    ],
)  # fmt: skip
def test_processes_of_a_launcher_take_a_device_each(name: str, rank: int | None, own: str) -> None:
    """By their number on the machine; without a launcher the first device is taken."""
    assert _own_name(name, rank) == own


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"checkpoint_minutes": -1.0}, "checkpoint_minutes"), ({"checkpoint_minutes": math.nan}, "checkpoint_minutes"),
        ({"checkpoint_minutes": math.inf}, "checkpoint_minutes"), ({"batch_tokens": -5}, "batch_tokens"),
    ],
)  # fmt: skip
def test_options_have_limits(options: dict[str, Any], key: str) -> None:
    """A value that means nothing is named, with what it must be."""
    with pytest.raises(SettingsError, match=key):
        ComputeOptions(**options)


@pytest.mark.parametrize(
    ("asked", "device", "packed", "tokens"),
    [(0, "cpu", False, 512), (0, "cpu", True, 2048), (0, "cuda", True, 32_768), (77, "cuda", True, 77)],
)
def test_the_token_budget_suits_the_device_unless_it_is_given(
    asked: int, device: str, packed: bool, tokens: int
) -> None:
    """Small on a CPU, smallest where there is padding, large on a GPU, and the user's own number anywhere."""
    assert token_budget(ComputeOptions(batch_tokens=asked), torch.device(device), packed=packed) == tokens
