import dataclasses

import keras

from keras_seg.backbones.geometry import is_pyramid
from keras_seg.backbones.graph import PROBE, nodes
from keras_seg.ceil_division import ceil_division
from keras_seg.layers import NetworkOutput
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


def dual_super_resolution(
    model,
    scale=2,
    encoder=None,
    features=None,
    output="segmentation",
    activation="linear",
    extension="light",
    extension_filters=None,
    reconstruction_filters=(64, 32, 16),
    affinity_order=1,
    affinity_subscale=8,
    dropout_rate=0.1,
    name=None,
):
    """Trains a model on low-resolution images with high-resolution supervision (DSRL).

    Three parts are put around the layers of `model`:

    - SSSR: its last features before the prediction are enlarged, and a new 1x1
      convolution predicts at `scale` times the resolution;
    - SISR: from its encoder's features the image is reconstructed at `scale` times the
      size, in the design of ESPCN;
    - the feature affinity of both branches' last features, where those of the first
      pass a feature transform: a 1x1 convolution, batch norm and ReLU.

    The last two are for training only: `inference_model(result, output)` is free of
    them. The task need not be segmentation: a model of heat maps of keypoints is
    wrapped alike.

    Args:
        model: a model of `keras_seg.models`, or any functional `keras.Model` with the
            image as its first input. It stays as it is; the layers are shared.
        scale: int, 2 or more.
        encoder: str, the layer whose output is the encoder's features, of a backbone
            its last level; None for models that say it themselves, as those of this
            package do: what enters DeepLabV3+'s decoder, else the backbone's last
            level. See `keras_seg.layers.NetworkTensor`.
        features: str, the layer whose output is the last features before the
            prediction; None for models that say it. The layers behind it are left out.
        output: str. The name of the main output; a model with a bare output gets it.
        activation: of the new prediction, where the model's own had one.
        extension: how the last features are enlarged. "light": `scale` times, by a
            sub-pixel convolution where they are, so that the predictions are made at a
            fraction of the larger size and resized bilinearly. "full": to the size of
            the predictions, by bilinear resizing and two transposed convolutions.
            DeepLabV3+ for images of half the size costs 6 % more with the first and
            three times as much with the second.
        extension_filters: pair of ints, the channels after either of the convolutions
            that enlarge and refine; the second is what is predicted from. None for 32
            and 32, or 64 and 32 where it is full.
        reconstruction_filters: three ints. Channels of ESPCN's 5x5 and 3x3 convolutions
            and of the features that its sub-pixel convolution makes.
        affinity_order, affinity_subscale: see `keras_seg.layers.FeatureAffinity`.
        dropout_rate: float. Before the prediction, whole channels.
        name: str, or None for the model's with "_dsrl".

    Returns:
        A functional `keras.Model` with the inputs of `model` and the dict of
        - `output`: `(batch, scale * height, scale * width, channels)`, float32, where
          the model's own is `(batch, height, width, channels)`, maybe at a stride;
        - "super_resolution": the image on the scale of RGB / 255, float32 `(batch,
          scale * height, scale * width, 3)`, for the mean squared error;
        - "feature_affinity": `(batch,)`, for `keras_seg.losses.OutputLoss`;
        - the model's other outputs; those that are as large as the main one are
          enlarged bilinearly.
        The paper's weights are 1, 0.1 and 1. The releases reconstruct images that are
        normalised by ImageNet's mean and deviations, whose squared error is 19.6 times
        that of RGB / 255 (the mean of `1 / deviation ** 2` over the channels): a weight
        of 0.1 there is one of 1.96 here. With 0.1 here, the affinity outweighs the
        image, and the reconstruction stays a flat grey.

    Raises:
        ValueError: If `scale` is not an int above 1, if `extension` is another, if a
            layer is not found, or was not
            called once with one feature map as its result, or if the features are not
            on a grid of the image: `ceil(size / stride)` cells, and a whole number of
            them a prediction.

    Example:

    ```python
    model = dual_super_resolution(CPNet(11, "resnet18", prior_size=(30, 40)))
    model(images)["segmentation"]  # (2, 360, 480, 11) for images (2, 180, 240, 3)

    model = dual_super_resolution(
        pose, encoder="stage4", features="deconv3", output="heat_maps"
    )
    ```

    Reference: Wang et al., "Dual Super-Resolution Learning for Semantic Segmentation",
    CVPR 2020, section 3. Widths are this package's: the paper's are not published.
    """
    if not isinstance(scale, int) or scale < 2:
        raise ValueError(f"`scale` must be an int above 1. Received: {scale=}")
    if extension not in EXTENSIONS:
        raise ValueError(
            f"`extension` must be one of {sorted(EXTENSIONS)}. Received: {extension=}"
        )
    extend, widths = EXTENSIONS[extension]
    tensors, others = _find(model, encoder, features, output)
    sizes = _sizes(model, tensors | {k: tensor for k, (tensor, _) in others.items()})
    strides = {role: _stride(role, *sizes[role]) for role in tensors}
    if strides["features"] % strides["output"]:
        raise ValueError(
            "The stride of the last features must be a multiple of the predictions'. "
            f"Received: strides {strides}"
        )
    place = Place(model.inputs[0], strides["output"], scale)

    x, reach = extend(
        tensors["features"], strides["features"], place, extension_filters or widths
    )
    channels = tensors["output"].shape[-1]
    prediction = predict(
        x, channels, reach, place, dropout_rate, activation, name=output
    )
    reconstruction, image = reconstruct(
        tensors["encoder"], strides["encoder"], place, reconstruction_filters
    )
    affinity = compare(
        x, reach, reconstruction, place, affinity_order, affinity_subscale
    )
    outputs = {
        output: (prediction, OutputInfo("labels", False, scale)),
        "super_resolution": (image, OutputInfo("image", True, scale)),
        "feature_affinity": (affinity, OutputInfo(None, True, scale)),
    }
    for other, (tensor, info) in others.items():
        if sizes.get(other) == sizes["output"]:
            tensor = enlarge(tensor, scale, place, name=other)
        outputs[other] = tensor, dataclasses.replace(info, scale=scale)
    return keras.Model(
        model.input,
        {
            key: NetworkOutput(**dataclasses.asdict(info), name=key)(tensor)
            for key, (tensor, info) in outputs.items()
        },
        name=name or f"{model.name}_dsrl",
    )


