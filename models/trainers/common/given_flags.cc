// Which flags stand on the command line.
#include "models/trainers/common/given_flags.h"

#include <CLI/CLI.hpp>

namespace convoy {

GivenFlags::GivenFlags(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() > 0) names_.insert(option->get_name());
  }
}

void SetUnlessGiven(CLI::App& app, const std::string& name, const std::string& value) {
  CLI::Option* option = app.get_option(name);
  if (option->count() > 0) return;
  option->add_result(value);
  option->run_callback();
}

}  // namespace convoy
