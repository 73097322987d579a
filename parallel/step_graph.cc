// StepGraph: eager runs, then a recording, for every key.
#include "parallel/step_graph.h"

#include "core/base/error.h"

namespace convoy {
namespace {

// Before a recording every plan must be cached and every lazy buffer made: the first run does most
// of it, the second one what depends on state that the first has made.
constexpr int kEagerRuns = 2;

}  // namespace

StepGraph::StepGraph(Worker& worker) : worker_(worker) {
  CONVOY_CHECK(!worker.device().is_cpu(),
               "[StepGraph] a step can be recorded on a GPU only, but this worker computes on {}; "
               "call the step itself",
               worker.device().ToString());
}

StepGraph::~StepGraph() = default;

void StepGraph::Run(const std::string& key, const std::function<void()>& step) {
  Entry& entry = entries_[key];
  if (entry.recording == nullptr && entry.eager_runs < kEagerRuns) {
    step();
    ++entry.eager_runs;
    return;
  }
  if (entry.recording == nullptr) {
    entry.recording = GetBackend(worker_.device().type).Record(worker_.device(), step);
    ++recordings_;
  }
  entry.recording->Replay();
  ++replays_;
  worker_.group().Watch("the recorded step");
}

}  // namespace convoy
