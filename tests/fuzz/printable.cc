// Text from anywhere, as it is shown.
#include "core/base/printable.h"

#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const std::string_view text = AsText(data, bytes);
  const std::string line = Printable(text);
  RequireShowable(line, "");
  Require(line.find_first_of("\n\t") == line.npos, "one line");
  Require(Printable(line) == line, "what is printable stays");
  const std::string lines = PrintableText(text);
  RequireShowable(lines, "");
  Require(Printable(lines).size() >= lines.size(), "a line's end gets longer");
  return 0;
}
