"""Options of `yolact detect`, as what is made of them."""

import json

import numpy as np
import pytest

from tests.detect.colour_detector import ColourDetector
from yolact_tf.cli.detect_options import repeated, tracked_if, zone_counts
from yolact_tf.detect.repeated import AugmentedDetector, TiledDetector


def test_without_options_the_detector_is_the_one_that_was_given():
    detector = ColourDetector()
    assert repeated(detector, None, None, False, None) is detector
    frames = [("frame", "found")]
    assert tracked_if(False, frames) is frames
    assert zone_counts(None, [], False, "nowhere") is None


def test_tiles_are_looked_at_in_several_views():
    tiled = repeated(ColourDetector(), 64, 0.1, False, "flip,scales")
    assert isinstance(tiled, TiledDetector) and (tiled.tile, tiled.overlap) == (64, 0.1)
    assert isinstance(tiled.detector, AugmentedDetector)
    assert tiled.detector.flip and len(tiled.detector.scales) == 3
    assert len(tiled(np.zeros((100, 100, 3), np.uint8))) == 0
    assert repeated(ColourDetector(), 64, None, False, None).overlap == 0.2
    with pytest.raises(ValueError, match="Expected --tile. Received: --overlap 0.5 alone"):
        repeated(ColourDetector(), None, 0.5, False, None)


def test_copies_are_looked_at_unless_tiles_alone_are_asked_for():
    assert repeated(ColourDetector(), 64, None, False, None).smaller_copies
    assert not repeated(ColourDetector(), 64, None, True, None).smaller_copies
    with pytest.raises(ValueError, match="Expected --tile. Received: --tiles-only alone"):
        repeated(ColourDetector(), None, None, True, None)


@pytest.mark.parametrize(
    ("tta", "flip", "scales"), [("flip", True, 1), ("scales", False, 3), ("scales,flip", True, 3)]
)
def test_views_are_named(tta, flip, scales):
    augmented = repeated(ColourDetector(), None, None, False, tta)
    assert (augmented.flip, len(augmented.scales)) == (flip, scales)


@pytest.mark.parametrize("tta", ["", "flips", "flip,", "flip;scales"])
def test_views_that_are_none_are_refused(tta):
    with pytest.raises(ValueError, match="`--tta` must be flip, scales or flip,scales"):
        repeated(ColourDetector(), None, None, False, tta)


def test_zones_are_points_or_files(tmp_path):
    file = tmp_path / "zones.json"
    zone = {"name": "door", "points": [[0, 0], [9, 0], [9, 9]]}
    file.write_text(json.dumps({"zones": [zone], "lines": [{"points": [[0, 0], [5, 5]]}]}))
    counts = zone_counts(["0,0,5,0,5,5", str(file)], ["1,1,2,2"], True, tmp_path)
    assert [zone.name for zone in counts.zones] == ["zone 1", "door"]
    assert [line.name for line in counts.lines] == ["line 1", "line 2"]
    assert counts.path == tmp_path / "counts.json"


def test_lines_need_tracks(tmp_path):
    with pytest.raises(ValueError, match="Expected --track"):
        zone_counts(None, ["1,1,2,2"], False, tmp_path)
