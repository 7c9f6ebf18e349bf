import dataclasses
from collections.abc import Callable, Sequence

import keras

from keras_seg.backbones.geometry import is_pyramid
from keras_seg.backbones.graph import nodes
from keras_seg.ceil_division import ceil_division
from keras_seg.layers import NetworkOutput
from keras_seg.models.functional_model import functional_model
from keras_seg.models.map_sizes import map_sizes
from keras_seg.models.network_info import named_outputs, network_info
from keras_seg.models.output_info import OutputInfo
from keras_seg.models.super_resolution import (
    EXTENSIONS,
    Place,
    compare,
    enlarge,
    predict,
    reconstruct,
)
from keras_seg.positive_integer import require_positive_integer


def dual_super_resolution(
    model: keras.Model,
    scale: int = 2,
    encoder: str | None = None,
    features: str | None = None,
    output: str = "segmentation",
    activation: str | Callable | None = "linear",
    extension: str = "light",
    extension_filters: Sequence[int] | None = None,
    reconstruction_filters: Sequence[int] = (64, 32, 16),
    affinity_order: int = 1,
    affinity_subscale: int = 8,
    dropout_rate: float = 0.1,
    name: str | None = None,
) -> keras.Model:
    """Adds high-resolution supervision to a model on low-resolution images (DSRL).

    The layers of `model` are extended by three parts:

    - SSSR: the last features before the prediction are enlarged, and a new 1x1
      convolution predicts at `scale` times the resolution;
    - SISR: the image is reconstructed at `scale` times its size from the features of
      the encoder, in the design of ESPCN;
    - the feature affinity of the last features of both branches. Those of the first
      branch pass through a feature transform: a 1x1 convolution, batch norm and ReLU.

    SISR and the feature affinity are for training only: `inference_model(result,
    output)` removes them. The task need not be segmentation: a model that predicts heat
    maps of keypoints is extended in the same way.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` with the
            image as its first input. It remains unchanged; its layers are shared.
        scale: int, 2 or more.
        encoder: str, the name of the layer whose output is the encoder's features; of a
            feature pyramid, its last level is used. None for models that mark these
            features themselves by `keras_seg.layers.NetworkTensor`, as all of
            `keras_seg.models` do: the input of DeepLabV3+'s decoder, or the last level
            of the backbone in the others.
        features: str, the name of the layer whose output is the last features before
            the prediction, or None for models that mark them. The layers after it are
            left out.
        output: str. Name of the main output; also the new name of a single output that
            is not in a dict. Outputs in a list have the names of their layers.
        activation: activation of the new prediction, if the model's own has one.
        extension: method to enlarge the last features. "light" enlarges them `scale`
            times by a sub-pixel convolution at their own resolution. They add detail to
            the enlarged prediction of the last features, at a fraction of the larger
            size, and the sum is resized bilinearly. "full" enlarges them to the size of
            the predictions by bilinear resizing and two transposed convolutions. For
            images of half the size, DeepLabV3+ needs 2 to 6 % more operations with
            "light" and up to three times as many with "full".
        extension_filters: pair of ints, the channels after the two convolutions that
            enlarge and refine the features. None for (32, 32) with "light" and (64, 32)
            with "full".
        reconstruction_filters: three ints. Channels of ESPCN's 5x5 and 3x3 convolutions
            and of the features that its sub-pixel convolution computes.
        affinity_order, affinity_subscale: see `keras_seg.layers.FeatureAffinity`.
        dropout_rate: float in 0..1. Rate of dropping whole channels before the
            prediction.
        name: str, or None for the name of `model` with the suffix "_dsrl".

    Returns:
        A functional `keras.Model` with the inputs of `model` and a dict of outputs:

        - `output`: float32 `(batch, scale * height, scale * width, channels)`, where
          the output of `model` is `(batch, height, width, channels)`, at the size of
          the image or at a stride;
        - "super_resolution": the image as RGB / 255, float32
          `(batch, scale * height, scale * width, 3)`, for the mean squared error; of
          images with more channels, all of them;
        - "feature_affinity": `(batch,)`, for `keras_seg.losses.OutputLoss`;
        - the other outputs of `model`; those of the same size as the main one are
          enlarged bilinearly.

        The loss weights of the paper are 1, 0.1 and 1. The releases reconstruct images
        that are normalized by ImageNet's mean and standard deviation, whose squared
        error is 19.6 times that of RGB / 255 (the mean of `1 / deviation ** 2` over the
        channels), so a weight of 0.1 there corresponds to 1.96 here. With 0.1 here, the
        affinity outweighs the image, and the reconstruction stays a flat gray.

    Raises:
        TypeError: If the model is not functional.
        ValueError: If `scale` is not an integer above 1, if `extension` or the numbers
            of filters are none of these, if a layer is not found, is called several
            times or does not return a feature map, if the output is not a map, or if
            the features are not on a regular grid: they must have
            `ceil(size / stride)` cells, each of a whole number of predictions.

    Example:
        ```python
        model = dual_super_resolution(CPNet(11, "resnet18", prior_size=(30, 40)))
        model(images)["segmentation"]  # (2, 360, 480, 11) for images (2, 180, 240, 3)

        model = dual_super_resolution(
            pose, encoder="stage4", features="deconv3", output="heat_maps"
        )
        ```

    References:
        Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation", CVPR
        2020, section 3. The paper does not state the widths; these are our own.
    """
    if not isinstance(scale, int) or scale < 2:
        raise ValueError(f"`scale` must be an integer above 1. Received: {scale=}")
    if extension not in EXTENSIONS:
        raise ValueError(
            f"`extension` must be one of {sorted(EXTENSIONS)}. Received: {extension=}"
        )
    extend, widths = EXTENSIONS[extension]
    filters = extension_filters or widths
    filters = _require_filters("extension_filters", filters, 2)
    reconstruction_filters = _require_filters(
        "reconstruction_filters", reconstruction_filters, 3
    )
    model = functional_model(model)
    tensors, others = _find(model, encoder, features, output)
    other_maps = {name: tensor for name, (tensor, _) in others.items()}
    size, sizes = map_sizes(model, tensors | other_maps)
    strides = {role: _stride(role, size, sizes[role]) for role in tensors}
    if strides["features"] % strides["output"]:
        raise ValueError(
            "The stride of the last features must be a multiple of that of the output. "
            f"Received: strides {strides}"
        )
    place = Place(model.inputs[0], strides["output"], scale)

    x, reach = extend(tensors["features"], strides["features"], place, filters)
    channels = tensors["output"].shape[-1]
    coarse = tensors["features"] if extension == "light" else None
    prediction = predict(
        x, channels, reach, place, dropout_rate, activation, coarse, name=output
    )
    reconstruction, image = reconstruct(
        tensors["encoder"], strides["encoder"], place, reconstruction_filters
    )
    affinity = compare(
        x, reach, reconstruction, place, affinity_order, affinity_subscale
    )
    outputs = {
        output: (
            prediction,
            OutputInfo("labels", False, scale, network_info(model).independent_classes),
        ),
        "super_resolution": (image, OutputInfo("image", True, scale)),
        "feature_affinity": (affinity, OutputInfo(None, True, scale)),
    }
    for other, (tensor, info) in others.items():
        if sizes.get(other) == sizes["output"]:
            tensor = enlarge(tensor, scale, place, name=other)
        outputs[other] = tensor, dataclasses.replace(info, scale=scale)
    # The layer of an output may have its name.
    network = keras.Model(model.input, [tensor for tensor, _ in outputs.values()])
    taken = {layer.name for layer in network.layers}
    ends = {
        key: NetworkOutput(
            **dataclasses.asdict(info), name=f"{key}_output" if key in taken else key
        )(tensor)
        for key, (tensor, info) in outputs.items()
    }
    return keras.Model(model.input, ends, name=name or f"{model.name}_dsrl")


