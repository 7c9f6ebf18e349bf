"""`keras-seg app`: a page in the browser for trained models."""

SUMMARY = "a page in the browser that shows what a model sees"
DESCRIPTION = """\
Opens a page in the browser, on which photographs are segmented by a trained model: a
.keras file, the folder of an exported SavedModel, an .onnx file, or a preset's name.
"""

EXAMPLES = """\
examples:
  keras-seg app runs/hanet/best.keras --classes camvid
  keras-seg app runs/spnet/best.keras runs/cpnet/best.keras     # to compare them
  keras-seg app saved_models/spnet/1 --port 8000

The page needs `pip install 'keras-seg[app]'`. It is reached from this computer alone.
With --host 0.0.0.0 all computers that reach this one can use it, and load models on it,
without a password: decide that for networks that you trust.
"""


def add_arguments(parser):
    """Adds the flags."""
    add = parser.add_argument
    add("models", nargs="+", metavar="MODEL", help="files, folders or presets")
    add("--classes", help="names and colours of the classes: see keras-seg palette")
    add("--host", default="127.0.0.1", help="address to listen at: %(default)s")
    add("--port", type=int, help="of the address; by default a free one from 7860 on")
    add("--open", action="store_true", help="show the page in the default browser")
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
