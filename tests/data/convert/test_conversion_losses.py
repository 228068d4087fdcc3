"""Losses: counted by kind, with the first example; crowds and fields that a format lacks."""

from dataclasses import replace

from tests.data.convert.made import data_set_of, kinds, square
from yolact_tf.data.convert.conversion_losses import (
    Losses,
    count_category_fields,
    count_fields,
    held,
    without_crowds,
)
from yolact_tf.data.convert.data_set import Category


def test_losses_keep_count_and_the_first_example():
    losses = Losses()
    for example, count in (("a", 2), ("b", 0), ("c", 3)):
        losses.add("dropped", example, count)
    losses.add("never", "d", 0)
    assert losses == {"dropped": (5, "a")}


def test_including_others_adds_them_up():
    losses, others = Losses(), Losses()
    losses.add("dropped", "a")
    others.add("dropped", "b", 4)
    others.add("covered", "c")
    losses.include(others)
    assert losses == {"dropped": (5, "a"), "covered": (1, "c")}


def test_crowds_are_left_out_and_counted(tmp_path):
    data_set = data_set_of(tmp_path, [square(1, 1, 5, 5), square(7, 7, 9, 9, is_crowd=True)])
    losses = Losses()
    kept = without_crowds(data_set, losses)
    assert [i.is_crowd for i in kept.splits["train"][0].instances] == [False]
    assert losses == {"crowd regions left out": (1, "train/a.png")}


def test_held_asks_for_name_and_type():
    assert held({"flags": {}, "pose": 3, "other": 1}, {"flags": dict, "pose": str}) == {"flags": {}}


def test_fields_that_a_format_lacks_are_named(tmp_path):
    objects = [square(1, 1, 5, 5, instance_id=4, extra={"occluded": 1}), square(1, 1, 5, 5)]
    data_set = data_set_of(tmp_path, objects)
    (picture,) = data_set.splits["train"]
    picture = replace(picture, image_id=3, extra={"license": 1})
    data_set = replace(data_set, splits={"train": (picture,)}, extra={"train": {"info": {}}, "val": {}})
    losses = Losses()
    count_fields(data_set, losses, {"occluded": int})
    assert kinds(losses) == {
        "fields of splits": 1,
        "fields of images (id, license)": 1,
        "fields of objects (id)": 1,
    }


def test_category_ids_that_are_not_1_2_3_are_counted(tmp_path):
    data_set = data_set_of(tmp_path, [], categories={1: Category("a"), 4: Category("b", "letter")})
    losses = Losses()
    count_category_fields(data_set, losses)
    assert losses == {"category ids": (1, "b: 4 reads back as 2"), "supercategories": (1, "b: letter")}
