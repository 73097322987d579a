// A worker's output, line by line.
#include "tools/launcher/lines.h"

#include <algorithm>

#include "core/base/printable.h"

namespace convoy::launcher {

namespace {

constexpr std::string_view kBlanks = " \t\r";

// As it stands on a terminal in the end: what comes after a carriage return replaces what was
// there.
std::string Message(std::string_view line) {
  constexpr size_t kMaxShown = 1000;
  line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
  std::string text(line.substr(line.rfind('\r') + 1));
  std::replace(text.begin(), text.end(), '\t', ' ');
  return PrintableStart(text, kMaxShown);
}

}  // namespace

void LinePrefixer::Complete(std::string_view line, std::string& to) {
  to.append(prefix_).append(line) += '\n';
  const size_t text = line.find_first_not_of(kBlanks);
  if (text == line.npos) return;
  if (text == 0) {
    in_warning_ = line.starts_with("warning: ");
    if (in_warning_) return;
    message_ = Message(line);
    continuations_ = 0;
  } else if (!in_warning_ && ++continuations_ == 1) {
    continuation_ = Message(line.substr(text));
  }
}

std::string LinePrefixer::last_message() const {
  if (continuations_ != 1) return message_;
  return message_.empty() ? continuation_ : message_ + " " + continuation_;
}

std::string LinePrefixer::Feed(std::string_view bytes) {
  std::string lines;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const size_t room = kMaxLine - partial_.size();
    const size_t count = std::min(std::min(end, bytes.size()), room);
    partial_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    const bool ended = !bytes.empty() && bytes.front() == '\n';
    if (ended) bytes.remove_prefix(1);
    if (!ended && partial_.size() < kMaxLine) break;
    Complete(partial_, lines);
    partial_.clear();
  }
  return lines;
}

std::string LinePrefixer::Finish() {
  std::string line;
  if (!partial_.empty()) Complete(partial_, line);
  partial_.clear();
  return line;
}

}  // namespace convoy::launcher
