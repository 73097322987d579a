"""Text files, compiled into a program."""

def embedded_text(name, srcs, function, header):
    """Generates NAME.cc, which defines `std::string_view convoy::FUNCTION()`.

    Args:
      name: the target; its output is NAME.cc.
      srcs: text files, joined in this order. Only printable ASCII, tabs and line ends are kept.
      function: the function that returns the text.
      header: the header that declares it.
    """

    # One raw string literal a file: adjacent ones are joined by the compiler.
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [name + ".cc"],
        cmd = """
            {{
              printf '%s\\n' '// Generated: text files as one string.' \\
                '#include "{header}"' 'namespace convoy {{' \\
                'std::string_view {function}() {{' '  static constexpr char kText[] ='
              for file in $(SRCS); do
                printf 'R"==text==('
                LC_ALL=C tr -cd '\\011\\012\\040-\\176' <$$file
                printf ')==text=="\\n'
              done
              printf '%s\\n' '      ;' '  return std::string_view(kText, sizeof(kText) - 1);' \\
                '}}' '}}  // namespace convoy'
            }} >$@
        """.format(header = header, function = function),
    )
