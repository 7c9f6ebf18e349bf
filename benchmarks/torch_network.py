"""Measures one line of `benchmarks.networks` for a PyTorch network.

It runs in PyTorch's environment. FORM is "eager"; "channels_last"; "compiled", which is
channels last and `torch.compile`; or "convolutions", which are those of the network
alone, channels last, one after the other, with their gradients for a step.

Run:    python benchmarks/torch_network.py FILE FORM NAME TASK REPEATS SHAPE...
"""

import runpy
import sys

import torch
from processes import print_cost

CLASSES = 19
THREADS = 2


def main(path, form, name, task, repeats, *shape):
    torch.manual_seed(0)
    torch.set_num_threads(THREADS)
    network = runpy.run_path(path)[name]()
    batch, height, width, channels = map(int, shape)
    images = torch.randn(batch, channels, height, width)
    if form != "eager":
        network = network.to(memory_format=torch.channels_last)
        images = images.contiguous(memory_format=torch.channels_last)
    if form == "compiled":
        network = torch.compile(network)
    if form == "convolutions":
        run = convolutions(network.train(task == "step"), images)
    elif task == "inference":
        network.eval()

        def run():
            with torch.inference_mode():
                return [network(images)]
    else:
        labels = torch.randint(CLASSES, (batch, height, width))
        run = training_step(network.train(), images, labels)
    print_cost(run, int(repeats))


def convolutions(network, images):
    """Returns a function that runs the convolutions of a network one by one."""
    layout = {"memory_format": torch.channels_last}
    found = []

    def record(module, inputs, _):
        found.append((module, inputs[0].shape))

    hooks = [
        module.register_forward_hook(record)
        for module in network.modules()
        if isinstance(module, torch.nn.Conv2d)
    ]
    with torch.no_grad():
        network(images)
    for hook in hooks:
        hook.remove()

    def run():
        for module, shape in found:
            with torch.set_grad_enabled(network.training):
                x = torch.empty(shape, **layout).fill_(0.5)
                y = module(x.requires_grad_(network.training))
                if network.training:
                    y.backward(torch.empty(y.shape, **layout).fill_(0.5))
                    module.zero_grad()
        return [y.detach()]

    return run


def training_step(network, images, labels):
    optimizer = torch.optim.SGD(network.parameters(), 1e-3, momentum=0.9)

    def step():
        optimizer.zero_grad()
        outputs = network(images)
        # Networks with an auxiliary head return its logits too.
        outputs = outputs if isinstance(outputs, tuple | list) else [outputs]
        loss = sum(crossentropy(logits, labels) for logits in outputs)
        loss.backward()
        optimizer.step()
        return [loss.detach()]

    return step


def crossentropy(logits, labels):
    """Returns the mean over the logits' pixels, with labels of their size."""
    size = logits.shape[2:]
    if labels.shape[1:] != size:
        nearest = torch.nn.functional.interpolate(labels[:, None].float(), size)
        labels = nearest[:, 0].long()
    return torch.nn.functional.cross_entropy(logits, labels)


if __name__ == "__main__":
    main(*sys.argv[1:])
