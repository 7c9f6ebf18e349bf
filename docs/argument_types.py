"""An extension of griffe: types stand once, in the text of the docstrings."""

import griffe


class ArgumentTypes(griffe.Extension):
    """Drops annotations: the docstrings say the same with shapes and ranges."""

    def on_function_instance(self, *, func, **_):
        for parameter in func.parameters:
            parameter.annotation = None
        func.returns = None
