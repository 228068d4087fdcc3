"""Whether this machine's processor multiplies bfloat16."""

import logging
import platform
import re
from pathlib import Path

logger = logging.getLogger(__name__)

CPU_INFO = Path("/proc/cpuinfo")
_NATIVE = {"avx512_bf16", "amx_bf16"}


def require_bfloat16(cpu_info: Path = CPU_INFO) -> None:
    """Warns where TensorFlow computes bfloat16 by detours, and raises ValueError where it cannot at all.

    cpu_info: Linux' list of a processor's flags. Where there is none, and on processors that are not x86,
    nothing is known or said.
    """
    if platform.machine() not in ("x86_64", "AMD64") or not cpu_info.is_file() or _has_gpu():
        return
    found = re.search(r"^flags\s*:(.*)$", cpu_info.read_text(), re.MULTILINE)
    flags = set(found[1].split()) if found else _NATIVE
    if flags & _NATIVE:
        return
    if "avx512bw" not in flags:
        raise ValueError(
            "bfloat16 needs a processor with AVX-512, and is fast where it has AVX512_BF16 or AMX. Received "
            "one without; float32 runs on it, and `export --no-verify` writes for another machine"
        )
    logger.warning(
        "this processor has neither AVX512_BF16 nor AMX: bfloat16 takes about 2.5 times as long as float32"
    )


def _has_gpu():
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))
