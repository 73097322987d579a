// TrainerMain: from the command line to the workers.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "core/error.h"
#include "core/error_text.h"
#include "core/output_file.h"
#include "models/trainers/common/interrupt.h"
#include "models/trainers/common/run.h"
#include "models/trainers/common/task.h"

namespace convoy {

int TrainerMain(int argc, char** argv, Trainer& trainer) {
  const auto launched = TrainingRun::Clock::now();
  CLI::App app(trainer.description(), trainer.name());
  app.get_formatter()->column_width(34);
  ReportFileSizeLimit();
  try {
    AddCommonFlags(app, trainer.flags(), trainer.data_help());
    trainer.AddFlags(app);
    app.parse(argc, argv);
    CheckFlags(trainer.flags());
    trainer.Prepare(app);
    CatchInterrupts();
    Launch(trainer.flags().launch, [&](Worker& worker) {
      MetricsFile metrics(worker.is_main() ? trainer.flags().metrics : "");
      TrainingRun(worker, trainer, metrics, launched).Run();
      metrics.Finish();
    });
    CONVOY_CHECK(std::fflush(stdout) == 0 && std::ferror(stdout) == 0,
                 "[output] the run is complete, but writing to standard output failed: is the disk "
                 "full?");
    return 0;
  } catch (const CLI::ParseError& error) {
    return app.exit(error);  // prints --help, or what is wrong
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}: {}\n", trainer.name(), ErrorText(error));
    return 1;
  }
}

}  // namespace convoy
