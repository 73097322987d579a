// A part of a trainer's command line: what a part does unless it says otherwise.
#include "models/trainers/common/flag_part.h"

namespace convoy {

void FlagPart::ListFiles(FlagFiles&) const {}
void FlagPart::Check() const {}
void FlagPart::SetDefaults(CLI::App&) {}
void FlagPart::Settle(const GivenFlags&) {}
std::vector<HeaderLine> FlagPart::Describe() const { return {}; }

void CheckFlags(const std::vector<FlagPart*>& parts) {
  FlagFiles files;
  for (const FlagPart* part : parts) {
    part->Check();
    part->ListFiles(files);
  }
  for (const NamedFile& output : files.outputs) {
    if (!output.path.empty()) CheckWritable(output.flag, output.path);
  }
  CheckDistinct(files.outputs, files.inputs, files.updates);
}

}  // namespace convoy
