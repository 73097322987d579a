// TrainerMain: from the command line to the workers.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/error.h"
#include "models/trainers/common/interrupt.h"
#include "models/trainers/common/run.h"
#include "models/trainers/common/task.h"

namespace convoy {

int TrainerMain(int argc, char** argv, Trainer& trainer) {
  const auto launched = TrainingRun::Clock::now();
  CLI::App app(trainer.description(), trainer.name());
  app.get_formatter()->column_width(34);
  try {
    AddCommonFlags(app, trainer.flags(), trainer.data_help());
    trainer.AddFlags(app);
    app.parse(argc, argv);
    CheckFlags(trainer.flags());
    trainer.Prepare(app);
    // Workers that are processes of their own come here too; the main one alone writes the file.
    const bool writes = StartedAsWorker().value_or(0) == 0;
    MetricsFile metrics(writes ? trainer.flags().metrics : "");
    CatchInterrupts();
    Launch(trainer.flags().launch,
           [&](Worker& worker) { TrainingRun(worker, trainer, metrics, launched).Run(); });
    CONVOY_CHECK(std::fflush(stdout) == 0 && std::ferror(stdout) == 0,
                 "[output] the run is complete, but writing to standard output failed: is the disk "
                 "full?");
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error);  // prints --help, or what is wrong
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", trainer.name(), error.what());
    return 1;
  }
}

}  // namespace convoy
