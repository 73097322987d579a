// A table in Markdown.
#include "tools/scaling/markdown.h"

#include <algorithm>

#include "tools/scaling/numbers.h"

namespace convoy {

std::string Markdown(const TableData& table) {
  std::vector<size_t> widths;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    widths.push_back(Length(table.columns[c].name));
    for (const auto& row : table.rows) widths[c] = std::max(widths[c], Length(row[c]));
  }
  const auto line = [&](const auto& cell) {
    std::string text;
    for (size_t c = 0; c < widths.size(); ++c) {
      const std::string& content = cell(c);
      const std::string space(widths[c] - Length(content), ' ');
      const bool left = table.columns[c].kind == TableData::Kind::kText;
      text += "| " + (left ? content + space : space + content) + " ";
    }
    return text + "|\n";
  };
  std::string text = line([&](size_t c) -> const std::string& { return table.columns[c].name; });
  for (const size_t width : widths) text += "|" + std::string(width + 2, '-');
  text += "|\n";
  for (const auto& row : table.rows) {
    text += line([&](size_t c) -> const std::string& { return row[c]; });
  }
  return text;
}

}  // namespace convoy
