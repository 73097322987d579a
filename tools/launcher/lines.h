// A worker's output, line by line.
#pragma once

#include <string>
#include <string_view>

namespace convoy::launcher {

/// Puts a prefix in front of every line, and lets only whole ones through.
class LinePrefixer {
 public:
  explicit LinePrefixer(std::string prefix) : prefix_(std::move(prefix)) {}

  /// The lines that `bytes` complete. One of more than kMaxLine bytes is cut in two.
  std::string Feed(std::string_view bytes);
  /// A last line without an end, with one.
  std::string Finish();

  /// The last message, without the prefix and shortened: the last line that is neither empty nor
  /// indented. An indented line continues a message; one that is the only one belongs to the
  /// result, but a table does not. Warnings do not count.
  std::string last_message() const;

  static constexpr size_t kMaxLine = 1 << 20;

 private:
  void Complete(std::string_view line, std::string& to);

  std::string prefix_;
  std::string partial_;
  std::string message_, continuation_;
  int continuations_ = 0;
  bool in_warning_ = false;
};

}  // namespace convoy::launcher
