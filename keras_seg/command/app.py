"""`keras-seg app`: a browser page for trained models."""

SUMMARY = "explore trained models on a browser page"
DESCRIPTION = """\
Serves a browser page that segments photographs with a trained model: a .keras file, the
folder of an exported SavedModel, an .onnx file, or the name of a preset.
"""

EXAMPLES = """\
examples:
  keras-seg app runs/hanet/best.keras --classes camvid
  keras-seg app runs/spnet/best.keras runs/cpnet/best.keras     # compare two models
  keras-seg app saved_models/spnet/1 --port 8000

The page needs `pip install 'keras-seg[app]'`. By default, only this computer can reach
it. With --host 0.0.0.0, any computer that can reach this one can use the page and load
models on it without a password: use that only on networks you trust.
"""


def add_arguments(parser):
    """Adds the flags."""
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="files, folders or presets")
    add("--classes", help="names and colors of the classes; see keras-seg palette")
    add("--host", default="127.0.0.1", help="address to listen on; default %(default)s")
    add("--port", type=int, help="port; default: the first free one from 7860")
    add("--open", action="store_true", help="open the page in the default browser")
    add("--share", action="store_true", help="ask Gradio for a public link")


def run(args):
    """Serves the page until it is interrupted."""
    from keras_seg.app import launch

    launch(
        args.models,
        classes=args.classes,
        host=args.host,
        port=args.port,
        open_browser=args.open,
        share=args.share,
    )
