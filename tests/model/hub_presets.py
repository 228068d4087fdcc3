"""Small presets of KerasHub, in folders."""

import keras

SCALE, OFFSET = [1 / 58, 1 / 57, 1 / 57.5], [-2.1, -2.0, -1.8]  # of pixels, as its image converter does it


def resnet(stages):
    import keras_hub

    keras.utils.set_random_seed(0)
    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64] * stages,  # KerasHub has none below
        stackwise_num_blocks=[1] * stages,
        stackwise_num_strides=[1, 2, 2, 2][:stages],
        block_type="basic_block",
    )


def save(network, path):
    import keras_hub

    network.save_to_preset(path)
    converter = keras_hub.layers.ResNetImageConverter(image_size=(224, 224), scale=SCALE, offset=OFFSET)
    keras_hub.models.ResNetImageClassifierPreprocessor(image_converter=converter).save_to_preset(path)
