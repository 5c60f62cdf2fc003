"""Work that does not fit into memory is refused before it begins."""

from __future__ import annotations

import resource
import sys

import pytest
from virtualbiopsy import memory
from virtualbiopsy.errors import MemoryLimitError

GB = 2**30


def test_eight_gigabytes_on_two_are_refused(monkeypatch):
    monkeypatch.setenv(memory.LIMIT_VARIABLE, str(2 * GB))
    with pytest.raises(MemoryLimitError, match=r"8\.0 GB of memory; 2\.0 GB are free"):
        memory.require_memory(memory.image_bytes((1024, 1024, 1024)), "The image")
    memory.require_memory(GB, "A smaller image")


def test_the_limit_never_raises_what_is_free(monkeypatch):
    monkeypatch.setenv(memory.LIMIT_VARIABLE, str(2**62))
    assert 0 < memory.available_bytes() < 2**50


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads what Linux says")
def test_available_memory_is_what_the_system_says():
    with open("/proc/meminfo", encoding="ascii") as lines:
        told = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    assert 0 < memory.available_bytes() <= told["MemTotal"]


def test_a_container_limit_counts_with_its_file_cache_given_back(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 400\ninactive_file 250\n")
    assert memory._control_group_bytes(tmp_path) == 550
    (tmp_path / "memory.max").write_text("max\n")
    assert memory._control_group_bytes(tmp_path) is None
    assert memory._control_group_bytes(tmp_path / "absent") is None


def test_sizes_do_not_overflow():
    assert memory.image_bytes((100_000, 100_000, 100_000)) == 8 * 10**15


def test_nothing_is_allocated_before_the_refusal(monkeypatch):
    monkeypatch.setenv(memory.LIMIT_VARIABLE, str(GB))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(MemoryLimitError):
        memory.require_memory(memory.image_bytes((4096, 4096, 4096)), "The image")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
