import pytest

from tests.detect.sinks.test_data_set_folder import LABELS, still
from tests.detect.test_detections import THREE
from yolact_tf.detect.sinks.kinds import KINDS, open_sinks, require_room


def test_each_kind_has_its_folder(tmp_path):
    frame = still(tmp_path, "a.png")
    output = tmp_path / "out"
    require_room(KINDS, output)
    for sink in open_sinks([*KINDS, "yolo"], output, LABELS):
        with sink:
            sink.add(frame, THREE)
    assert {path.name for path in output.iterdir()} == set(KINDS)
    assert all(any(folder.rglob("*.*")) for folder in output.iterdir())


def test_what_lies_there_is_never_overwritten(tmp_path):
    (tmp_path / "yolo").mkdir()
    require_room(["yolo"], tmp_path)
    (tmp_path / "yolo" / "corrected.txt").touch()
    with pytest.raises(ValueError, match="--save yolo needs a new or an empty folder. Received: .*yolo"):
        require_room(["coco", "yolo"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["yolo"]


def test_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(ValueError, match="--save must be one of coco, .*, cutouts. Received: 'yolov8'"):
        require_room(["yolov8"], tmp_path)
