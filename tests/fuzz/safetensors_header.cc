// The header of a safetensors file.
#include "models/io/safetensors_header.h"

#include <string>

#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  const std::string text(AsText(data, bytes));
  try {
    Metadata metadata;
    const auto entries = internal::ParseHeader("file", text, 8, metadata);
    int64_t end = 0;
    for (const SafetensorsFile::Entry& entry : entries) {
      Require(entry.offset == end && entry.bytes >= 0, "data without holes or overlaps");
      end += entry.bytes;
      Require(entry.dims.size() <= 64 && entry.name.size() <= 1024, "within the limits");
    }
    Require(end == 8, "all of the data");
  } catch (const Error& error) {
    RequireShowable(error.what(), "[Safetensors] 'file'");
  }
  return 0;
}
