// A file that scaling_bench --json has written.
#include <string>

#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"
#include "tools/scaling/report/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  using namespace convoy::scaling;
  try {
    const SavedScaling saved = ParseScalingJson(std::string(AsText(data, bytes)), "file");
    // What was read is written, and read again.
    const std::string text =
        ScalingJson(saved.results ? &*saved.results : nullptr, saved.predictions);
    const SavedScaling again = ParseScalingJson(text, "again");
    Require(text == ScalingJson(again.results ? &*again.results : nullptr, again.predictions),
            "the same again");
  } catch (const Error& error) {
    RequireShowable(error.what(), "[scaling] file: ");
  }
  return 0;
}
