// What was measured as tables, for a terminal or a file.
#include "tools/scaling/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "core/base/printable.h"
#include "tools/scaling/numbers.h"
#include "tools/scaling/table_data.h"

namespace convoy {
namespace {

constexpr const char* kBold = "\033[1m";
constexpr const char* kYellow = "\033[33m";
constexpr const char* kPlain = "\033[0m";
constexpr size_t kShortest = 10;  // to which a name is cut at most; its heading is never cut

class Text {
 public:
  explicit Text(TableOptions options) : options_(options) {}

  void Heading(const std::string& heading) {
    Styled(kBold, Cut(Printable(heading), static_cast<size_t>(options_.columns)));
  }

  void Blank() { text_ += '\n'; }

  // `text` behind `head`; what does not fit goes into the next lines, below its beginning.
  void Wrapped(const std::string& head, const std::string& text, const char* style = nullptr) {
    const size_t room = std::max<size_t>(20, static_cast<size_t>(options_.columns) - Length(head));
    std::string start = head, line;
    const auto end_line = [&] {
      Styled(style, start + line);
      start.assign(Length(head), ' ');
      line.clear();
    };
    std::string rest = Printable(text);
    while (!rest.empty()) {
      const size_t space = std::min(rest.find(' '), rest.size());
      std::string word = rest.substr(0, space);
      rest.erase(0, std::min(space + 1, rest.size()));
      if (!line.empty() && Length(line) + 1 + Length(word) > room) end_line();
      line += (line.empty() ? "" : " ") + word;
    }
    end_line();
  }

  void Add(const TableData& table) {
    if (table.rows.empty()) return;
    if (!text_.empty()) Blank();
    Heading(table.title);
    const std::vector<size_t> widths = Widths(table);
    std::vector<std::string> names;
    for (const TableData::Column& column : table.columns) names.push_back(column.name);
    Row(table, widths, names);
    for (const std::vector<std::string>& row : table.rows) Row(table, widths, row);
  }

  std::string Take() { return std::move(text_); }

 private:
  void Styled(const char* style, const std::string& line) {
    text_ += options_.color && style != nullptr ? style + line + kPlain : line;
    text_ += '\n';
  }

  // What each column needs; if that is too much, columns of text get less, the widest first.
  std::vector<size_t> Widths(const TableData& table) const {
    std::vector<size_t> widths;
    size_t total = 2 * table.columns.size();
    for (size_t c = 0; c < table.columns.size(); ++c) {
      size_t width = Length(Printable(table.columns[c].name));
      for (const auto& row : table.rows) width = std::max(width, Length(Printable(row[c])));
      widths.push_back(width);
      total += width;
    }
    while (total > static_cast<size_t>(options_.columns)) {
      size_t widest = widths.size();
      for (size_t c = 0; c < widths.size(); ++c) {
        const size_t shortest = std::max(kShortest, Length(table.columns[c].name));
        if (table.columns[c].kind != TableData::Kind::kText || widths[c] <= shortest) continue;
        if (widest == widths.size() || widths[c] > widths[widest]) widest = c;
      }
      if (widest == widths.size()) break;
      --widths[widest];
      --total;
    }
    return widths;
  }

  void Row(const TableData& table, const std::vector<size_t>& widths,
           const std::vector<std::string>& row) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string cell = Cut(Printable(row[c]), widths[c]);
      const std::string space(widths[c] - Length(cell), ' ');
      line += "  ";
      line += table.columns[c].kind == TableData::Kind::kText ? cell + space : space + cell;
    }
    while (line.ends_with(' ')) line.pop_back();
    text_ += line + "\n";
  }

  TableOptions options_;
  std::string text_;
};

}  // namespace

bool WantsColor(std::FILE* file) {
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') return false;
  const char* terminal = std::getenv("TERM");
  return isatty(fileno(file)) == 1 && (terminal == nullptr || std::string(terminal) != "dumb");
}

std::string ResultsTable(const ScalingResults& results, TableOptions options) {
  Text text(options);
  text.Heading(results.model.empty() ? "Convoy scaling" : "Convoy scaling: " + results.model);
  for (const auto& [name, fact] : Facts(results)) {
    text.Wrapped(fmt::format("  {:<12}", name), fact);
  }
  text.Add(EfficiencyTable(results));
  text.Add(SplitTable(results));
  text.Add(SlowestTable(results));
  if (!results.measurements.empty()) text.Add(BucketTable(results.measurements.back()));
  const std::vector<std::string> summary = Summary(results);
  if (!summary.empty()) text.Blank();
  for (const std::string& line : summary) text.Wrapped("", line);
  const std::vector<std::string> warnings = Warnings(results);
  if (!warnings.empty()) text.Blank();
  for (const std::string& warning : warnings) text.Wrapped("warning: ", warning, kYellow);
  return text.Take();
}

}  // namespace convoy
