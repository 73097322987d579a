// A TOML file that people write, whose every mistake is named with file, line and reason.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// One table of a TOML file. What is asked for is there and of its kind, or an Error says what is
/// wrong, and where: `[links] FILE:3: 'latency_us' must be a number of at least 0, got -3`.
class TomlTable {
 public:
  /// `component` starts every message. Throws: Error if the file cannot be read, is no TOML, or
  /// is larger than 16 MiB, or is refused by CheckTomlText.
  static TomlTable Read(const std::string& path, const std::string& component);
  /// Of a text; `name` stands for the path in messages.
  static TomlTable Parse(std::string_view text, const std::string& name,
                         const std::string& component);

  TomlTable(TomlTable&&) noexcept;
  TomlTable& operator=(TomlTable&&) noexcept;
  ~TomlTable();

  /// Whether the table has the key. Counts as reading it (see RefuseOthers).
  bool Has(const std::string& key);
  /// Values of keys; texts are made printable (core/base/printable.h). What comes as `otherwise` is
  /// for keys that may be left out.
  std::string String(const std::string& key, std::optional<std::string> otherwise = {});
  int64_t Integer(const std::string& key, int64_t at_least,
                  int64_t at_most = std::numeric_limits<int64_t>::max());
  double Positive(const std::string& key);
  double NotNegative(const std::string& key, std::optional<double> otherwise = {});
  /// `key = [1, 2.5]`, each of at least 0; empty if it is left out.
  std::vector<double> Numbers(const std::string& key);

  struct Word {
    std::string text;
    std::string where;  ///< as Where()
  };
  /// `key = ["a", "b"]`.
  std::vector<Word> Words(const std::string& key);
  /// `[[key]]` or `key = [{...}, {...}]`; empty if it is left out.
  std::vector<TomlTable> Tables(const std::string& key);

  /// Throws Error if the table has a key that has not been read. Call it after reading all keys.
  void RefuseOthers() const;

  /// "[links] FILE:LINE" of the table or of one of its keys, for the start of an error message.
  std::string Where() const;
  std::string Where(const std::string& key) const;

 private:
  struct Impl;
  explicit TomlTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// `text` as a TOML string, in quotes.
std::string TomlString(std::string_view text);

}  // namespace convoy
