"""Maps of ids whose edges were smoothed, by drawing or by resizing: blends that are ids of nothing."""

import numpy as np

from yolact_tf.data.convert.conversion_losses import Losses
from yolact_tf.files import PathLike


def edge_pixels(values: np.ndarray) -> np.ndarray:
    """[H, W] bool: the pixels of smooth edges in `values`, [H, W] or [H, W, channels]; 0 is background.

    Edges are smooth where more values are thin than not, thin being one that never fills 3 x 3 pixels,
    and where most pixels of the thin ones lie between a lower and a higher neighbour. Small objects are
    thin, too, but do not lie between.
    """
    channels = values.reshape(*values.shape[:2], -1).astype("int64")
    codes = channels @ (1 << 16) ** np.arange(channels.shape[2])
    if len(np.unique(codes)) < 3:  # nothing to lie between
        return np.zeros(codes.shape, bool)
    known = np.unique(codes[_fills(codes)])
    is_thin = ~np.isin(codes, np.append(known, 0))
    if len(np.unique(codes[is_thin])) <= np.count_nonzero(known):
        return np.zeros(codes.shape, bool)
    return is_thin & (_lies_between(channels)[is_thin].mean() > 0.5)


def sharpened(ids: np.ndarray, losses: Losses, where: PathLike) -> np.ndarray:
    """`ids` [H, W] without smooth edges, which are counted.

    Where there is one object, a pixel is of it from half of its value on; edges of several are background.
    """
    is_edge = edge_pixels(ids)
    if not is_edge.any():
        return ids
    losses.add("masks with smooth edges, now sharp", where)
    if np.count_nonzero(np.unique(ids[~is_edge])) > 1:
        return np.where(is_edge, 0, ids)
    return np.where(2 * ids >= ids.max(), ids.max(), 0)


def _fills(codes):
    """[H, W] bool: whether a pixel and its eight neighbours are the same; beyond the border all are."""
    padded = np.pad(codes, 1, mode="edge")
    in_row = (padded[:, 1:-1] == padded[:, :-2]) & (padded[:, 1:-1] == padded[:, 2:])
    in_column = (codes == padded[:-2, 1:-1]) & (codes == padded[2:, 1:-1])
    return in_column & in_row[:-2] & in_row[1:-1] & in_row[2:]


def _lies_between(channels):
    """[H, W] bool: whether some channel of a pixel has both lower and higher neighbours."""
    padded = np.pad(channels, ((1, 1), (1, 1), (0, 0)), mode="edge")
    extremes = []
    for extreme in (np.minimum, np.maximum):
        rows = extreme(extreme(padded[:-2], padded[1:-1]), padded[2:])
        extremes.append(extreme(extreme(rows[:, :-2], rows[:, 1:-1]), rows[:, 2:]))
    return ((extremes[0] < channels) & (channels < extremes[1])).any(2)
