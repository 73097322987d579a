// The flags that name what a run reads and writes beside its data.
#include "models/trainers/common/file_flags.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "models/trainers/common/checks.h"
#include "models/trainers/common/given_flags.h"

namespace convoy {

void FileFlags::Add(CLI::App& app) {
  app.option_defaults()->always_capture_default(false)->group("Run");
  app.add_option("--init", init, "Start from the parameters in this safetensors file")
      ->type_name("FILE");
  app.add_option("--save", save, "Write the parameters to this safetensors file at the end")
      ->type_name("FILE");
  app.add_option("--metrics", metrics, "Write one JSON object a step to this file, one a line")
      ->type_name("FILE");
  app.add_option("--timeline", timeline,
                 "Write the times of all workers' steps and sums to this file, for "
                 "ui.perfetto.dev")
      ->type_name("FILE");
  app.add_option("--timeline-steps", timeline_steps,
                 "How many steps, from the first, go into --timeline; 0: all [1000]")
      ->check(Whole(0, kMostSteps));
}

void FileFlags::ListFiles(FlagFiles& files) const {
  files.outputs.insert(files.outputs.end(),
                       {{"--save", save}, {"--metrics", metrics}, {"--timeline", timeline}});
  files.inputs.push_back({"--init", init});
  files.updates.push_back({"--save", "--init"});  // the output replaces it when it has been read
}

void FileFlags::Check() const {
  if (init.empty()) return;
  std::error_code ignored;
  CONVOY_CHECK(!std::filesystem::is_directory(init, ignored),
               "[--init] '{}' is a folder; give a safetensors file", init);
  CONVOY_CHECK(access(init.c_str(), R_OK) == 0, "[--init] cannot read '{}': {}", init,
               std::strerror(errno));
}

void FileFlags::Settle(const GivenFlags& given) {
  CheckUsage(!timeline.empty() || !given("--timeline-steps"),
             "[--timeline-steps] has no effect without --timeline; give both, or leave it out");
}

}  // namespace convoy
