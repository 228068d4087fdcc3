import keras
import pytest

from yolact_tf.model import build_yolact
from yolact_tf.model.places import Place, place_of, places, weighted_layers
from yolact_tf.recipes import load_config


def stages_of(backbone, size=64):
    """{stage: the parts of names that tell blocks apart, in order} of a backbone."""
    settings = [f"model.backbone={backbone}", f"data.image_size={size}"]
    found = {}
    for place, _ in places(build_yolact(load_config("tiny_256", settings))):
        if place.stage:
            found.setdefault(place.stage, []).append(place.path.rpartition("/")[2])
    return found


def first_and_last(stages):
    return {stage: (names[0], names[-1]) for stage, names in stages.items()}


@pytest.mark.parametrize("size", [64, 550])
def test_stages_of_the_slim_resnet_begin_at_its_stem_of_stride_4(size):
    assert first_and_last(stages_of("slim_resnet", size)) == {
        2: ("stem_conv", "stem_norm"),
        3: ("stage0_block0_1_conv", "stage0_block1_2_norm"),
        4: ("stage1_block0_1_conv", "stage1_block1_2_norm"),
        5: ("stage2_block0_1_conv", "stage2_block1_2_norm"),
    }


@pytest.mark.whole
@pytest.mark.parametrize(
    ("backbone", "expected"),
    [
        ("resnet50", ["stem", "stage0_block", "stage1_block", "stage2_block", "stage3_block"]),
        ("resnet50_deformable", ["stem", "stage0_block", "stage1_block", "stage2_block", "stage3_block"]),
        ("darknet53", [("entry", "stage0"), "stage1", "stage2", "stage3", "stage4"]),
        (
            "efficientnet_lite0",
            [
                ("stem", "block0_"),
                ("block1_", "block2_"),
                ("block3_", "block4_"),
                tuple(f"block{i}_" for i in range(5, 11)),
                tuple(f"block{i}_" for i in range(11, 16)),
            ],
        ),
        (
            "mobilenetv2",
            [
                ("Conv1", "bn_Conv1", "expanded_conv"),
                ("block_1_", "block_2_"),
                ("block_3_", "block_4_", "block_5_"),
                tuple(f"block_{i}_" for i in range(6, 13)),
                ("block_13_", "block_14_", "block_15_", "block_16_", "Conv_1"),
            ],
        ),
    ],
)
def test_no_block_is_divided_between_stages(backbone, expected):
    found = stages_of(backbone)
    assert set(found) == {1, 2, 3, 4, 5}
    for stage, prefixes in enumerate(expected, 1):
        assert all(name.startswith(prefixes) for name in found[stage]), stage


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("backbone", True),
        ("backbone/stem_conv", True),
        ("backbone/stem", False),
        ("back", False),
        ("backbone:1", False),
        ("backbone:2", True),
        ("backbone:5", True),
        ("backbone:x", False),
        ("fpn:2", False),
    ],
)
def test_names_of_a_place(name, expected):
    assert Place("backbone/stem_conv", 2).is_in(name) == expected
    assert not Place("fpn/lateral_p5").is_in(name)


def test_variables_know_their_places():
    model = build_yolact(load_config("tiny_256", ["data.image_size=64"]))
    kernel = model.get_layer("backbone").get_layer("stem_conv").kernel
    assert place_of(kernel) == Place("backbone/stem_conv", 2)
    assert place_of(model.get_layer("fpn").get_layer("lateral_p5").kernel) == Place("fpn/lateral_p5")
    assert {place_of(variable).path.partition("/")[0] for variable in model.variables} == {
        *("backbone", "fpn", "protonet", "prediction_head", "semantic_head")
    }


def test_layers_with_weights_of_their_own_are_found_within_models_whatever_their_order():
    def model(*names):
        parts = {
            name: keras.Sequential([keras.Input((4,)), keras.layers.Dense(4, name="dense")], name=name)
            for name in names
        }
        image = keras.Input((4,))
        return keras.Model(image, [part(image) for part in parts.values()])

    model, copy = (weighted_layers(model(*names)) for names in ("ab", "ba"))
    assert list(model) == ["a/dense", "b/dense"] and set(copy) == set(model)
    assert all(type(layer) is keras.layers.Dense for layer in model.values())
