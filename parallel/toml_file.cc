// A TOML file that people write, whose every mistake is named with file, line and reason.
#include "parallel/toml_file.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <stdexcept>
#include <utility>

#include "core/error.h"
#include "core/file.h"
#include "core/printable.h"
#include "parallel/toml_text.h"

namespace convoy {

// toml++ takes some things for granted that a malformed file makes untrue (a bracket where a value
// belongs): it asserts them, and in an optimised build the compiler relies on them. Here assertions
// are on in every build, and throw this.
struct TomlAssumptionFailed : std::logic_error {
  using std::logic_error::logic_error;
};

[[noreturn]] static void FailTomlAssumption(const char* condition) {
  throw TomlAssumptionFailed(condition);
}

}  // namespace convoy

#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void() : convoy::FailTomlAssumption(#condition))
#include <toml++/toml.h>

namespace convoy {
namespace {

constexpr int64_t kMaxBytes = 16 << 20;  // more is no file of this kind

// "the string 'a'", "-3", "an array".
std::string Described(const toml::node& node) {
  if (const auto* text = node.as_string())
    return fmt::format("the string '{}'", Printable(text->get()));
  if (const auto* whole = node.as_integer()) return fmt::format("{}", whole->get());
  if (const auto* number = node.as_floating_point()) return fmt::format("{}", number->get());
  if (const auto* flag = node.as_boolean()) return flag->get() ? "true" : "false";
  if (node.is_table()) return "a table";
  return node.is_array() ? "an array" : "a date or time";
}

std::optional<double> NumberOf(const toml::node& node) {
  if (!node.is_number()) return {};
  const std::optional<double> value = node.value<double>();
  return value && std::isfinite(*value) ? value : std::nullopt;
}

}  // namespace

struct TomlTable::Impl {
  std::shared_ptr<const toml::table> file;  // keeps `table` alive
  const toml::table* table;
  std::string path, component;
  bool is_file = false;  // the outermost table
  std::set<std::string> asked;

