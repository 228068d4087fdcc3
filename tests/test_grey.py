"""One-channel images, `data.channels=1`: from files and colours to what is found, in each artefact."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

import yolact_tf
from yolact_tf.data.augment.colors import distort_colors
from yolact_tf.detect.engines.litert_metadata import read_metadata
from yolact_tf.export import to_litert, to_saved_model
from yolact_tf.export.verify import verify
from yolact_tf.images.decoding import read_image
from yolact_tf.preprocess import as_rgb, resize_images, to_channels
from yolact_tf.runs import Run

RED, GREEN, BLUE = 0.299, 0.587, 0.114


def draws(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, dtype="uint8")


# The formula


def test_grey_is_what_pillow_makes_of_colours():
    """Which counts in whole levels."""
    image = draws(40, 50, 3)
    ours = to_channels(image.astype("float32"), 1)
    assert ours.shape == (40, 50, 1)
    assert_allclose(ours[..., 0], np.asarray(Image.fromarray(image).convert("L")), atol=0.51)
    assert to_channels(np.array([[100.0, 200.0, 50.0]]), 1) == pytest.approx(
        RED * 100 + GREEN * 200 + BLUE * 50
    )


def test_a_grey_image_keeps_its_levels():
    image = np.repeat(draws(1, 32, 32, 1), 3, 3)
    found = np.asarray(resize_images(image, 32, channels=1))
    assert found.shape == (1, 32, 32, 1)
    assert_allclose(found, image[..., :1], atol=1e-4)
    assert_allclose(as_rgb(found), image, atol=1e-4)


def test_resizing_and_turning_grey_may_change_places():
    image = draws(1, 50, 40, 3)
    first = to_channels(image.astype("float32"), 1)
    assert_allclose(resize_images(image, 24, 1), resize_images(first, 24, 1), atol=1e-3)


# The network


def settings_of(small_settings, *more):
    return [*small_settings, "model.num_classes=6", "data.channels=1", *more]


@pytest.fixture(scope="module")
def config(small_settings):
    return yolact_tf.load_config("tiny_256", settings_of(small_settings))


@pytest.fixture(scope="module")
def run(config):
    keras.utils.set_random_seed(0)
    return Run(yolact_tf.build_yolact(config), config, {i: str(i) for i in range(1, 7)})


@pytest.fixture(scope="module")
def colored(config, run):
    """The same network of three channels."""
    config = dataclasses.replace(config, data=dataclasses.replace(config.data, channels=3))
    model = yolact_tf.build_yolact(config)
    model.set_weights(run.model.get_weights())
    return Run(model, config, run.labels)


def test_a_network_of_grey_is_one_of_colours_that_sees_it_three_times(run, colored):
    """Of the same weights, exactly: with the means of each channel, up to the border."""
    grey = draws(2, 128, 128, 1)
    assert run.model.input_shape == (None, 128, 128, 1)
    found, expected = run.model(grey), colored.model(np.repeat(grey, 3, 3))
    for name, value in expected.items():
        assert_array_equal(found[name], value)


@pytest.mark.whole
@pytest.mark.parametrize("backbone", ["mobilenetv2", "efficientnet_lite0", "darknet53"])
def test_every_backbone_sees_grey(backbone):
    settings = [f"model.backbone={backbone}", "model.backbone_weights=random", "data.image_size=96"]
    sizes = ["anchors.sizes=12,24,48,64,96", "model.pyramid_channels=16", "model.head_channels=16"]
    config = yolact_tf.load_config("tiny_256", [*settings, *sizes])
    both = [
        yolact_tf.build_yolact(
            dataclasses.replace(config, data=dataclasses.replace(config.data, channels=channels))
        )
        for channels in (1, 3)
    ]
    both[1].set_weights(both[0].get_weights())
    grey = draws(1, 96, 96, 1)
    assert_array_equal(both[0](grey)["prototypes"], both[1](np.repeat(grey, 3, 3))["prototypes"])


def test_one_or_three_channels_are_expected():
    with pytest.raises(ValueError) as caught:
        yolact_tf.load_config("tiny_256", ["data.channels=4"])
    assert str(caught.value) == "`data.channels` must be one of [1, 3]. Received: 4"


# The data


def test_batches_are_grey(config, shapes_data):
    """As those of three channels would be, turned grey."""
    colors = dataclasses.replace(config, data=dataclasses.replace(config.data, channels=3))
    (images, truth), (rgb, same) = (
        next(iter(yolact_tf.build_dataset(c, shapes_data, "val"))) for c in (config, colors)
    )
    assert images.shape[1:] == (128, 128, 1) and images.dtype == tf.float32
    assert_allclose(images, to_channels(rgb.numpy(), 1), atol=1e-3)
    assert np.ptp(rgb, axis=-1).max() > 100  # colours, so that the formula shows
    for name, value in truth.items():
        assert_array_equal(value, same[name])


@pytest.mark.whole
def test_augmented_batches_are_those_of_three_channels_but_for_colour(config, shapes_data):
    everything = {"mosaic": 0.5, "copy_paste": 0.5, "photometric": False, "rotate": True}
    changed = dataclasses.replace(config.data, **everything)
    grey, rgb = (
        next(
            iter(
                yolact_tf.build_dataset(
                    dataclasses.replace(config, data=dataclasses.replace(changed, channels=channels)),
                    shapes_data,
                    "train",
                )
            )
        )[0].numpy()
        for channels in (1, 3)
    )
    assert_allclose(grey, to_channels(rgb, 1), atol=0.01)


def test_brightness_and_contrast_change_grey_as_they_change_colours():
    """Saturation and hue leave grey alone, so that both give the same; whichever is traced first."""
    grey = draws(16, 16, 1).astype("float32")
    both = tf.function(
        lambda seed: (distort_colors(grey, seed, is_grey=True), distort_colors(np.repeat(grey, 3, 2), seed))
    )
    changed = 0
    for seed in range(8):
        one, three = both(tf.constant([seed, 0], tf.int64))
        assert one.shape == (16, 16, 1)
        assert_allclose(np.repeat(one, 3, 2), three, atol=1e-3)
        changed += np.abs(one - grey).max() > 1
    assert changed > 2


def test_deep_and_grey_files_are_read_by_the_rule_of_all_images(tmp_path):
    """16 bits are brought to 8 as for colours; a file of grey has its own levels."""
    ramp = np.arange(0, 65536, 64, dtype="uint16").reshape(32, 32)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    Image.fromarray((ramp >> 8).astype("uint8")).save(tmp_path / "flat.png")
    pixels = [read_image(tmp_path / name) for name in ("deep.png", "flat.png")]
    found = [np.asarray(resize_images(image[None], 32, 1)) for image in pixels]
    assert_allclose(found[0], found[1], atol=1e-3)
    assert_allclose(found[0][0, ..., 0], ramp >> 8, atol=1e-3)


# What finds


@pytest.fixture(scope="module")
def image():
    return draws(90, 120, 3)


def assert_same(found, expected):
    assert len(found) == len(expected) > 0
    assert_allclose(found.scores, expected.scores, rtol=1e-3)
    assert_allclose(found.boxes, expected.boxes, atol=0.05)


def test_a_detector_takes_colours_grey_and_arrays_of_one_channel(run, colored, image):
    detector = yolact_tf.Detector(run)
    grey = np.asarray(Image.fromarray(image).convert("L"))
    expected = yolact_tf.Detector(colored)(np.repeat(grey[..., None], 3, 2))
    for same in (grey, grey[..., None], np.repeat(grey[..., None], 3, 2)):
        assert_same(detector(same), expected)
    assert detector.engine.prepare([image]).shape == (1, 128, 128, 1)


@pytest.mark.whole
def test_a_saved_model_turns_colours_grey(run, image, tmp_path):
    path = to_saved_model(run, tmp_path / "saved")
    expected = yolact_tf.Detector(run)(image)
    assert_same(yolact_tf.Detector.from_artefact(path)(image), expected)
    signatures = tf.saved_model.load(str(path / "1")).signatures
    encoded = tf.io.encode_png(image).numpy()
    found = signatures["serving_default"](image_bytes=tf.constant([encoded]))
    count = int(found["num_detections"][0])
    assert_allclose(found["scores"][0, :count], expected.scores[:count], rtol=1e-3)


@pytest.mark.whole
def test_a_litert_file_takes_grey_and_says_so(run, image, tmp_path):
    path = to_litert(run, tmp_path / "grey.tflite")
    detector = yolact_tf.Detector.from_artefact(path)
    assert detector.engine.runner.input_shape == (1, 128, 128, 1)
    assert_same(detector(image), yolact_tf.Detector(run)(image))
    assert read_metadata(path)["input"] == (
        "image: float32 [1, S, S, 1], grey (0.299 red + 0.587 green + 0.114 blue) 0..255"
    )
    differences, compared = verify(path, run, [image])
    assert compared and all(row.passes for row in differences), differences
