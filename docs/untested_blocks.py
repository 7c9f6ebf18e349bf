"""A hook of mkdocs: pages do not show the mark of code blocks that no test runs."""

import re

MARK = re.compile(r"^(```python) notest$", re.MULTILINE)


def on_page_markdown(markdown, **_):
    return MARK.sub(r"\1", markdown)
