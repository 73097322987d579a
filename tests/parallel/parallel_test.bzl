"""A test of parallel/: what all of them depend on."""

load("//tests:build_defs.bzl", "convoy_test")

def parallel_test(name, deps = [], **kwargs):
    """A convoy_test whose source is `name`.cc.

    Args:
      name: the target and, without ".cc", its source.
      deps: what it needs beside //parallel and the helpers of tests/parallel.
      **kwargs: passed on to convoy_test.
    """
    convoy_test(
        name = name,
        srcs = [name + ".cc"],
        deps = deps + [
            "//core",
            "//optim",
            "//parallel",
            "//tests/parallel:support",
            "//third_party/catch2",
            "//third_party/fmt",
            "//third_party/json",
        ],
        **kwargs
    )
