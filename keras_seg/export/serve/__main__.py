"""Serves exported models, to try them without TensorFlow Serving.

The ports, requests and answers are those of TensorFlow Serving; speed, batching and
several versions at a time are not. Use it to develop, and TensorFlow Serving to serve:
see docs/serving.md.
"""

import argparse
import logging
import pathlib
import sys
import threading

_EPILOG = """\
examples:
  python -m keras_seg.export.serve saved_models
  python -m keras_seg.export.client street.jpg --overlay street_classes.png
"""


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m keras_seg.export.serve",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=pathlib.Path, help="models, as <folder>/<name>/<version>")
    add("--port", type=int, default=8500, help="of gRPC (default: 8500)")
    add("--rest-port", type=int, default=8501, help="of REST (default: 8501)")
    add(
        "--host",
        default="127.0.0.1",
        help="0.0.0.0 lets other machines in (default: this machine alone)",
    )
    add(
        "--max-request-bytes",
        type=int,
        default=1 << 26,
        help="larger requests are refused (default: 64 MB)",
    )
    args = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    from keras_seg.export.serve.request_error import RequestError
    from keras_seg.export.serve.server import Server

    try:
        server = Server(**vars(args))
        for name in server.models.names():
            model = server.models.model(name, version=None)
            print(f"{name}: version {model.version}")
    except (OSError, ImportError, RequestError) as error:
        sys.exit(f"{parser.prog}: {error}")
    with server:
        print(
            f"gRPC on {args.host}:{server.port}, REST on http://{args.host}:"
            f"{server.rest_port}. Ctrl-C ends it.",
            flush=True,
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ended")


if __name__ == "__main__":
    main()