def _require_filters(name, filters, number):
    """Returns `number` positive integers as a tuple, or raises a ValueError."""
    if not isinstance(filters, Sequence) or len(filters) != number:
        raise ValueError(
            f"`{name}` must be {number} positive integers. Received: {name}={filters!r}"
        )
    return tuple(require_positive_integer(name, count) for count in filters)


def _find(model, encoder, features, output):
    """Returns the tensors that the branches start from, and the other outputs.

    Returns:
        Pair of the dict of "encoder", "features" and "output", and `{name: (tensor,
        OutputInfo)}` of the others. All tensors are those before a `NetworkOutput` or
        `NetworkTensor`.
    """
    info = network_info(model)
    calls, before = {}, {}
    for layer, (args, _), tensors in nodes(model):
        calls.setdefault(layer.name, []).append(tensors)
        if isinstance(layer, NetworkOutput):
            before[id(tensors[0])] = args[0]
    found = {
        "encoder": _feature_map("encoder", encoder, info.encoder, calls, model),
        "features": _feature_map("features", features, info.decoder, calls, model),
    }
    outputs = named_outputs(model)
    if isinstance(model.output, keras.KerasTensor):
        outputs = {output: model.output}
    if output not in outputs:
        raise ValueError(
            "`output` must be the name of an output of the model. "
            f"Received: {output=} and {model.name!r} with {sorted(outputs)}"
        )
    outputs = {name: before.get(id(x), x) for name, x in outputs.items()}
    found["output"] = outputs.pop(output)
    if len(found["output"].shape) != 4:
        raise ValueError(
            "`output` must be the name of a map (batch, height, width, channels). "
            f"Received: {output=} with {tuple(found['output'].shape)}"
        )
    return found, {name: (x, info.outputs[name]) for name, x in outputs.items()}


def _feature_map(argument, name, stated, calls, model):
    """Returns the feature map of a named layer, or the one that the model marks."""
    if name is None and stated is not None:
        return stated
    if name is None:
        raise ValueError(
            f"`{argument}` must name a layer of {model.name!r}, which does not mark "
            "these features by keras_seg.layers.NetworkTensor. Received: None"
        )
    found = calls.get(name, [])
    if len(found) != 1:
        raise ValueError(
            f"`{argument}` must name a layer of the model that is called once. "
            f"Received: {name!r}, which {model.name!r} calls {len(found)} times"
        )
    (tensors,) = found
    layer = model.get_layer(name)
    tensor = tensors[-1] if is_pyramid(layer) else tensors[0]
    if len(tensor.shape) != 4:
        raise ValueError(
            f"`{argument}` must name a layer whose output is a feature map (batch, "
            f"height, width, channels). Received: {name!r} with {tuple(tensor.shape)}"
        )
    return tensor


def _stride(name, image, cells):
    """Returns the stride of a map in pixels, the same for rows and columns."""
    fitting = [
        stride
        for stride in range(1, max(image) + 1)
        if tuple(cells) == tuple(ceil_division(size, stride) for size in image)
    ]
    if not fitting:
        raise ValueError(
            f"A feature map must have ceil(size / stride) cells. Received: {name!r} "
            f"with {cells} cells for an image of {image} pixels"
        )
    # A small image of a fixed size fits several strides: a power of two is likely.
    return min(fitting, key=int.bit_count)
