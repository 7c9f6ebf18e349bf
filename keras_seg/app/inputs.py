"""The left side of the page: photograph, label, model and options."""

import pathlib

import gradio as gr

from keras_seg.app.components import ONE_AT_A_TIME, QUIET, answering
from keras_seg.app.open_network import open_network


class Inputs:
    """Components on the left, shared by all tabs.

    Args:
        offered: dict `{name: Network}` of the networks to choose from.
    """

    def __init__(self, offered):
        names = list(offered)
        self.photograph = gr.File(
            label="Photograph", height=110, elem_id="photograph", file_types=["image"]
        )
        self.label = gr.File(
            label="Label (optional PNG of class indices)",
            height=110,
            elem_id="label",
            file_types=["image"],
        )
        self.network = gr.Dropdown(
            names, value=names[0], label="Model", elem_id="model"
        )
        self.other_model = gr.UploadButton(
            "Open a model file", file_types=[".keras", ".onnx"], elem_id="open"
        )
        with gr.Accordion("Windows and test-time augmentation", open=False):
            self.window = gr.Number(
                0,
                precision=0,
                minimum=0,
                label="Window size in pixels",
                info="0 for the whole image; very large images use windows of 1024",
            )
            self.flip = gr.Checkbox(label="Average with the mirrored image")
            self.scaled = gr.Checkbox(label="Average over scales 0.75, 1 and 1.25")
        self.button = gr.Button("Segment", variant="primary", elem_id="segment")

    @property
    def options(self):
        """List of the components for windows and test-time augmentation."""
        return [self.window, self.flip, self.scaled]


def add_inputs(offered):
    """Adds the components on the left, and opens the model files that are uploaded.

    Args:
        offered: dict `{name: Network}` of all networks of the page; a model file that a
            user opens is added to it.

    Returns:
        `Inputs`.
    """
    inputs = Inputs(offered)

    def add(path, current):
        # By the file alone: the folder of an upload says nothing.
        name = unused_name(pathlib.Path(path).name, offered)
        network = open_network(path, name=name)
        like = offered[current]
        same = network.independent_classes == like.independent_classes
        if same and network.num_classes == like.num_classes:  # files have no names
            network.class_names, network.palette = like.class_names, like.palette
        offered[name] = network
        return gr.Dropdown(choices=list(offered), value=name)

    inputs.other_model.upload(
        answering(add),
        [inputs.other_model, inputs.network],
        inputs.network,
        **ONE_AT_A_TIME,
    )
    # The label belongs to the photograph that goes.
    inputs.photograph.clear(lambda: None, None, inputs.label, **QUIET)
    return inputs


def unused_name(name, offered):
    """Returns a name, followed by a number if another network has it already."""
    names = [name, *(f"{name} ({number})" for number in range(2, len(offered) + 2))]
    return next(name for name in names if name not in offered)
