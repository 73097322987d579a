// The mnist trainer's own flags.
#include "models/trainers/mnist_flags.h"

#include <CLI/CLI.hpp>

#include "models/trainers/common/checks.h"

namespace convoy {

void MnistFlags::Add(CLI::App& app) {
  app.get_option("--steps")->default_str("--epochs");
  app.get_option("--eval-every")->default_str("an epoch");
  app.option_defaults()->always_capture_default()->group("Run");
  app.add_option("--epochs", epochs, "Times through the training images, unless --steps is given")
      ->check(Whole(0, 1'000'000));
  app.option_defaults()->group("Model");
  app.add_option("--hidden", model.hidden, "Outputs of each hidden layer")
      ->delimiter(',')
      ->check(Whole(1, kMostFeatures));
}

}  // namespace convoy