def _find(model, encoder, features, output):
    """The tensors of a model that the branches start from, and its other outputs.

    Returns:
        Pair of the dict of "encoder", "features" and "output", and `{name: (tensor,
        OutputInfo)}` of the others. No tensor has passed a `NetworkOutput` or a
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
    if not isinstance(model.output, dict):
        outputs = {output: model.output}
    if output not in outputs:
        raise ValueError(
            "`output` must be the name of an output of the model. "
            f"Received: {output=} and {model.name!r} with {sorted(outputs)}"
        )
    outputs = {name: before.get(id(x), x) for name, x in outputs.items()}
    found["output"] = outputs.pop(output)
    return found, {name: (x, info.outputs[name]) for name, x in outputs.items()}


def _feature_map(argument, name, stated, calls, model):
    """The one tensor that a layer made, or that the model says it is."""
    if name is None and stated is not None:
        return stated
    if name is None:
        raise ValueError(
            f"`{argument}` must name a layer of {model.name!r}, which does not say "
            "itself where these features are. Received: None"
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


def _sizes(model, tensors):
    """`{name: (size of the image, size of the map)}`, of those that are maps."""

    def fill(x):
        return (1, *(PROBE if size is None else size for size in x.shape[1:]))

    shapes = keras.tree.map_structure(fill, model.input)
    probe = keras.Model(model.input, tensors)
    image = fill(model.inputs[0])[1:3]
    return {
        name: (image, shape[1:3])
        for name, shape in probe.compute_output_shape(shapes).items()
        if len(shape) == 4
    }


def _stride(name, image, cells):
    """How many pixels of the image a cell is, in both directions."""
    stride = round(image[0] / cells[0])
    if tuple(cells) != tuple(ceil_division(size, stride) for size in image):
        raise ValueError(
            f"A map must have ceil(size / stride) cells. Received: {name!r} with "
            f"{cells} of an image of {image}"
        )
    return stride
