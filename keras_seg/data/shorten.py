def shorten(items, limit=5):
    """Returns the first of several items and their number, as text for an error."""
    shown = ", ".join(str(item) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown}, ... ({len(items)} in all)"


def have(number, noun):
    """Returns "1 mask has" or "2 masks have", as the start of an error."""
    return f"1 {noun} has" if number == 1 else f"{number} {noun}s have"
