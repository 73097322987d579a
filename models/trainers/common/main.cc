// TrainerMain: from the command line to the workers.
#include <CLI/CLI.hpp>

#include "models/trainers/common/given_flags.h"
#include "models/trainers/common/run.h"
#include "models/trainers/common/task.h"
#include "parallel/launch/program.h"

namespace convoy {

int TrainerMain(int argc, char** argv, Trainer& trainer) {
  const auto launched = TrainingRun::Clock::now();
  CLI::App app(trainer.description(), trainer.name());
  app.get_formatter()->column_width(34);
  for (FlagPart* part : trainer.parts()) part->Add(app);
  return RunProgram(app, argc, argv, trainer.name(), [&] {
    const GivenFlags given(app);
    CheckFlags(trainer.parts());
    for (FlagPart* part : trainer.parts()) part->SetDefaults(app);
    trainer.Prepare(given);
    for (FlagPart* part : trainer.parts()) part->Settle(given);
    return Launch(trainer.flags().run.launch, [&](Worker& worker) {
      MetricsFile metrics(worker.is_main() ? trainer.flags().files.metrics : "");
      TrainingRun(worker, trainer, metrics, launched).Run();
      metrics.Finish(worker);
    });
  });
}

}  // namespace convoy
