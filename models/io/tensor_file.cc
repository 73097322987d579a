// Files of named tensors, whatever their format; formats register themselves.
#include "models/io/tensor_file.h"

#include <deque>
#include <utility>

#include "core/base/error.h"

namespace convoy {
namespace {

constexpr char kUsual[] = ".safetensors";

/// Grows before main() only. A deque, so that formats stay where they are.
std::deque<TensorFormat>& Formats() {
  static std::deque<TensorFormat> formats;
  return formats;
}

}  // namespace

RegisterTensorFormat::RegisterTensorFormat(TensorFormat format) {
  std::erase_if(Formats(), [&](const TensorFormat& it) { return it.ending == format.ending; });
  Formats().push_back(std::move(format));
}

const TensorFormat& TensorFormatOf(const std::string& path) {
  const TensorFormat *usual = nullptr, *longest = nullptr;
  for (const TensorFormat& format : Formats()) {
    if (format.ending == kUsual) usual = &format;
    if (!path.ends_with(format.ending)) continue;
    if (longest == nullptr || format.ending.size() > longest->ending.size()) longest = &format;
  }
  if (longest != nullptr) return *longest;
  CONVOY_CHECK(usual != nullptr, "[Checkpoint] '{}': this program was linked without safetensors",
               path);
  return *usual;
}

}  // namespace convoy
