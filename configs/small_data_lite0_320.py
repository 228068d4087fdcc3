"""For tens to hundreds of photographs: `small_data_320` with EfficientNet-Lite0 from ImageNet.

    yolact train small_data_lite0_320 --data DATA --run runs/mine --time 20m

All else is as there but for how the backbone learns. Mask AP on 173 photographs of four kinds of animals
after 4 epochs, about 6 minutes of two CPU cores, of one seed each (docs/experiments.md):

- It learns at a tenth of the rate of the rest: .50, against .30 at the same rate, which takes ImageNet's
  knowledge apart before the heads are of use (.48 at .3).
- Its stages up to a stride of 4, edges and colours, do not learn: .50 as with them, in 13 % less time.
- Batch norm learns in the others, though batches are small: .48, against .26 with ImageNet's statistics, both
  at .3 of the rate.
- Mask coefficients start from 0: .51 instead of .50, and prototypes live. In layers of 128 channels, all of
  them died from random ones.
"""

from dataclasses import replace

from yolact_tf.recipes import load_config

small_data = load_config("small_data_320")
config = replace(
    small_data,
    name="small_data_lite0_320",
    model=replace(
        small_data.model,
        backbone="efficientnet_lite0",
        backbone_weights="imagenet",
        zero_coefficients=True,
    ),
    train=replace(small_data.train, backbone_rate=0.1, freeze=("backbone:2",)),
)
