"""`yolact detect --save` and `--set`."""

from tests.in_process import in_process
from yolact_tf.data.convert import READERS


def test_what_was_found_is_saved_as_data_sets_of_other_tools(
    shapes_run, shapes_data, tmp_path, capsys, monkeypatch
):
    images, output = str(shapes_data / "images" / "val_*"), tmp_path / "out"
    request = ("detect", shapes_run, images, "--output", output, "--score-threshold", "0.01")
    saved = ("--save", "yolo", "--save", "cutouts", "--set", "detect.mask_upsampling=logits")
    code, _, err = in_process(capsys, monkeypatch, *request, *saved)
    assert code == 0 and "yolo does not hold: " in err
    pictures = READERS["yolo"](output / "yolo").splits["train"]
    assert len(pictures) == 4 and any(picture.instances for picture in pictures)
    assert any((output / "cutouts").rglob("*.png"))
    code, _, err = in_process(capsys, monkeypatch, *request, *saved)  # they may have been corrected since
    assert code == 2 and "--save yolo needs a new or an empty folder" in err


def test_artefacts_detect_as_they_were_exported(litert_file, shapes_data, tmp_path, capsys, monkeypatch):
    request = ("detect", litert_file, shapes_data / "images", "--output", tmp_path / "out")
    code, _, err = in_process(capsys, monkeypatch, *request, "--set", "detect.disjoint=true")
    assert code == 2 and "--set is for runs: an artefact detects as its run did" in err
