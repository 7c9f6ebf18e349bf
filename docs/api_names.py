"""A hook of mkdocs: each page of docs/api documents all public names of one package."""

import ast
import pathlib
import re

from mkdocs.exceptions import PluginError

ROOT = pathlib.Path(__file__).parents[1]
PLACE = re.compile(r"^!public (keras_seg[.\w]*)$", re.MULTILINE)


def public_names(package):
    """The names in `__all__` of a package, without importing it."""
    path = ROOT.joinpath(*package.split("."), "__init__.py")
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    raise ValueError(f"{path} must define __all__")


def on_page_markdown(markdown, **_):
    def directives(match):
        package = match.group(1)
        return "\n\n".join(f"::: {package}.{name}" for name in public_names(package))

    return PLACE.sub(directives, markdown)


def on_page_content(html, *, page, **_):
    """Fails if a public name is listed without its docstring."""
    if not page.file.src_uri.startswith("api/"):
        return
    _, *parts = re.split(r'<h2 id="(keras_seg[^"]*)"', html)
    empty = [
        name
        for name, text in zip(parts[::2], parts[1::2], strict=True)
        if "<p>" not in text.split("<h3")[0]
    ]
    if empty or not parts:
        names = ", ".join(empty) or page.file.src_uri
        raise PluginError(f"No documentation was found for: {names}")