  std::string WhereIs(const toml::node& node) const {
    return fmt::format("[{}] {}:{}", component, path, node.source().begin.line);
  }
  // Null if it is not there; the key is known from now on.
  const toml::node* Find(const std::string& key) {
    asked.insert(key);
    return table->get(key);
  }
  const toml::node& Get(const std::string& key) {
    const toml::node* node = Find(key);
    CONVOY_CHECK(node != nullptr, "{}: the key '{}' is missing",
                 is_file ? fmt::format("[{}] {}", component, path) : WhereIs(*table), key);
    return *node;
  }
  [[noreturn]] void Refuse(const toml::node& node, const std::string& key,
                           const std::string& expected) const {
    Fail("{}: '{}' must be {}, got {}", WhereIs(node), key, expected, Described(node));
  }
  const toml::array& GetArray(const toml::node& node, const std::string& key,
                              const std::string& expected) const {
    if (!node.is_array()) Refuse(node, key, expected);
    return *node.as_array();
  }
};

TomlTable::TomlTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TomlTable::TomlTable(TomlTable&&) noexcept = default;
TomlTable& TomlTable::operator=(TomlTable&&) noexcept = default;
TomlTable::~TomlTable() = default;

TomlTable TomlTable::Read(const std::string& path, const std::string& component) {
  return Parse(ReadWholeFile(component.c_str(), path, kMaxBytes), path, component);
}

TomlTable TomlTable::Parse(std::string_view text, const std::string& name,
                           const std::string& component) {
  CheckTomlText(text, name, component);
  auto impl = std::make_unique<Impl>();
  try {
    impl->file = std::make_shared<const toml::table>(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    Fail("[{}] {}:{}: {}", component, name, error.source().begin.line,
         Printable(error.description()));
  } catch (const TomlAssumptionFailed&) {
    Fail(
        "[{}] {}: expected a TOML file, got something malformed at a place that the parser cannot "
        "name; look for a missing value, name, bracket or comma",
        component, name);
  }
  impl->table = impl->file.get();
  impl->path = name;
  impl->component = component;
  impl->is_file = true;
  return TomlTable(std::move(impl));
}

bool TomlTable::Has(const std::string& key) const { return impl_->table->contains(key); }

std::string TomlTable::String(const std::string& key, std::optional<std::string> otherwise) {
  if (otherwise && impl_->Find(key) == nullptr) return *otherwise;
  const toml::node& node = impl_->Get(key);
  if (!node.is_string() || node.as_string()->get().empty()) {
    impl_->Refuse(node, key, "a text in quotes");
  }
  return PrintableText(node.as_string()->get());
}

int64_t TomlTable::Integer(const std::string& key, int64_t at_least, int64_t at_most) {
  const toml::node& node = impl_->Get(key);
  const auto* whole = node.as_integer();
  if (whole == nullptr || whole->get() < at_least || whole->get() > at_most) {
    const bool too_large = whole != nullptr && whole->get() > at_most;
    impl_->Refuse(node, key,
                  too_large ? fmt::format("a whole number from {} to {}", at_least, at_most)
                            : fmt::format("a whole number of at least {}", at_least));
  }
  return whole->get();
}

double TomlTable::Positive(const std::string& key) {
  const toml::node& node = impl_->Get(key);
  const std::optional<double> value = NumberOf(node);
  if (!value || *value <= 0) impl_->Refuse(node, key, "a number over 0");
  return *value;
}

double TomlTable::NotNegative(const std::string& key, std::optional<double> otherwise) {
  if (otherwise && impl_->Find(key) == nullptr) return *otherwise;
  const toml::node& node = impl_->Get(key);
  const std::optional<double> value = NumberOf(node);
  if (!value || *value < 0) impl_->Refuse(node, key, "a number of at least 0");
  return *value;
}

std::vector<double> TomlTable::Numbers(const std::string& key) {
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return {};
  std::vector<double> values;
  for (const toml::node& item : impl_->GetArray(*node, key, "an array of numbers")) {
    const std::optional<double> value = NumberOf(item);
    if (!value || *value < 0) {
      impl_->Refuse(item, key, "an array of numbers, each of at least 0");
    }
    values.push_back(*value);
  }
  return values;
}

std::vector<TomlTable::Word> TomlTable::Words(const std::string& key) {
  constexpr const char* kExpected = "an array of texts in quotes";
  std::vector<Word> words;
  for (const toml::node& item : impl_->GetArray(impl_->Get(key), key, kExpected)) {
    if (!item.is_string()) impl_->Refuse(item, key, kExpected);
    words.push_back({Printable(item.as_string()->get()), impl_->WhereIs(item)});
  }
  return words;
}

std::vector<TomlTable> TomlTable::Tables(const std::string& key) {
  const toml::node* node = impl_->Find(key);
  if (node == nullptr) return {};
  const std::string expected = fmt::format("an array of tables, [[{}]]", key);
  std::vector<TomlTable> tables;
  for (const toml::node& item : impl_->GetArray(*node, key, expected)) {
    if (!item.is_table()) impl_->Refuse(item, key, expected);
    auto impl = std::make_unique<Impl>();
    impl->file = impl_->file;
    impl->table = item.as_table();
    impl->path = impl_->path;
    impl->component = impl_->component;
    tables.push_back(TomlTable(std::move(impl)));
  }
  return tables;
}

void TomlTable::RefuseOthers() const {
  const toml::node* first = nullptr;
  std::string name, known;
  for (const auto& [key, node] : *impl_->table) {
    if (impl_->asked.contains(std::string(key.str()))) continue;
    if (first != nullptr && first->source().begin.line <= node.source().begin.line) continue;
    first = &node;
    name = key.str();
  }
  if (first == nullptr) return;
  for (const std::string& key : impl_->asked) known += (known.empty() ? "" : ", ") + key;
  Fail("{}: the key '{}' is unknown; those that are known here: {}", impl_->WhereIs(*first),
       Printable(name), known);
}

std::string TomlTable::Where() const {
  if (impl_->is_file) return fmt::format("[{}] {}", impl_->component, impl_->path);
  return impl_->WhereIs(*impl_->table);
}

std::string TomlTable::Where(const std::string& key) const {
  const toml::node* node = impl_->table->get(key);
  return node == nullptr ? Where() : impl_->WhereIs(*node);
}

std::string TomlString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

}  // namespace convoy
