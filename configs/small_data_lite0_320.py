"""For tens to hundreds of photographs: `small_data_320` with EfficientNet-Lite0 from ImageNet.

    yolact train small_data_lite0_320 --data DATA --run runs/mine --time 20m

All else is as there, and not tuned to the other backbone: what AP it reaches has not been measured yet.
"""

from dataclasses import replace

from yolact_tf.recipes import load_config

small_data = load_config("small_data_320")
config = replace(
    small_data,
    name="small_data_lite0_320",
    model=replace(small_data.model, backbone="efficientnet_lite0", backbone_weights="imagenet"),
)
