"""A package's sources as text."""

def layer_text():
    """The filegroup `text`: what the trainer of text learns from when it is given nothing else."""
    native.filegroup(
        name = "text",
        srcs = native.glob([
            "**/*.cc",
            "**/*.h",
            "**/*.md",
        ]),
    )
