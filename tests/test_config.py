import dataclasses

import pytest

from yolact_tf.config import (
    AnchorConfig,
    Config,
    DataConfig,
    DetectConfig,
    ExportRecipe,
    LossConfig,
    ModelConfig,
    TrainConfig,
)
from yolact_tf.fields import differences, minutes_of, override


def test_json_gives_back_an_equal_config():
    config = Config(
        name="mine",
        model=ModelConfig(num_classes=3),
        anchors=AnchorConfig(scales=(1.0, 1.26), square=False),
        train=TrainConfig(decay_at=(0.5,)),
        loss=LossConfig(class_loss="focal", focal_gamma=1.5),
    )
    assert Config.from_json(config.to_json()) == config


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().name = "other"


def test_overrides_are_typed_by_their_field():
    config = override(
        Config(),
        [
            "train.batch_size=4",
            "train.learning_rate=5e-4",
            "data.mirror=false",
            "anchors.sizes=8,16,32,64,128",
            "name=mine",
        ],
    )
    assert config.train.batch_size == 4
    assert config.train.learning_rate == 5e-4
    assert config.data.mirror is False
    assert config.anchors.sizes == (8.0, 16.0, 32.0, 64.0, 128.0)
    assert config.name == "mine"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.batch_sise=4", "no field 'train.batch_sise'. Nearest: train.batch_size"),
        ("epochs=4", "no field 'epochs'. Nearest: train.epochs"),
        ("train=4", "no field 'train'"),
        ("train.epochs.x=4", "no field 'train.epochs.x'"),
        ("train.epochs", "must read section.field=value"),
        ("train.epochs=many", "`train.epochs` must be a whole number. Received: 'many'"),
        ("train.epochs=2.5", "`train.epochs` must be a whole number. Received: '2.5'"),
        ("train.learning_rate=nan", "`train.learning_rate` must be a finite number. Received: 'nan'"),
        ("data.mirror=yes", "`data.mirror` must be true or false. Received: 'yes'"),
        ("anchors.sizes=1,2", "`anchors.sizes` must have five entries"),
        ("anchors.sizes=1,2,3,4,x", "`anchors.sizes` must be a finite number. Received: 'x'"),
        ("train.epochs=0", "`train.epochs` must be at least 1. Received: 0"),
        ("detect.nms=soft", "`detect.nms` must be one of"),
        ("train.box_weight=2", "no field 'train.box_weight'. Nearest: loss.box_weight"),
    ],
)
def test_a_bad_override_is_refused_in_one_line(assignment, message):
    with pytest.raises(ValueError) as caught:
        override(Config(), [assignment])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: DetectConfig(nms_iou_threshold=1.5), "`detect.nms_iou_threshold` must lie in 0..1"),
        (lambda: LossConfig(positive_iou=0.3), "`loss.positive_iou` must satisfy"),
        (lambda: LossConfig(class_loss="hinge"), "`loss.class_loss` must be one of .*'sigmoid_focal'"),
        (lambda: LossConfig(box_loss="diou"), "`loss.box_loss` must be one of .*'giou'"),
        (lambda: DataConfig(mask_scale=0), "`data.mask_scale` must be at least 1"),
        (lambda: LossConfig(focal_gamma=-1), "`loss.focal_gamma` must be at least 0"),
        (lambda: LossConfig(focal_alpha=2), "`loss.focal_alpha` must lie in 0..1"),
        (lambda: LossConfig(dice_weight=-1), "`loss.dice_weight` must be at least 0"),
        (lambda: DataConfig(on_error="ignore"), "`data.on_error` must be one of"),
        (lambda: TrainConfig(learning_rate=0), "`train.learning_rate` must be above 0"),
        (lambda: AnchorConfig(ratios=()), "`anchors.ratios` must be positive"),
        (lambda: Config.from_json("{"), "A config must be JSON"),
        (lambda: Config.from_json('{"modl": {}}'), "no field 'modl'. Nearest: "),
        (lambda: Config.from_json('{"model": 3}'), "`model` must be an object. Received: 3"),
    ],
)
def test_bad_values_are_refused_on_creation(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@pytest.mark.parametrize(
    "text, minutes", [("30m", 30), ("90s", 1.5), ("2h", 120), ("1h30m", 90), ("0.5h", 30), ("1h1m6s", 61.1)]
)
def test_a_duration_is_read(text, minutes):
    assert minutes_of(text) == pytest.approx(minutes)


@pytest.mark.parametrize("text", ["", "30", "m", "0m", "30 minutes", "-5m", "1.2.3m", "5m1h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="A duration must read like 30m, 90s or 1h30m. Received: "):
        minutes_of(text)


def test_differences_name_the_field_and_both_values():
    changed = override(Config(), ["train.epochs=3", "data.mirror=false", "anchors.sizes=1,2,3,4,5"])
    assert differences(changed, changed) == []
    assert [str(difference) for difference in differences(changed, Config())] == [
        "anchors.sizes (1.0, 2.0, 3.0, 4.0, 5.0), not (24.0, 48.0, 96.0, 192.0, 384.0)",
        "data.mirror False, not True",
        "train.epochs 3, not 55",
    ]


def test_differences_tell_what_is_computed_from_how_it_runs():
    changed = override(Config(), ["train.epochs=3", "train.devices=2", "data.cache=memory"])
    computed = {difference.path: difference.is_computed for difference in differences(changed, Config())}
    assert computed == {"data.cache": False, "train.epochs": True, "train.devices": False}


@pytest.mark.parametrize("format", ["onnx", "openvino", "litert"])
def test_bfloat16_is_of_saved_models(format):
    assert ExportRecipe("saved_model", "bfloat16").precision == "bfloat16"
    with pytest.raises(ValueError, match=r"`recipe\.precision` must be one of .*Received: 'bfloat16'"):
        ExportRecipe(format, "bfloat16")
