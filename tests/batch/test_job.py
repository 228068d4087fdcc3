"""Whole jobs: what they write is what the Detector finds, whoever works on them and whatever happens."""

import io
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import yolact_tf
from yolact_tf.batch import Job, run_batch
from yolact_tf.images.decoding import read_image

# Named as any other runner is; it works in this process.
HERE = "apache_beam.runners.portability.fn_api_runner.FnApiRunner"
READABLE = [f"val_0000{i}.jpg" for i in range(4)]


@pytest.fixture(scope="module")
def detector(saved_model):
    return yolact_tf.Detector.from_artefact(saved_model)


def expected_rows(detector, folder, threshold=0.05):
    """As `yolact detect` writes them, of images that count from the third."""
    rows = []
    for image_id, name in enumerate(READABLE, 3):
        found = detector(folder / name).above(threshold)
        rows += [{**row, "file_name": name} for row in found.to_coco(image_id)]
    assert len({row["image_id"] for row in rows}) == 4
    return rows


def failures(output):
    return [json.loads(line) for line in (output / "found.failed.jsonl").read_text().splitlines()]


def assert_whole(output, detector, photographs):
    """All that a job over `photographs` writes, but for the numbers of files."""
    assert_array_equal(sorted(os.listdir(output)), ["found.failed.jsonl", "found.json", "pictures.tar"])
    assert json.loads((output / "found.json").read_text()) == expected_rows(detector, photographs)
    with tarfile.open(output / "pictures.tar") as tar:
        assert tar.getnames() == [f"{name}.png" for name in READABLE]
        drawn = np.asarray(Image.open(io.BytesIO(tar.extractfile(tar.getnames()[1]).read())))
    image = read_image(photographs / READABLE[1])
    assert_array_equal(drawn, detector(image).above(0.05).draw(image))
    cut, text = failures(output)
    assert (cut["image_id"], cut["file_name"], cut["address"]) == (1, "cut.jpg", f"{photographs}/cut.jpg")
    assert cut["reason"].startswith("cut.jpg: expected an image. Received: ")
    assert text["reason"].startswith("text.PNG: expected an image (JPEG")


def job_of(saved_model, photographs, output, **more):
    settings = {"overlays": output / "pictures.tar", "score_threshold": 0.05, **more}
    return Job(saved_model, photographs, output / "found.json", **settings)


@pytest.mark.whole
def test_two_processes_write_what_the_detector_finds(saved_model, photographs, output, detector):
    told = []
    progress = lambda done, total: told.append((done, total))
    report = run_batch(job_of(saved_model, photographs, output, processes=2), progress)
    assert_whole(output, detector, photographs)
    assert report == (6, len(expected_rows(detector, photographs)), 2, f"{output}/found.failed.jsonl")
    assert told[0] == (0, 6) and told == sorted(told)


def test_a_runner_that_is_named_writes_the_same(saved_model, photographs, output, detector):
    run_batch(job_of(saved_model, photographs, output, runner=HERE))
    assert_whole(output, detector, photographs)


def test_shards_hold_the_same_rows_in_the_same_order(saved_model, photographs, output, detector):
    run_batch(job_of(saved_model, photographs, output, runner=HERE, shards=3, batch=4, overlays=None))
    files = [output / f"found-0000{i}-of-00003.json" for i in range(3)]
    shards = [json.loads(file.read_text()) for file in files]
    ids = [sorted({row["image_id"] for row in rows}) for rows in shards]
    assert ids == [[], [3, 4], [5, 6]] and len(failures(output)) == 2
    rows = [row for shard in shards for row in shard]
    expected = expected_rows(detector, photographs)
    assert [row["category_id"] for row in rows] == [row["category_id"] for row in expected]
    # Of several images at once, sums have another order.
    assert_array_equal(np.round([row["bbox"] for row in rows]), np.round([row["bbox"] for row in expected]))


def test_all_may_be_far_away(saved_model, photographs, output, detector, tmp_path, far):
    shutil.copytree(saved_model, tmp_path / "model")
    job = Job(
        *(
            far(tmp_path / "model"),
            far(photographs),
            far(output / "found.json"),
            far(output / "pictures.tar"),
        ),
        score_threshold=0.05,
        runner=HERE,
    )
    run_batch(job)
    assert json.loads((output / "found.json").read_text()) == expected_rows(detector, photographs)
    assert [row["address"] for row in failures(output)] == [
        far(photographs / name) for name in ("cut.jpg", "text.PNG")
    ]
    assert sorted(os.listdir(output)) == ["found.failed.jsonl", "found.json", "pictures.tar"]
    with pytest.raises(ValueError, match="must be new files"):
        run_batch(job)


