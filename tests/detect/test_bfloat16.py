import logging
import platform

import pytest

from yolact_tf.detect.engines import bfloat16
from yolact_tf.detect.engines.bfloat16 import require_bfloat16


@pytest.fixture
def cpu_info(tmp_path, monkeypatch):
    """A function of flags: the file in which Linux would list them, of an x86 without a GPU."""
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(bfloat16, "_has_gpu", lambda: False)

    def write(flags):
        path = tmp_path / "cpuinfo"
        path.write_text(f"processor\t: 0\nmodel name\t: One\nflags\t\t: fpu sse2 {flags}\nbugs\t\t: some\n")
        return path

    return write


@pytest.mark.parametrize("flags", ["avx2 avx512bw avx512_bf16", "avx512bw amx_bf16"])
def test_processors_with_bfloat16_are_silently_taken(cpu_info, caplog, flags):
    require_bfloat16(cpu_info(flags))
    assert not caplog.records


def test_avx512_alone_is_told_to_be_slow(cpu_info, caplog):
    with caplog.at_level(logging.WARNING):
        require_bfloat16(cpu_info("avx2 avx512bw"))
    assert "2.5 times as long" in caplog.text


def test_older_ones_are_refused(cpu_info):
    with pytest.raises(ValueError, match="AVX-512"):
        require_bfloat16(cpu_info("avx2"))


def test_nothing_is_said_where_nothing_is_known(cpu_info, tmp_path, monkeypatch, caplog):
    require_bfloat16(tmp_path / "none")
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    require_bfloat16(cpu_info("avx2"))
    assert not caplog.records
