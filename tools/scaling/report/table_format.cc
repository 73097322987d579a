// How a table is written.
#include "tools/scaling/report/table_format.h"

#include <algorithm>
#include <utility>

#include "core/base/utf8.h"
#include "tools/scaling/report/text_width.h"

namespace convoy::scaling {
namespace {

// Calls f(text) for every text of column `c`, its name first.
template <typename Table, typename F>
void ForColumn(Table& table, size_t c, F&& f) {
  f(table.columns[c].name);
  for (auto& row : table.rows) f(row[c]);
}

class MarkdownFormat : public TableFormat {
  void Align(TableData& table) const override { AlignColumns(table, WidthsOf(table)); }

  std::string Heading(const TableData& table, const Cells& names) const override {
    std::string rule;
    for (const size_t width : WidthsOf(table)) rule += "|" + std::string(width + 2, '-');
    return Line(table, names) + rule + "|\n";
  }

  std::string Line(const TableData&, const Cells& cells) const override {
    std::string line;
    for (const std::string& cell : cells) line += "| " + cell + " ";
    return line + "|\n";
  }
};

}  // namespace

std::string TableFormat::Render(TableData table) const {
  if (table.columns.empty()) return {};
  table.title = Shown(table.title);
  for (size_t c = 0; c < table.columns.size(); ++c) {
    ForColumn(table, c, [this](std::string& text) { text = Shown(text); });
  }
  Align(table);
  Cells names;
  for (const TableData::Column& column : table.columns) names.push_back(column.name);
  std::string text = Begin(table.title) + Heading(table, names);
  for (const Cells& row : table.rows) text += Line(table, row);
  return text + End();
}

std::vector<size_t> WidthsOf(const TableData& table) {
  std::vector<size_t> widths(table.columns.size(), 0);
  for (size_t c = 0; c < widths.size(); ++c) {
    ForColumn(table, c, [&width = widths[c]](const std::string& text) {
      width = std::max(width, CountCharacters(text));
    });
  }
  return widths;
}

void AlignColumns(TableData& table, const std::vector<size_t>& widths) {
  for (size_t c = 0; c < widths.size(); ++c) {
    const bool left = table.columns[c].kind == TableData::Kind::kText;
    ForColumn(table, c, [&](std::string& text) {
      text = Cut(text, widths[c]);
      const std::string space(widths[c] - CountCharacters(text), ' ');
      text = left ? text + space : space + text;
    });
  }
}

std::string Markdown(const TableData& table) { return MarkdownFormat().Render(table); }

}  // namespace convoy::scaling
