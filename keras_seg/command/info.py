"""`keras-seg info`: parameters, FLOPs and memory of a model."""

from keras_seg.command.files import load_model
from keras_seg.command.flags import MODEL, SIZE
from keras_seg.local_path import local_path

SUMMARY = "print parameters, FLOPs and memory of a model"
DESCRIPTION = """\
Prints the parameters of a trained model, and for each image size the floating point
operations of a prediction (a multiply-add counts as two) and the memory it needs in
addition to the loaded model, measured on the CPU.
"""

EXAMPLES = """\
example:
  keras-seg info runs/spnet/best.keras --size 512 1024 --size 1024 2048
"""
_SIZE = (512, 1024)


def add_arguments(parser):
    """Adds the flags."""
    parser.add_argument("model", type=local_path, help=MODEL)
    parser.add_argument(
        "--size",
        **SIZE,
        action="append",
        help="image size; repeatable; default: 512 1024",
    )


def run(args):
    """Prints parameters, FLOPs and memory."""
    from keras_seg.inference import flops, peak_memory
    from keras_seg.models import inference_model, network_info

    model = load_model(args.model)
    network = inference_model(model)
    _, *fixed, channels = network.inputs[0].shape
    sizes = args.size or [_SIZE if None in fixed else fixed]
    for size in sizes:
        if min(size) < 1 or (None not in fixed and list(size) != list(fixed)):
            raise ValueError(
                f"--size must be a size that the model takes: {_side(fixed[0])} x "
                f"{_side(fixed[1])} pixels. Received: {size[0]} x {size[1]}"
            )
    outputs = network_info(model).outputs
    heads = sorted(name for name, output in outputs.items() if output.training_only)
    print(f"model        {model.name}")
    print(f"images       {_side(fixed[0])} x {_side(fixed[1])}, {channels} channels")
    info = network_info(network)
    kind = ", independent" if info.independent_classes else ""
    print(f"classes      {info.num_labels}{kind}")
    print(f"parameters   {_millions(network)}")
    if heads:
        print(f"for training {_millions(model)}, with {', '.join(heads)}")
    print(f"\n{'size':<14}{'GFLOPs':>10}{'memory MB':>12}")
    for size in sizes:
        operations = flops(network, size) / 1e9
        memory = peak_memory(network, size) / 2**20
        print(f"{f'{size[0]} x {size[1]}':<14}{operations:>10.2f}{memory:>12.0f}")


def _side(side):
    return "any" if side is None else side


def _millions(model):
    return f"{model.count_params() / 1e6:.2f} M"
