// A worker's output, line by line.
#include "tools/launcher/lines.h"

#include <algorithm>

namespace convoy {

void LinePrefixer::Complete(std::string_view line, std::string& to) {
  constexpr size_t kMaxShown = 1000;
  to.append(prefix_).append(line) += '\n';
  if (line.find_first_not_of(" \t\r") == line.npos) return;
  last_line_ = line.substr(0, kMaxShown);
  std::replace_if(
      last_line_.begin(), last_line_.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; },
      ' ');
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

}  // namespace convoy
