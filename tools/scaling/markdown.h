// A table in Markdown.
#pragma once

#include <string>

#include "tools/scaling/table_data.h"

namespace convoy {

/// With columns of one width each, so that people can read it as it is. Without the title.
std::string Markdown(const TableData& table);

}  // namespace convoy
