// The hosts of a job, and how many workers each may run.
#include "tools/launcher/host_file.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <map>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/printable.h"

namespace convoy::launcher {
namespace {

constexpr size_t kMaxBytes = 1 << 20;
constexpr size_t kMaxHostName = 255;
constexpr int kMaxSlots = 1024;
constexpr std::string_view kForm = "write `HOST` or `HOST slots=N`, one host a line";

std::string Quoted(std::string_view text) {
  constexpr size_t kMaxShown = 80;  // a line's worth
  return "'" + PrintableStart(text, kMaxShown) + "'";
}

bool IsHostName(std::string_view text) {
  constexpr std::string_view kOthers = "._-:@%";
  // A leading - would be an option of ssh.
  return !text.empty() && text.size() <= kMaxHostName && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [&](unsigned char c) {
           return std::isalnum(c) != 0 || kOthers.find(static_cast<char>(c)) != kOthers.npos;
         });
}

std::vector<std::string_view> Words(std::string_view line) {
  constexpr std::string_view kSpace = " \t\r";
  std::vector<std::string_view> words;
  for (size_t begin = 0; (begin = line.find_first_not_of(kSpace, begin)) != line.npos;) {
    const size_t end = std::min(line.find_first_of(kSpace, begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

int ParseSlots(std::string_view word, const std::string& where) {
  constexpr std::string_view kKey = "slots=";
  CONVOY_CHECK(word.starts_with(kKey),
               "[tools/launch] {}: expected slots=N after the host, got {}; {}", where,
               Quoted(word), kForm);
  const std::string_view text = word.substr(kKey.size());
  int slots = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), slots);
  CONVOY_CHECK(
      error == std::errc() && end == text.data() + text.size() && slots >= 1 && slots <= kMaxSlots,
      "[tools/launch] {}: expected slots=N with N from 1 to {}, got {}; {}", where, kMaxSlots,
      Quoted(word), kForm);
  return slots;
}

}  // namespace

std::vector<Host> ParseHosts(std::string_view text, const std::string& path) {
  std::vector<Host> hosts;
  std::map<std::string_view, int> first_line;  // where each host was named
  int number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    const std::string where = fmt::format("{}:{}", path, ++number);
    const std::vector<std::string_view> words = Words(line.substr(0, line.find('#')));
    if (words.empty()) continue;
    CONVOY_CHECK(IsHostName(words[0]), "[tools/launch] {}: expected a host's name, got {}; {}",
                 where, Quoted(words[0]), kForm);
    CONVOY_CHECK(words.size() <= 2, "[tools/launch] {}: expected the end of the line, got {}; {}",
                 where, Quoted(words[2]), kForm);
    const auto [before, is_new] = first_line.emplace(words[0], number);
    CONVOY_CHECK(
        is_new,
        "[tools/launch] {}: expected every host once, got {} again, first in line {}; give "
        "it all its slots there",
        where, Quoted(words[0]), before->second);
    hosts.push_back({.name = std::string(words[0]),
                     .slots = words.size() == 2 ? ParseSlots(words[1], where) : 1});
  }
  CONVOY_CHECK(!hosts.empty(), "[tools/launch] {}: expected at least one host, got none; {}", path,
               kForm);
  return hosts;
}

std::vector<Host> ReadHostFile(const std::string& path) {
  return ParseHosts(ReadWholeFile("tools/launch", path, kMaxBytes, /*pipes=*/true), path);
}

}  // namespace convoy::launcher
