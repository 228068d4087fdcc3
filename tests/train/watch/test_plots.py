import numpy as np
import pytest
from PIL import Image

from yolact_tf.recipes import load_config
from yolact_tf.train.optimizer import build_optimizer, schedule_of
from yolact_tf.train.schedule import LearningRate
from yolact_tf.train.watch.plots import draw_learning_rate, draw_results

HEADING = "epoch,box_loss,images_per_second,learning_rate,loss,val_box_AP,val_mask_AP\n"


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("rows", ["0,2,80,0.1,5,nan,nan\n", "0,2,80,0.1,5,nan,nan\n1,1,90,0.1,3,0.2,0.1\n"])
def test_each_column_has_a_panel(rows, tmp_path):
    (tmp_path / "log.csv").write_text(HEADING + rows)
    draw_results(tmp_path / "log.csv", tmp_path / "results.png")
    picture = pixels(tmp_path / "results.png")
    assert picture.shape == (660, 1540, 3)  # two rows of four, of which three are left white
    for number in range(8):
        top, left = number // 4 * 330, number % 4 * 385
        is_blank = (picture[top + 5 : top + 325, left + 5 : left + 380] == 255).all()
        assert is_blank == (number >= 5), number
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["log.csv", "results.png"]


def test_an_ap_without_objects_is_drawn_as_none(tmp_path):
    for name, ap in (("minus", "-1.0,-1.0"), ("nan", "nan,nan")):
        (tmp_path / f"{name}.csv").write_text(f"{HEADING}0,2,80,0.1,5,{ap}\n")
        draw_results(tmp_path / f"{name}.csv", tmp_path / f"{name}.png")
    np.testing.assert_array_equal(pixels(tmp_path / "minus.png"), pixels(tmp_path / "nan.png"))


@pytest.mark.whole
@pytest.mark.parametrize("recipe", ["tiny_256", "resnet50_550"])
def test_the_planned_rate_is_drawn(recipe, tmp_path):
    schedule = schedule_of(build_optimizer(load_config(recipe), 100))
    draw_learning_rate(schedule, 5500, 100, tmp_path / "lr.png")
    assert (pixels(tmp_path / "lr.png") == [31, 95, 168]).all(2).sum() > 500  # the curve


def test_the_schedule_is_found_below_a_loss_scale():
    config = load_config("tiny_256", ["train.precision=mixed_float16"])
    assert isinstance(schedule_of(build_optimizer(config, 10)), LearningRate)
