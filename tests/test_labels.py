import pytest

from yolact_tf.labels import distinct_names, labels_from_json, labels_to_json


def test_reading_undoes_writing_and_sorts_by_number():
    labels = {2: "grus", 10: "größe 大", -1: ""}
    read = labels_from_json(labels_to_json(labels), "labels.json")
    assert list(read.items()) == [(-1, ""), (2, "grus"), (10, "größe 大")]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "7", '{"a": "b"}', '{"1": 2}', '{"1": null}', "[" * 100_000]
)
def test_what_is_no_list_of_labels_is_refused_in_one_line(text):
    with pytest.raises(ValueError) as caught:
        labels_from_json(text, "x/labels.json")
    assert str(caught.value) == (
        f"x/labels.json: expected category ids and their names. Received: {text[:80]!r}"
    )


def test_names_that_several_categories_have_get_their_ids():
    assert distinct_names({1: "crane", 3: "owl", 7: "crane"}) == ["crane (1)", "owl", "crane (7)"]
