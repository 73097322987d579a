"""A test of parallel/: what all of them depend on."""

load("//tests:build_defs.bzl", "convoy_test")

def parallel_test(name, srcs = [], deps = [], **kwargs):
    """A convoy_test of parallel/.

    Args:
      name: the target.
      srcs: the sources; `name`.cc if there are none.
      deps: what it needs beside //parallel and the helpers of tests/parallel.
      **kwargs: passed on to convoy_test.
    """
    convoy_test(
        name = name,
        srcs = srcs or [name + ".cc"],
        deps = deps + [
            "//core",
            "//optim",
            "//parallel",
            "//tests/parallel:support",
            "//third_party/catch2",
            "//third_party/fmt",
            "//tests:json",
        ],
        **kwargs
    )
