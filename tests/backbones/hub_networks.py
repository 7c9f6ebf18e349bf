"""Small networks of keras-hub, by family."""


def networks():
    """`{family: function that builds it}`."""
    from keras_hub import models

    def resnet(pre_activation):
        return models.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[7],
            stackwise_num_filters=[64, 8, 16, 16],
            stackwise_num_blocks=[2, 1, 2, 1],
            stackwise_num_strides=[1, 2, 2, 2],
            block_type="bottleneck_block",
            use_pre_activation=pre_activation,
        )

    def mobilenet():
        return models.MobileNetBackbone(
            stackwise_expansion=[[16], [24, 32], [40], [48, 48]],
            stackwise_num_blocks=[1, 2, 1, 2],
            stackwise_num_filters=[[16], [16, 16], [24], [24, 24]],
            stackwise_kernel_size=[[3], [5, 5], [3], [5, 5]],
            stackwise_num_strides=[[2], [2, 1], [2], [2, 1]],
            stackwise_se_ratio=[[None], [0.25, 0.25], [None], [0.25, 0.25]],
            stackwise_activation=[["relu"], ["hard_swish"] * 2, ["relu"], ["relu"] * 2],
            stackwise_padding=[[1], [2, 2], [1], [2, 2]],
            output_num_filters=64,
            input_activation="hard_swish",
            output_activation="hard_swish",
            input_num_filters=16,
            image_shape=(None, None, 3),
            depthwise_filters=8,
            depthwise_stride=1,
            depthwise_residual=False,
            squeeze_and_excite=0.5,
            last_layer_filter=64,
        )

    def efficientnet():
        return models.EfficientNetBackbone(
            stackwise_width_coefficients=[1.0] * 5,
            stackwise_depth_coefficients=[1.0] * 5,
            stackwise_kernel_sizes=[3, 3, 3, 5, 3],
            stackwise_num_repeats=[1, 2, 1, 2, 1],
            stackwise_input_filters=[8, 8, 16, 16, 24],
            stackwise_output_filters=[8, 16, 16, 24, 24],
            stackwise_expansion_ratios=[1, 4, 4, 4, 4],
            stackwise_squeeze_and_excite_ratios=[0, 0, 0.25, 0.25, 0.25],
            stackwise_strides=[1, 2, 2, 2, 2],
            stackwise_block_types=["v1", "fused", "unfused", "unfused", "v1"],
            stackwise_force_input_filters=[0] * 5,
            stackwise_nores_option=[False] * 5,
        )

    return {
        "resnet": lambda: resnet(False),
        "resnet_v2": lambda: resnet(True),
        "mobilenet": mobilenet,
        "efficientnet": efficientnet,
        "densenet": lambda: models.DenseNetBackbone(
            stackwise_num_repeats=[1, 2, 1, 2], growth_rate=8
        ),
        "cspnet": lambda: models.CSPNetBackbone(
            stem_filters=8,
            stem_kernel_size=3,
            stem_strides=2,
            stackwise_depth=[1, 2, 1, 1],
            stackwise_strides=[2, 2, 2, 2],
            stackwise_num_filters=[8, 16, 16, 32],
            block_type="dark_block",
            stage_type="csp",
            bottle_ratio=[1.0],
            block_ratio=[1.0],
            expand_ratio=[2.0],
            image_shape=(None, None, 3),
        ),
        "vgg": lambda: models.VGGBackbone(
            stackwise_num_repeats=[1, 1, 2, 1, 1],
            stackwise_num_filters=[8, 8, 16, 16, 16],
            image_shape=(None, None, 3),
        ),
        "xception": lambda: models.XceptionBackbone(
            stackwise_conv_filters=[[8, 8], [16, 16], [24], [32], [40, 40], [48]],
            stackwise_pooling=[False, True, True, True, True, False],
        ),
        "hgnetv2": lambda: models.HGNetV2Backbone(
            depths=[1, 1, 2, 1],
            embedding_size=16,
            hidden_sizes=[16, 16, 24, 24],
            stem_channels=[3, 8, 8],
            hidden_act="relu",
            use_learnable_affine_block=False,
            stackwise_stage_filters=[
                (8, 8, 16, 1, 2, 3),
                (16, 8, 16, 1, 2, 3),
                (16, 8, 24, 2, 2, 3),
                (24, 8, 24, 1, 2, 5),
            ],
            apply_downsample=[False, True, True, True],
            use_lightweight_conv_block=[False, False, True, True],
            image_shape=(None, None, 3),
        ),
    }


def mix_transformer():
    from keras_hub import models

    return models.MiTBackbone(
        layerwise_depths=[1, 1, 1, 1],
        num_layers=4,
        layerwise_num_heads=[1, 2, 5, 8],
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        image_shape=(64, 64, 3),
        hidden_dims=[8, 16, 20, 32],
    )
