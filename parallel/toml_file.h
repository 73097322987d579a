// A TOML file that people write, whose every mistake is named with file, line and reason.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace convoy {

/// One table of a TOML file: what is asked for is there and of its kind, or an Error says so:
/// `PATH:LINE: bandwidth must be over 0, got -3`. Each key that was asked for counts as known.
class TomlTable {
 public:
  /// Throws: Error if the file cannot be read or is no TOML.
  static TomlTable Read(const std::string& path);
  /// As Read, of a text; `name` stands for the path in messages.
  static TomlTable Parse(std::string_view text, const std::string& name);

  ~TomlTable();
  TomlTable(TomlTable&&) noexcept;
  TomlTable& operator=(TomlTable&&) noexcept;

  bool Has(const std::string& key) const;
  std::string String(const std::string& key);
  std::string String(const std::string& key, const std::string& otherwise);
  bool Bool(const std::string& key, bool otherwise);
  /// A number, whole or not. The second form is for keys that may be left out.
  double Number(const std::string& key);
  double Number(const std::string& key, double otherwise);
  int64_t Integer(const std::string& key);
  /// A number over 0, or of at least 0.
  double Positive(const std::string& key);
  double NotNegative(const std::string& key);
  double NotNegative(const std::string& key, double otherwise);
  /// `key = [1, 2.5]`; empty if it is left out.
  std::vector<double> Numbers(const std::string& key);
  /// `key = ["a", "b"]` with each one's place, "PATH:LINE".
  struct Word {
    std::string text;
    std::string where;
  };
  std::vector<Word> Words(const std::string& key);
  /// `[[key]]` or `key = [{...}, {...}]`; empty if it is left out.
  std::vector<TomlTable> Tables(const std::string& key);
  /// `[key]` or `key = {...}`.
  TomlTable Table(const std::string& key);
  std::vector<std::string> Keys() const;

  /// Refuses keys that nobody has asked for. To be called last.
  void RefuseOthers() const;

  /// "PATH:LINE" of the table, or of a key in it.
  std::string Where() const;
  std::string Where(const std::string& key) const;

 private:
  struct Impl;
  explicit TomlTable(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// `text` in quotes, with what TOML wants escaped.
std::string TomlString(std::string_view text);

}  // namespace convoy
