import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

# Operations that call back into the Python process that created the graph.
_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def graph_check(path):
    """Raises an error if a SavedModel has operations that TensorFlow Serving rejects.

    Every operation must be in `tf.raw_ops`, that is, belong to TensorFlow itself and
    not to an extension such as tensorflow-text; none may call Python; and none may
    require XLA, which TF Serving on a CPU does not have.

    Args:
        path: `pathlib.Path` of the SavedModel's folder.

    Raises:
        ValueError: If there are other operations. The message names them.

    Example:
        `graph_check(pathlib.Path("saved_models/spnet/1"))`
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
            "The model must not contain functions or operations for XLA, which TF "
            "Serving on a CPU rejects. Some layers require XLA, as grouped "
            "convolutions do in Keras: those of `keras.layers.Conv2D` are replaced, no "
            "others. "
            f"Received: a model with {', '.join(sorted(xla))}"
        )
    own = {function.signature.name for function in functions}
    foreign = {name for name in names - own if not hasattr(tf.raw_ops, name)}
    foreign |= names & _PYTHON
    if foreign:
        raise ValueError(
            "The model must contain only operations of TensorFlow itself, without "
            "Python functions: TF Serving has no others. "
            f"Received: a model with {', '.join(sorted(foreign))}"
        )
