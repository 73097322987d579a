// How a table is written: as Markdown here, for terminals and pages where those are made.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/scaling/report/table_data.h"

namespace convoy::scaling {

/// A format of tables. The overrides get texts as Shown returns them.
class TableFormat {
 public:
  virtual ~TableFormat() = default;

  /// `table` in this format, several lines; empty if it has no columns.
  std::string Render(TableData table) const;

 protected:
  using Cells = std::vector<std::string>;

  /// `text` as this format shows it: escaped, or without what a terminal would obey.
  virtual std::string Shown(const std::string& text) const { return text; }
  /// What stands before the heading.
  virtual std::string Begin(const std::string& /*title*/) const { return ""; }
  /// The line with the columns' names.
  virtual std::string Heading(const TableData& table, const Cells& names) const = 0;
  virtual std::string Line(const TableData& table, const Cells& cells) const = 0;
  virtual std::string End() const { return ""; }
  /// Makes all texts of a column equally wide, if the format wants that (AlignColumns).
  virtual void Align(TableData& /*table*/) const {}
};

/// The width of each column in characters: that of its longest text.
std::vector<size_t> WidthsOf(const TableData& table);
/// Pads texts with blanks, or cuts them, to `widths` characters: numbers at the right.
void AlignColumns(TableData& table, const std::vector<size_t>& widths);

/// Markdown with columns of one width each, so that people can read it as it is. Without the title.
std::string Markdown(const TableData& table);

}  // namespace convoy::scaling
