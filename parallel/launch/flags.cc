// The flags of Launch.
#include <CLI/CLI.hpp>

#include "parallel/launch/options.h"
#include "parallel/launch/placement.h"
#include "parallel/transport/transport.h"

namespace convoy {

void AddLaunchFlags(CLI::App& app, LaunchOptions& options) {
  const auto add_count = [&app](const char* flag, int& count, int max, const char* help) {
    app.add_option_function<int>(
           flag,
           [flag, &count, max](int value) {
             launch::CheckCount(flag, value, max);
             count = value;
           },
           help)
        ->type_name("N");
  };
  add_count(
      "--workers", options.workers, kMaxWorkers,
      "Workers that share each batch [one per GPU; on CPU one per available core, at most 4]");
  add_count("--threads", options.threads, launch::kMaxThreads,
            "CPU threads of each worker [the available cores divided among the workers]");
  app.add_option("--device", options.device,
                 "Where to compute: auto (GPUs if there are any, else CPU), cuda or cpu")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--launch", options.launch,
                 "How several GPU workers are started: processes or threads")
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--transport", options.transport,
                 "What moves data between workers: auto or one of " + transport::TransportNames())
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--timeout", options.timeout_s,
                 "Seconds for which a worker waits for another one before the run fails (the "
                 "in-process transport waits for ever)")
      ->type_name("SECONDS")
      ->capture_default_str();
  app.add_option("--dump", options.dump,
                 "If the run fails, write each worker's last collectives to a file in this folder")
      ->type_name("FOLDER");
}

}  // namespace convoy
