"""Scenes that move: the same objects in every frame, hidden at times, and always where they should be."""

import json

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from pycocotools import mask as coco_mask

from yolact_tf.data.load import load_data
from yolact_tf.data.synthetic.moving import MovingScene
from yolact_tf.data.synthetic.scenes import MIN_VISIBLE_PIXELS, SHAPE_CLASSES
from yolact_tf.data.synthetic.videos import make_shapes_video


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    pytest.importorskip("av")
    folder = tmp_path_factory.mktemp("video") / "set"
    return make_shapes_video(folder, frames=40, image_size=96, objects=6, frames_per_second=10, seed=2)


def test_a_frame_is_the_same_whenever_it_is_asked_for():
    scene, again = MovingScene(seed=3), MovingScene(seed=3)
    scene.frame(0)
    for one, other in zip(scene.frame(17), again.frame(17), strict=True):
        assert_array_equal(one, other)
    assert not np.array_equal(scene.frame(17).image, MovingScene(seed=4).frame(17).image)


@pytest.mark.parametrize("seed", range(4))
def test_objects_stay_in_the_picture_and_move_little_from_frame_to_frame(seed):
    scene = MovingScene(120, 160, 7, 30, seed)
    centres = []
    for number in range(0, 300):
        stamps = scene.stamps(number)
        sizes = np.array([stamp.coverage.shape for stamp in stamps]) - 12
        corners = np.array([(stamp.top, stamp.left) for stamp in stamps]) + 6
        assert (corners >= 0).all() and (corners + sizes <= (121, 161)).all()
        centres.append(corners + sizes / 2)
    steps = np.abs(np.diff(centres, axis=0))
    assert steps.max() <= 3
    moves = np.ptp(centres, axis=0).max(1) > 10
    assert moves[:5].all() and not moves[5:].any()  # the last third stands, in front


def test_objects_are_hidden_and_come_back():
    for seed in (1, 2, 6, 7):
        scene = MovingScene(192, 256, 8, 30, seed)
        visible = [
            np.bincount(scene.owner(i).ravel(), minlength=9)[1:] >= MIN_VISIBLE_PIXELS for i in range(240)
        ]
        assert (np.diff(np.array(visible).astype(int), axis=0) == 1).sum() >= 1


def test_an_object_keeps_its_colours_where_it_goes():
    scene = MovingScene(192, 256, 3, 30, seed=0)
    means = [np.median(moment.image[moment.owner == 2], 0) for moment in (scene.frame(0), scene.frame(15))]
    assert np.abs(means[0] - means[1]).max() < 25  # the light falls off across the picture


def test_the_folder_is_a_data_set_with_the_track_of_each_object(video):
    data = load_data(video, "val")
    assert (data.num_images, list(data.labels.values())) == (40, list(SHAPE_CLASSES))
    content = json.loads((video / "val.json").read_text())
    scene = MovingScene(96, 96, 6, 10, seed=2)
    for image_id in (1, 25, 40):
        rows = [row for row in content["annotations"] if row["image_id"] == image_id]
        owner = scene.frame(image_id - 1).owner
        visible = np.bincount(owner.ravel(), minlength=7)[1:] >= MIN_VISIBLE_PIXELS
        assert [row["track_id"] for row in rows] == (np.flatnonzero(visible) + 1).tolist()
        for row in rows:
            assert_array_equal(coco_mask.decode(row["segmentation"]), owner == row["track_id"])
            assert row["category_id"] == scene.classes[row["track_id"] - 1] + 1


def test_the_video_shows_the_same_frames(video):
    import av

    with av.open(str(video / "shapes.mp4")) as container:
        assert container.streams.video[0].average_rate == 10
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 40
    scene = MovingScene(96, 96, 6, 10, seed=2)
    for number in (0, 39):
        difference = frames[number].astype(int) - scene.frame(number).image
        assert np.abs(difference).mean() < 12


@pytest.mark.parametrize(
    "settings",
    [
        {"frames": 0},
        {"image_size": 97},
        {"image_size": 20},
        {"objects": 0},
        {"frames_per_second": 0},
        {"seed": -1},
    ],
)
def test_settings_that_make_no_video_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match="Received"):
        make_shapes_video(tmp_path / "new", **settings)
    assert not (tmp_path / "new").exists()
