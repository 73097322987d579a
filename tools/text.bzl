"""A package's sources as text."""

def layer_text(rooms = []):
    """The filegroup `text`: what the trainer of text learns from when it is given nothing else.

    Args:
      rooms: folders of the package that are packages of their own, with a `text` each.
    """
    native.filegroup(
        name = "text",
        srcs = native.glob([
            "**/*.cc",
            "**/*.h",
            "**/*.md",
        ]) + ["//{}/{}:text".format(native.package_name(), room) for room in rooms],
    )
