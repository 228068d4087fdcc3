"""For tens to hundreds of images and a GPU: YOLACT-550 that goes on from published weights.

    yolact import-weights yolact_resnet50_54_800000.pth resnet50_550 --run runs/resnet50_550
    yolact train small_data_resnet50_550 --data DATA --weights runs/resnet50_550 --run runs/mine

Network and anchors are those of `resnet50_550`, so that all but the layers that depend on classes start
from COCO. Data, losses and optimiser are those of `small_data_320`, which says why. Two things differ:
batch norm keeps its statistics, as the original's does below 6 images a step, and the learning rate is a
tenth, since weights that are good already should move little. That rate is the usual one for AdamW on
trained networks; it was not measured.
"""

from dataclasses import replace

from yolact_tf.recipes import load_config

network, small_data = load_config("resnet50_550"), load_config("small_data_320")
config = replace(
    network,
    name="small_data_resnet50_550",
    data=replace(small_data.data, image_size=network.data.image_size),
    train=replace(small_data.train, learning_rate=2e-4, freeze_batch_norm="auto"),
    loss=small_data.loss,
)
