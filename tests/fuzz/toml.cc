// A TOML file: a bucket plan, links, a profile.
#include <string>

#include "core/base/error.h"
#include "core/base/toml_file.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  try {
    TomlTable file = TomlTable::Parse(AsText(data, bytes), "file", "links");
    for (TomlTable& table : file.Tables("bucket")) {
      for (const TomlTable::Word& word : table.Words("parameters")) {
        RequireShowable(word.text, "");
      }
      table.RefuseOthers();
    }
    RequireShowable(file.String("name", "none"), "");
    file.Numbers("numbers");
    file.NotNegative("latency", 0.0);
    file.RefuseOthers();
  } catch (const Error& error) {
    RequireShowable(error.what(), "[links] file");
  }
  return 0;
}
