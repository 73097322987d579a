"""How a fuzz target is declared."""

def fuzz_target(name, deps):
    """A parser that is fed arbitrary bytes: `name`.cc defines LLVMFuzzerTestOneInput.

    Two targets come of it: NAME_replay_test feeds it the inputs in corpus/NAME, and all that can be
    made of them by cutting off and by flipping a bit, in every build; NAME, built by
    tests/fuzz/run alone, looks for new ones.

    Args:
      name: the source without ".cc", and the folder in corpus.
      deps: the parser's library; small, since it is built once more for this.
    """
    corpus = native.glob(["corpus/%s/*" % name])
    native.cc_test(
        name = name + "_replay_test",
        size = "small",
        srcs = [name + ".cc", "fuzz.h", "replay_main.cc"],
        args = ["$(rootpath %s)" % it for it in corpus],
        data = corpus,
        deps = deps,
    )
    native.cc_binary(
        name = name,
        testonly = True,
        srcs = [name + ".cc", "fuzz.h"],
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = deps,
    )
