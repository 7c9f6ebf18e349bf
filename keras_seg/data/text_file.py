def read_text_file(path):
    """Reads a text file in UTF-8, or in UTF-16 as programs on Windows write it.

    Raises:
        ValueError: If the file has another encoding.
    """
    content = path.read_bytes()
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be a text file in UTF-8: {error}") from error
