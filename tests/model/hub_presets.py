"""Small backbones of KerasHub, and presets of them in folders."""

import keras

SCALE, OFFSET = [1 / 58, 1 / 57, 1 / 57.5], [-2.1, -2.0, -1.8]  # of pixels, as its image converter does it


def resnet(stages=4):
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


def efficientnet(block_type="v1"):
    """Of one block a stage. block_type: "v1", of plain layers, or "unfused", of layers made of others."""
    import keras_hub

    return keras_hub.models.EfficientNetBackbone(
        stackwise_width_coefficients=[1.0] * 4,
        stackwise_depth_coefficients=[1.0] * 4,
        stackwise_squeeze_and_excite_ratios=[0.25] * 4,
        stackwise_kernel_sizes=[3] * 4,
        stackwise_num_repeats=[1] * 4,
        stackwise_input_filters=[8, 8, 16, 24],
        stackwise_output_filters=[8, 16, 24, 32],
        stackwise_expansion_ratios=[1, 2, 2, 2],
        stackwise_strides=[2, 2, 2, 2],
        stackwise_block_types=[block_type] * 4,
        include_initial_padding=True,
        input_shape=(None, None, 3),
    )


def csp_darknet():
    import keras_hub

    return keras_hub.models.CSPNetBackbone(
        stem_filters=8,
        stem_kernel_size=3,
        stem_strides=1,
        stem_padding="same",
        stackwise_depth=[1] * 5,
        stackwise_strides=[2] * 5,
        stackwise_num_filters=[8, 8, 16, 24, 32],
        stage_type="dark",
        block_type="dark_block",
        bottle_ratio=[0.5],
        block_ratio=[1.0],
        expand_ratio=[1.0],
    )


def densenet():
    import keras_hub

    return keras_hub.models.DenseNetBackbone(stackwise_num_repeats=[1] * 4, growth_rate=8)


def save(network, folder):
    import keras_hub

    network.save_to_preset(folder)
    converter = keras_hub.layers.ResNetImageConverter(image_size=(224, 224), scale=SCALE, offset=OFFSET)
    keras_hub.models.ResNetImageClassifierPreprocessor(image_converter=converter).save_to_preset(folder)
