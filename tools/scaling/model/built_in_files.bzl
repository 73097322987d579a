"""TOML files as part of the program."""

def built_in_files(name, srcs, function):
    """A source that defines `function` of built_in_files.h: the files' names and texts.

    Args:
      name: the target, and the source without ".cc".
      srcs: the TOML files, in the order in which the function returns them.
      function: its name.
    """
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [name + ".cc"],
        cmd = """
        {
          printf '%s\\n' '// Generated: TOML files as text.' \\
            '#include "tools/scaling/model/built_in_files.h"' 'namespace convoy::scaling {' \\
            'std::vector<BuiltInFile> """ + function + """() {' '  return {'
          for file in $(SRCS); do
            name=$${file##*/}
            printf '{"%s", R"==text==(' "$${name%.toml}"
            cat "$$file"
            printf ')==text=="},\\n'
          done
          printf '%s\\n' '  };' '}' '}  // namespace convoy::scaling'
        } >$@
    """,
    )
