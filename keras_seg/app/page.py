"""The page in the browser: its inputs on the left, a tab for each task."""

import gradio as gr

from keras_seg.app.compare_tab import add_compare_tab
from keras_seg.app.components import QUIET
from keras_seg.app.inputs import add_inputs, unused_name
from keras_seg.app.insight_tab import add_insight_tab
from keras_seg.app.segment_tab import add_segment_tab

THEME = gr.themes.Default(
    primary_hue="blue",
    font=["system-ui", "sans-serif"],  # local fonts: none is fetched
    font_mono=["monospace"],
)
CSS = """
#legend label { border-left: 1.2em solid var(--swatch, transparent); }
#legend .wrap { gap: 6px; }
.picture .image-container { padding-top: 2.2rem; } /* of the name and the buttons */
.picture .image-frame { width: 100%; }
.picture img { width: 100%; max-height: 70vh; object-fit: contain; }
footer { display: none !important; }
"""


def page(networks):
    """Builds the page for one or several networks.

    Args:
        networks: list of one or more `Network`.

    Returns:
        `gradio.Blocks`.
    """
    offered = {}
    for network in networks:
        offered[unused_name(network.name, offered)] = network
    with gr.Blocks(
        title="keras_seg", analytics_enabled=False, fill_width=True
    ) as blocks:
        gr.Markdown("# What a model sees")
        seen = gr.State()
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                inputs = add_inputs(offered)
            with gr.Column(scale=3), gr.Tabs():
                with gr.Tab("Segment"):
                    add_segment_tab(offered, inputs, seen)
                with gr.Tab("What the network sees"):
                    add_insight_tab(offered, inputs)
                with gr.Tab("Compare"):
                    other = add_compare_tab(offered, inputs)
        # Models that were opened since the start are offered to each new tab too.
        blocks.load(
            lambda: 2 * [gr.Dropdown(choices=list(offered))],
            None,
            [inputs.network, other],
            **QUIET,
        )
    blocks.queue(max_size=32)
    return blocks
