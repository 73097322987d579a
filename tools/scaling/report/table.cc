// What was measured as tables, for a terminal or a file.
#include "tools/scaling/report/table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>
#include <vector>

#include "core/base/printable.h"
#include "core/base/utf8.h"
#include "tools/scaling/report/table_format.h"
#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

constexpr const char* kBold = "\033[1m";
constexpr const char* kYellow = "\033[33m";
constexpr const char* kPlain = "\033[0m";
constexpr size_t kShortest = 10;  // no name is cut to less; headings are never cut

// Headings and lines that are no longer than a terminal is wide.
class TerminalFormat : public TableFormat {
 public:
  explicit TerminalFormat(TableOptions options) : options_(options) {}

  std::string Styled(const char* style, const std::string& line) const {
    return (options_.color && style != nullptr ? style + line + kPlain : line) + "\n";
  }
  std::string Title(const std::string& title) const {
    return Styled(kBold, Cut(title, static_cast<size_t>(options_.columns)));
  }

 private:
  std::string Shown(const std::string& text) const override { return Printable(text); }
  std::string Begin(const std::string& title) const override { return Title(title); }
  std::string Heading(const TableData& table, const Cells& names) const override {
    return Line(table, names);
  }
  std::string Line(const TableData&, const Cells& cells) const override {
    std::string line;
    for (const std::string& cell : cells) line += "  " + cell;
    while (line.ends_with(' ')) line.pop_back();
    return line + "\n";
  }

  // Each column gets what it needs; if that is too much, columns of text get less, the widest
  // first.
  void Align(TableData& table) const override {
    std::vector<size_t> widths = WidthsOf(table);
    size_t total = std::accumulate(widths.begin(), widths.end(), 2 * widths.size());
    while (total > static_cast<size_t>(options_.columns)) {
      size_t widest = widths.size();
      for (size_t c = 0; c < widths.size(); ++c) {
        const size_t shortest = std::max(kShortest, CountCharacters(table.columns[c].name));
        if (table.columns[c].kind != TableData::Kind::kText || widths[c] <= shortest) continue;
        if (widest == widths.size() || widths[c] > widths[widest]) widest = c;
      }
      if (widest == widths.size()) break;
      --widths[widest];
      --total;
    }
    AlignColumns(table, widths);
  }

  TableOptions options_;
};

class Text {
 public:
  explicit Text(TableOptions options) : options_(options), format_(options) {}

  void Heading(const std::string& heading) { text_ += format_.Title(Printable(heading)); }

  void Blank() { text_ += '\n'; }

  // Writes `text` behind `head`; what does not fit goes into further lines, indented like `text`.
  void Wrapped(const std::string& head, const std::string& text, const char* style = nullptr) {
    const size_t indent = CountCharacters(head);
    const size_t room = std::max<size_t>(20, static_cast<size_t>(options_.columns) - indent);
    std::string start = head, line;
    const auto end_line = [&] {
      text_ += format_.Styled(style, start + line);
      start.assign(indent, ' ');
      line.clear();
    };
    std::string rest = Printable(text);
    while (!rest.empty()) {
      const size_t space = std::min(rest.find(' '), rest.size());
      std::string word = rest.substr(0, space);
      rest.erase(0, std::min(space + 1, rest.size()));
      if (!line.empty() && CountCharacters(line) + 1 + CountCharacters(word) > room) end_line();
      line += (line.empty() ? "" : " ") + word;
    }
    end_line();
  }

  void Add(const TableData& table) {
    if (table.rows.empty()) return;
    if (!text_.empty()) Blank();
    text_ += format_.Render(table);
  }

  std::string Take() { return std::move(text_); }

 private:
  TableOptions options_;
  TerminalFormat format_;
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

}  // namespace convoy::scaling
