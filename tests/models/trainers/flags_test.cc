// The parts of a trainer's command line, with a user's own optimizer and part.
#include "models/trainers/common/flags.h"

#include <CLI/CLI.hpp>
#include <catch2/catch.hpp>

#include "core/base/error.h"
#include "models/trainers/common/given_flags.h"
#include "optim/sgd.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

using Catch::Contains;

// The optimizer that a user adds, in a file of its own: no trainer knows of it.
const RegisterOptimizer kSteady({
    .name = "steady",
    .settings = {{"momentum", "Momentum of Steady", 0.5, 0, 1},
                 {"trust", "Trust of Steady", 0.001, 0, 2},
                 {"nothing", "Nothing at all", 0, 0, 1}},
    .make =
        [](const FlatParameters& parameters, const RuleOptions& options) {
          return std::make_unique<Sgd>(parameters, SgdOptions{.lr = options.lr});
        },
    .describe =
        [](const RuleOptions& options) {
          return fmt::format("Steady, momentum {}, trust {}", options.settings.at("momentum"),
                             options.settings.at("trust"));
        },
});

// A user's own part.
class NoteFlags final : public FlagPart {
 public:
  std::string note, file;

  void Add(CLI::App& app) override {
    app.add_option("--note", note);
    app.add_option("--note-file", file);
  }
  void ListFiles(FlagFiles& files) const override {
    files.outputs.push_back({"--note-file", file});
  }
  std::vector<HeaderLine> Describe() const override { return {{"note", note}}; }
};

struct Line {
  explicit Line(const std::string& text) {
    flags.run.batch_size = 8;
    flags.optimizer.settings["beta2"] = 0.99;
    for (FlagPart* part : flags.Parts()) part->Add(app);
    app.parse(text);
  }
  void Settle() {
    for (FlagPart* part : flags.Parts()) part->Settle(GivenFlags(app));
  }

  CLI::App app;
  CommonFlags flags;
};

TEST_CASE("Every registered optimizer is offered, with its settings as flags") {
  const std::string help = Line("").app.help();
  for (const char* text : {"adamw|sgd|steady", "--momentum FLOAT=0.9, steady 0.5",
                           "--beta2 FLOAT=0.99", "--trust FLOAT=0.001", "Trust of Steady"}) {
    CHECK_THAT(help, Contains(text));
  }
  Line line("--optimizer steady --trust 0.5 --lr 0.25");
  line.Settle();
  CHECK(line.flags.optimizer.Text() == "Steady, momentum 0.5, trust 0.5, lr 0.25");
  CHECK(Line("").flags.optimizer.Text() == "AdamW, betas 0.9 and 0.99, lr 0.001");
  CHECK(Line("--beta2 0.5").flags.optimizer.Text() == "AdamW, betas 0.9 and 0.5, lr 0.001");
  CHECK_THROWS_WITH(Line("--trust 3"), Contains("wants a number from 0 to 2, got '3'"));
}

TEST_CASE("A setting that another optimizer has is refused, with those that have it") {
  CHECK_THROWS_WITH(Line("--momentum 0.5").Settle(),
                    "[--momentum] belongs to --optimizer sgd or steady, but this run's optimizer "
                    "is adamw; leave it out, or give --optimizer sgd or steady");
  CHECK_THROWS_WITH(Line("--optimizer sgd --trust 1").Settle(),
                    Contains("[--trust] belongs to --optimizer steady, but"));
  CHECK_NOTHROW(Line("--optimizer steady --momentum 0.1").Settle());
}

TEST_CASE("The files of all parts are checked together") {
  const TemporaryFolder folder;
  Line line("--save " + folder / "out");
  NoteFlags notes;
  std::vector<FlagPart*> parts = line.flags.Parts();
  parts.push_back(&notes);
  notes.file = folder / "other";
  CHECK_NOTHROW(CheckFlags(parts));
  notes.file = folder / "out";
  CHECK_THROWS_WITH(CheckFlags(parts), Contains("[--note-file]") && Contains("--save"));
  notes.file = folder / "none/x";
  CHECK_THROWS_WITH(CheckFlags(parts), Contains("[--note-file]"));
}

}  // namespace
}  // namespace convoy
