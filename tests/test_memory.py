import os
import resource

import pytest

from yolact_tf import memory
from yolact_tf.memory import free_memory


def test_free_memory_is_that_of_a_machine():
    assert 50_000_000 < free_memory() < 2**50


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    before = free_memory()
    monkeypatch.setattr(memory, "_CGROUP", tmp_path)
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("5000\n")
    assert free_memory() == pytest.approx(before, rel=0.5)
    (tmp_path / "memory.max").write_text("15000\n")
    assert free_memory() == 10_000
    (tmp_path / "memory.max").write_text("1000\n")
    assert free_memory() == 0


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux")
def test_the_limit_of_the_process_counts(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (10**6, -1))
    assert free_memory() == 0
