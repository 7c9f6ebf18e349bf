"""Measures the inference of KerasHub's DeepLabV3+ for `benchmarks.networks`.

It runs in KerasHub's environment. KerasHub's ResNet has an output stride of 32.

Run:    python benchmarks/keras_hub_network.py REPEATS SHAPE...
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before importing TensorFlow

import keras_hub
import numpy as np
import tensorflow as tf
from processes import print_cost

CLASSES = 19
THREADS = 2


def main(repeats, *shape):
    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    predict = tf.function(deeplab_v3_plus(), autograph=False)
    values = np.random.default_rng(0).uniform(0, 255, tuple(map(int, shape)))
    images = tf.constant(values.astype("float32"))
    print_cost(lambda: [predict(images, training=False)], int(repeats))


def deeplab_v3_plus():
    """Returns KerasHub's DeepLabV3+ with ResNet-50."""
    backbone = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 128, 256, 512],
        stackwise_num_blocks=[3, 4, 6, 3],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="bottleneck_block",
    )
    network = keras_hub.models.DeepLabV3Backbone(
        backbone,
        spatial_pyramid_pooling_key="P5",
        upsampling_size=8,
        dilation_rates=[6, 12, 18],
        low_level_feature_key="P2",
    )
    return keras_hub.models.DeepLabV3ImageSegmenter(network, CLASSES)


if __name__ == "__main__":
    main(*sys.argv[1:])
