"""Runs a SavedModel through TensorFlow's C API, with no Python TensorFlow at all.

    python tests/export/c_api.py LIBRARY SAVED_MODEL REQUESTS ANSWERS

TF Serving too loads a model by C++ code into a session and runs names of tensors.
REQUESTS is a pickled list of dicts: "feeds" `{tensor name: array or list of bytes}`
and "fetches" `[tensor name]`. ANSWERS gets a list with a dict `{tensor name: array}`
for each request, or a pair of an error's code and message.
"""

import ctypes
import pickle
import sys

import numpy as np

FLOAT, UINT8, STRING, INT32 = 1, 4, 7, 3
DTYPES = {FLOAT: np.float32, UINT8: np.uint8, INT32: np.int32}
TSTRING_BYTES = 24  # sizeof(TF_TString)


class Output(ctypes.Structure):
    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


class Library:
    """The functions that are needed, with their types; the rest is of `c_api.h`."""

    RESULTS = {
        "TF_NewStatus": ctypes.c_void_p,
        "TF_GetCode": ctypes.c_int,
        "TF_Message": ctypes.c_char_p,
        "TF_NewGraph": ctypes.c_void_p,
        "TF_NewSessionOptions": ctypes.c_void_p,
        "TF_LoadSessionFromSavedModel": ctypes.c_void_p,
        "TF_GraphOperationByName": ctypes.c_void_p,
        "TF_AllocateTensor": ctypes.c_void_p,
        "TF_TensorData": ctypes.c_void_p,
        "TF_TensorType": ctypes.c_int,
        "TF_NumDims": ctypes.c_int,
        "TF_Dim": ctypes.c_int64,
        "TF_TensorByteSize": ctypes.c_size_t,
    }

    def __init__(self, path):
        self._library = ctypes.CDLL(path)

    def __call__(self, name, *args):
        function = getattr(self._library, name)
        function.restype = self.RESULTS.get(name)
        return function(*args)


class Model:
    def __init__(self, library, path):
        self.call = library
        self.status = self._pointer("TF_NewStatus")
        self.graph = self._pointer("TF_NewGraph")
        tags = (ctypes.c_char_p * 1)(b"serve")
        self.session = self._pointer(
            "TF_LoadSessionFromSavedModel",
            self._pointer("TF_NewSessionOptions"),
            None,
            path.encode(),
            tags,
            ctypes.c_int(1),
            self.graph,
            None,
            self.status,
        )
        code, message = self._error()
        if code:
            sys.exit(f"the model was not loaded: {code}, {message}")

    def run(self, feeds, fetches):
        inputs = [self._output(name) for name in feeds]
        outputs = [self._output(name) for name in fetches]
        given = [self._tensor(value) for value in feeds.values()]
        results = (ctypes.c_void_p * len(outputs))()
        self.call(
            "TF_SessionRun",
            self.session,
            None,
            (Output * len(inputs))(*inputs),
            (ctypes.c_void_p * len(given))(*given),
            ctypes.c_int(len(given)),
            (Output * len(outputs))(*outputs),
            results,
            ctypes.c_int(len(outputs)),
            None,
            ctypes.c_int(0),
            None,
            self.status,
        )
        error = self._error()
        if error[0]:
            return error
        return {
            name: self._array(ctypes.c_void_p(tensor))
            for name, tensor in zip(fetches, results, strict=True)
        }

    def _pointer(self, *args):
        return ctypes.c_void_p(self.call(*args))

    def _error(self):
        message = self.call("TF_Message", self.status).decode()
        return self.call("TF_GetCode", self.status), message

    def _output(self, name):
        operation, index = name.split(":")
        pointer = self.call("TF_GraphOperationByName", self.graph, operation.encode())
        return Output(pointer, int(index))

    def _tensor(self, value):
        if isinstance(value, list):
            dtype, shape, size = STRING, [len(value)], TSTRING_BYTES * len(value)
        else:
            value = np.ascontiguousarray(value)
            (dtype,) = (key for key, name in DTYPES.items() if value.dtype == name)
            shape, size = value.shape, value.nbytes
        dimensions = (ctypes.c_int64 * len(shape))(*shape)
        tensor = self._pointer(
            "TF_AllocateTensor",
            ctypes.c_int(dtype),
            dimensions,
            ctypes.c_int(len(shape)),
            ctypes.c_size_t(size),
        )
        data = self.call("TF_TensorData", tensor)
        if dtype != STRING:
            ctypes.memmove(ctypes.c_void_p(data), value.tobytes(), size)
            return tensor
        for index, content in enumerate(value):
            string = ctypes.c_void_p(data + TSTRING_BYTES * index)
            self.call("TF_StringInit", string)
            self.call("TF_StringCopy", string, content, ctypes.c_size_t(len(content)))
        return tensor

    def _array(self, tensor):
        dtype = np.dtype(DTYPES[self.call("TF_TensorType", tensor)])
        rank = self.call("TF_NumDims", tensor)
        shape = [self.call("TF_Dim", tensor, ctypes.c_int(i)) for i in range(rank)]
        size = self.call("TF_TensorByteSize", tensor)
        content = ctypes.string_at(self.call("TF_TensorData", tensor), size)
        return np.frombuffer(content, dtype).reshape(shape)


def main(library, saved_model, requests, answers):
    model = Model(Library(library), saved_model)
    with open(requests, "rb") as file:
        results = [model.run(**request) for request in pickle.load(file)]
    assert not {"tensorflow", "keras", "keras_seg"} & sys.modules.keys()
    with open(answers, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
