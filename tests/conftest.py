"""Shared fixtures: the reference's numbers, real images, and a small run with its artefacts."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from pathlib import Path

import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def parity():
    """Loads a fixture computed by the original implementation: parity("loss") -> npz mapping."""
    folder = SHARED / "parity"
    if not folder.is_dir():
        pytest.skip("needs ../shared/parity, numbers of the original implementation")
    return lambda name: np.load(folder / f"{name}.npz")


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real data sets."""
    folder = SHARED / "data"
    if not folder.is_dir():
        pytest.skip("needs ../shared/data, real images with COCO annotations")
    return folder
