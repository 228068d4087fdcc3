from tests.blind import Blind
from tests.coco_folder import rectangle, write_folder
from yolact_tf.evaluate import evaluate
from yolact_tf.evaluate.stopwatch import DETECTING, MASKS, READING, Stopwatch


def test_each_image_that_is_evaluated_is_timed(tmp_path):
    pictures = {f"{number}.png": (30, 40) for number in range(3)}
    write_folder(tmp_path, pictures, [rectangle(1, 1, 1, 8, 8)], splits=("val",))
    watch = Stopwatch(Blind({1: "thing"}))
    metrics, _ = evaluate(watch, tmp_path, observe=watch.observe)
    assert watch.labels == {1: "thing"} and watch.image_ids == [1, 2, 3] and metrics["images"] == 3
    assert list(watch.seconds) == [READING, DETECTING, MASKS]
    for seconds in watch.seconds.values():
        assert len(seconds) == 3 and min(seconds) >= 0
