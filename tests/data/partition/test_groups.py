"""Groups: what is joined, directly or through others, has one label."""

from yolact_tf.data.partition.groups import Groups


def test_what_is_joined_through_others_has_one_label():
    groups = Groups(7)
    assert groups.labels().tolist() == [0, 1, 2, 3, 4, 5, 6]
    for one, other in ((6, 4), (4, 2), (1, 3), (3, 3)):
        groups.join(one, other)
    assert groups.labels().tolist() == [0, 1, 2, 1, 2, 5, 2]
    groups.join(6, 1)
    assert groups.labels().tolist() == [0, 1, 1, 1, 1, 5, 1]


def test_equal_keys_are_joined_and_none_is_no_key():
    groups = Groups(6)
    groups.join_equal(["a", None, "b", "a", None, "b"])
    groups.join_equal([None, 1, 1, 2, 3, 4])
    assert groups.labels().tolist() == [0, 1, 1, 0, 4, 1]


def test_nothing_has_no_groups():
    assert Groups(0).labels().tolist() == []
