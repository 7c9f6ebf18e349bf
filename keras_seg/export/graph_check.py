import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# Each calls back into the Python process that made the graph.
_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def graph_check(path):
    """Fails where a SavedModel has what TensorFlow Serving would refuse.

    The rule: every operation is one of `tf.raw_ops`, which are those of TensorFlow
    itself and not of libraries beside it, as tensorflow-text is; none calls Python; and
    nothing asks for XLA, which TF Serving on a CPU does not have.

    Args:
        path: `pathlib.Path` of the SavedModel's folder.

    Raises:
        ValueError: If there is something else; it is named.

    Example: `graph_check(pathlib.Path("saved_models/spnet/1"))`
    """
    saved_model = saved_model_pb2.SavedModel()
    saved_model.ParseFromString((path / "saved_model.pb").read_bytes())
    graphs = [meta_graph.graph_def for meta_graph in saved_model.meta_graphs]
    functions = [function for graph in graphs for function in graph.library.function]
    names = {node.op for graph in graphs for node in graph.node}
    names |= {node.op for function in functions for node in function.node_def}

    xla = {f.signature.name for f in functions if f.attr["_XlaMustCompile"].b}
    xla |= {name for name in names if name.startswith("Xla")}
    if xla:
        raise ValueError(
            "TF Serving on a CPU refuses functions and operations that are for XLA. "
            "Some layers ask for it by themselves, as grouped convolutions do in "
            "Keras: those of `keras.layers.Conv2D` are replaced here, no others. "
            f"Received a model with {', '.join(sorted(xla))}"
        )
    own = {function.signature.name for function in functions}
    foreign = {name for name in names - own if not hasattr(tf.raw_ops, name)}
    foreign |= names & _PYTHON
    if foreign:
        raise ValueError(
            "TF Serving has the operations of TensorFlow itself, and no Python. "
            f"Received a model with {', '.join(sorted(foreign))}"
        )
