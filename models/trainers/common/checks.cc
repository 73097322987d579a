// Checks of what is on the command line.
#include "models/trainers/common/checks.h"

#include "core/output_file.h"

namespace convoy {

void CheckWritable(const char* flag, const std::string& path) { CheckOutput(flag, path); }

}  // namespace convoy
