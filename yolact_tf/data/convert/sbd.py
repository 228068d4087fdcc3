"""SBD, the Semantic Boundaries Dataset: img/, inst/*.mat, train.txt, val.txt. Read only; needs scipy."""

from pathlib import Path

import numpy as np

from yolact_tf.data.coco.split_names import splits_among
from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.data.convert.data_set import Category, DataSet, Instance, Picture
from yolact_tf.data.convert.id_maps import rles_of
from yolact_tf.data.convert.image_files import check_size, listed_pictures, picture_sizes
from yolact_tf.data.convert.voc import VOC_CLASSES
from yolact_tf.files import PathLike


def read_sbd(folder: PathLike) -> DataSet:
    """The DataSet of an SBD folder, or of the dataset/ in it; the categories are VOC's twenty, from 1.

    Only inst/ is read: it holds the classes of cls/ too, an object each.
    """
    load = _loader()
    root = Path(folder)
    root = root / "dataset" if (root / "dataset" / "inst").is_dir() else root
    names = splits_among((file.stem for file in sorted(root.glob("*.txt"))), root)
    files = {split: root / f"{name}.txt" for split, name in names.items()}
    if not files or not (root / "inst").is_dir():
        raise FileNotFoundError(f"{root}: expected train.txt or val.txt and inst/. Received none")
    losses, splits = Losses(), {}
    for split, file in files.items():
        found = listed_pictures(file, root / "img", losses.left_out)
        pictures = []
        for (stem, image), size in zip(found, picture_sizes([image for _, image in found]), strict=True):
            with losses.left_out.skip_image():
                name = image.relative_to(root / "img").as_posix()
                instances = _instances(root / "inst" / f"{stem}.mat", size(), load, losses.left_out)
                pictures.append(Picture(name, image, *size(), instances))
        splits[split] = tuple(pictures)
    return DataSet({i: Category(name) for i, name in enumerate(VOC_CLASSES, 1)}, splits, losses)


def _loader():
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ImportError("reading SBD needs scipy: pip install 'yolact_tf[sbd]'") from None
    return loadmat


def _instances(file, size, load, left_out):
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such mask file")
    try:
        truth = load(file, squeeze_me=True, struct_as_record=False)["GTinst"]
        ids = np.atleast_2d(truth.Segmentation).astype("int32")
        categories = np.atleast_1d(truth.Categories).astype(int).tolist()
    except Exception as error:  # scipy has no error of its own for a file that is none
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{file}: expected MATLAB's GTinst with Segmentation. Received: {reason}") from None
    check_size(file, ids.shape[::-1], size)

    instances = []
    for value, rle in rles_of(ids).items():
        category_id = categories[value - 1] if value <= len(categories) else 0
        with left_out.skip_object(f"{file}: object {value}"):
            if not 0 < category_id <= len(VOC_CLASSES):
                raise ValueError(
                    f"expected a class from 1 to {len(VOC_CLASSES)}. Received: {category_id or 'none'}"
                )
            instances.append(Instance(category_id, rle=rle))
    return tuple(instances)
