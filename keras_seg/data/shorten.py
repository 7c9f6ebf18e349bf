def shorten(items, limit=5):
    """Returns the first of several items and their number, as text for an error."""
    shown = ", ".join(str(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown}, ... ({len(items)} in all)"