def test_images_of_which_something_is_not_seen_are_told_of(saved_model, tmp_path, output, caplog):
    for name in ("a.png", "b.png"):
        Image.new("RGBA", (40, 30)).save(tmp_path / name)
    run_batch(Job(saved_model, f"{tmp_path}/*.png", output / "found.json", runner=HERE))
    assert [r.getMessage() for r in caplog.records if "alpha" in r.getMessage()] == [
        "2 of 2 images have an alpha channel, which is dropped"
    ]


def test_where_no_image_can_be_read_that_is_an_error_and_the_list_stays(saved_model, photographs, output):
    (photographs / "list.txt").write_text("text.PNG\ngone.jpg\n")
    job = Job(saved_model, photographs / "list.txt", output / "found.json", runner=HERE)
    with pytest.raises(ValueError, match=r"none of 2 images can be read: text.PNG: expected an image"):
        run_batch(job)
    assert failures(output)[1]["reason"] == "gone.jpg: no such image file"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"images": "nothing"}, FileNotFoundError, "which matches nothing"),
        ({"model": "nothing"}, FileNotFoundError, "MODEL must be a run folder or an exported model"),
        ({"shards": 0}, ValueError, "`shards` must be at least 1"),
        ({"processes": 0}, ValueError, "`processes` must be at least 1"),
        ({"results": "found.txt"}, ValueError, "--output must be a file that ends in .json"),
        ({"runner": "NoSuch"}, ValueError, "Unexpected pipeline runner: NoSuch"),
    ],
)
def test_a_wrong_request_leaves_nothing(change, error, message, saved_model, photographs, output):
    with pytest.raises(error, match=message):
        run_batch(job_of(saved_model, photographs, output)._replace(**change))
    assert os.listdir(output) == []


@pytest.mark.whole
def test_a_model_that_is_none_is_told_in_its_own_words(photographs, output):
    with pytest.raises(ValueError, match=r"^MODEL must be a run folder, one of a SavedModel.*model.xml$"):
        run_batch(job_of(photographs, photographs, output, processes=1))
    assert os.listdir(output) == []


def workers():
    """Ids of the processes that work on the job of this one."""
    coordinators = [process.pid for process in multiprocessing.active_children()]
    return [worker for pid in coordinators for shell in children(pid) for worker in children(shell)]


def children(pid):
    """Of all threads of a process."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in lists for child in file.read_text().split()]


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ends(pid):
    """Whether a process ends: one that was killed takes a moment."""
    for _ in range(600):
        if not is_running(pid):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.whole
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "interrupted"])
def test_a_job_that_loses_a_process_or_is_interrupted_ends_and_leaves_nothing(
    is_killed, saved_model, photographs, output
):
    seen = []

    def progress(done, total):
        if not seen and len(found := workers()) == 2:
            seen.extend(found)
            if not is_killed:
                raise KeyboardInterrupt
            os.kill(found[0], signal.SIGKILL)

    expected = (RuntimeError, "was killed") if is_killed else (KeyboardInterrupt, None)
    with pytest.raises(expected[0], match=expected[1]):
        run_batch(job_of(saved_model, photographs, output, processes=2), progress)
    assert os.listdir(output) == []
    assert len(seen) == 2 and all(map(ends, seen))


@pytest.mark.whole
@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for processes in /proc")
def test_the_processes_of_a_job_that_is_killed_end(saved_model, photographs, output):
    code = (
        "import multiprocessing, sys\n"
        "from yolact_tf.batch import Job, run_batch\n"
        "show = lambda *_: print(*[p.pid for p in multiprocessing.active_children()], flush=True)\n"
        "run_batch(Job(*sys.argv[1:], processes=1), show)\n"
    )
    command = [sys.executable, "-c", code, saved_model, photographs, output / "found.json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as job:
        coordinator = int(next(line for line in job.stdout if line.strip()))
        job.kill()
    assert ends(coordinator)
    assert "found.json" not in os.listdir(output)
