// Checks of the files that a command line names.
#include "models/trainers/common/file_checks.h"

#include <sys/stat.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/output_file.h"

namespace convoy {

void CheckWritable(const char* flag, const std::string& path) { CheckOutput(flag, path); }

void CheckDistinct(const std::vector<NamedFile>& outputs, const std::vector<NamedFile>& inputs,
                   const std::vector<std::pair<std::string_view, std::string_view>>& updates) {
  std::vector<std::pair<const NamedFile*, OutputPlace>> seen;
  for (const NamedFile& output : outputs) {
    if (output.path.empty()) continue;
    const OutputPlace place = FindOutput(output.flag, output.path);
    for (const auto& [other, other_place] : seen) {
      CONVOY_CHECK(!IsSamePlace(place, other_place),
                   "[{}] '{}' is the file of {} too, and one of the two would be lost; give it "
                   "another name",
                   output.flag, output.path, other->flag);
    }
    for (const NamedFile& input : inputs) {
      const std::pair<std::string_view, std::string_view> pair{output.flag, input.flag};
      if (input.path.empty() || std::count(updates.begin(), updates.end(), pair) > 0) continue;
      struct stat info {};
      const bool same = stat(input.path.c_str(), &info) == 0 && place.exists &&
                        info.st_dev == place.device && info.st_ino == place.inode;
      CONVOY_CHECK(!same, "[{}] '{}' is what {} reads, and would be lost; give it another name",
                   output.flag, output.path, input.flag);
    }
    seen.emplace_back(&output, place);
  }
}

}  // namespace convoy
