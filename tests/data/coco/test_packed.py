"""Records that are packed, in memory or in files, are the same records."""

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from yolact_tf.data.coco.packed import COLUMNS, CannotKeep, PackedRecords, Packing, mapped_columns
from yolact_tf.data.record import Record, corners_of

HEIGHT, WIDTH = 6, 8
MASKS = [[0, 48], [48], [3, 2, 0, 1, 42], [10, 0, 38]]  # all, none, a run of nothing in between


def record_of(image_id, masks, turned=1):
    rng = np.random.default_rng(len(masks))
    xywh = rng.uniform(1, 4, (len(masks), 4))
    return Record(
        image_id,
        f"folder/{image_id}.jpg",
        *(HEIGHT, WIDTH, corners_of(xywh, HEIGHT, WIDTH)),
        rng.integers(0, 9, len(masks)).astype("int32"),
        rng.uniform(size=len(masks)) < 0.5,
        rng.uniform(0, 99, len(masks)),
        tuple(np.array(runs, "int32") for runs in masks),
        xywh,
        turned=turned,
    )


RECORDS = [
    record_of(7, MASKS),
    record_of("text", []),
    record_of(2**60, MASKS[:1], turned=6),
    record_of(0, []),
]


def assert_same_record(received, expected):
    for field in fields(Record):
        one, other = getattr(received, field.name), getattr(expected, field.name)
        if field.name == "runs":
            assert len(one) == len(other)
            for runs, others in zip(one, other, strict=True):
                assert runs.dtype == others.dtype == np.int32
                assert_array_equal(runs, others)
        elif isinstance(other, np.ndarray):
            assert one.dtype == other.dtype and one.shape == other.shape and type(one) is np.ndarray
            assert_array_equal(one, other)
        else:
            assert one == other and type(one) is type(other)


def packed(records, folder=None):
    packing = Packing(folder)
    for record in records:
        packing.add(record, record.path.removeprefix("folder/"))
    return packing


@pytest.fixture(params=["memory", "files"])
def unpack(request, tmp_path):
    def of(records):
        if request.param == "memory":
            return packed(records).records("folder")
        packing = packed(records, tmp_path)
        packing.close()
        columns = mapped_columns(tmp_path, packing.checksums)
        return PackedRecords(columns, packing.image_ids, packing.file_names, "folder")

    return of


def test_unpacking_undoes_packing(unpack):
    records = unpack(RECORDS)
    assert len(records) == len(RECORDS)
    for received, expected in zip(records, RECORDS, strict=True):
        assert_same_record(received, expected)
    assert_array_equal(records.has_objects, [True, False, True, False])


@pytest.mark.parametrize("records", [[], RECORDS[1:2]])
def test_there_may_be_no_images_or_no_objects(unpack, records):
    assert len(unpack(records)) == len(records) and not unpack(records).has_objects.any()
    for received, expected in zip(unpack(records), records, strict=True):
        assert_same_record(received, expected)


def test_records_and_runs_are_numbered_like_any_sequence(unpack):
    records = unpack(RECORDS)
    assert_same_record(records[-4], RECORDS[0])
    assert [record.image_id for record in records[1:3]] == ["text", 2**60]
    runs = records[0].runs
    assert_array_equal(runs[-1], MASKS[-1])
    assert [part.tolist() for part in runs[1:3]] == MASKS[1:3]
    for sequence, beyond in ((records, 4), (records, -5), (runs, 4)):
        with pytest.raises(IndexError):
            sequence[beyond]


def test_some_records_can_be_taken(unpack):
    some = unpack(RECORDS).some([2, 0])
    for received, expected in zip(some, (RECORDS[2], RECORDS[0]), strict=True):
        assert_same_record(received, expected)


def test_who_writes_into_a_record_changes_no_file(tmp_path):
    packing = packed(RECORDS, tmp_path)
    packing.close()
    for _ in range(2):
        records = PackedRecords(mapped_columns(tmp_path, packing.checksums), packing.image_ids, ["a"] * 4, "")
        assert_array_equal(records[0].boxes, RECORDS[0].boxes)
        records[0].boxes[:] = 0


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_that_changed_is_refused(tmp_path, name):
    packing = packed(RECORDS, tmp_path)
    packing.close()
    data = (tmp_path / name).read_bytes()
    for damaged in (data[:-1], data + b"\0", bytes([data[0] ^ 1]) + data[1:]):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(ValueError, match=f"{name} of checksum"):
            mapped_columns(tmp_path, packing.checksums)


def test_a_full_disk_says_so(tmp_path):
    (tmp_path / "flips").symlink_to("/dev/full")
    packing = packed(RECORDS, tmp_path)
    with pytest.raises(CannotKeep, match="No space left"):
        packing.close()


def test_records_that_were_changed_can_be_packed():
    changed = replace(
        RECORDS[0],
        runs=RECORDS[0].runs[:1],
        **{name: getattr(RECORDS[0], name)[:1] for name in ("boxes", "classes", "is_crowd", "areas", "xywh")},
    )
    (received,) = packed([changed]).records("folder")
    assert_same_record(received, changed)
