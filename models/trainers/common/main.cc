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
  AddCommonFlags(app, trainer.flags(), trainer.data_help());
  trainer.AddFlags(app);
  return RunProgram(app, argc, argv, trainer.name(), [&] {
    const GivenFlags given(app);
    CheckFlags(trainer.flags());
    trainer.Prepare(app);
    SettleFlags(given, trainer.flags());
    return Launch(trainer.flags().launch, [&](Worker& worker) {
      MetricsFile metrics(worker.is_main() ? trainer.flags().metrics : "");
      TrainingRun(worker, trainer, metrics, launched).Run();
      metrics.Finish(worker);
    });
  });
}

}  // namespace convoy
