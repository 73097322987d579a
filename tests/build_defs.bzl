"""How a test is declared."""

def convoy_test(name, srcs, deps = [], size = "small", **kwargs):
    """A cc_test whose main() is Catch2's.

    Args:
      name: the target, conventionally the source without ".cc": "tensor_test".
      srcs: the test's sources.
      deps: the libraries under test.
      size: "small" runs within a minute, "medium" within five. Sanitizers multiply that.
      **kwargs: passed on to cc_test: tags, data, args ... The tag "slow" keeps a test out of CI's
        sanitizer runs. (Not shard_count: Catch2 2 would run every case in every shard.)
    """
    native.cc_test(
        name = name,
        size = size,
        srcs = srcs,
        deps = deps + ["//third_party/catch2:main"],
        **kwargs
    )
