// Random numbers in recorded graphs: every replay draws from streams of its own.
#include "core/cuda/random_positions.h"

#include <algorithm>

#include "core/base/error.h"
#include "core/cuda/kernel.h"
#include "core/cuda/launch.h"
#include "core/cuda/stream.h"

namespace convoy::cuda {
namespace {

// Sources that one kernel moves on.
constexpr size_t kPerPiece = 128;
constexpr size_t kMostSources = 2048;

struct Dealt {
  uint32_t streams[kPerPiece];
};

__global__ void AdvanceKernel(RandomPosition* positions, Dealt dealt) {
  positions[threadIdx.x].shift += dealt.streams[threadIdx.x];
}

__global__ void SetKernel(RandomPosition* position, RandomPosition value) { *position = value; }

}  // namespace

RandomPositions::Source& RandomPositions::SourceOf(
    const std::shared_ptr<StreamSource::State>& state) {
  const auto found = std::find_if(sources_.begin(), sources_.end(),
                                  [&](const Source& source) { return source.state == state; });
  if (found != sources_.end()) return *found;
  CONVOY_CHECK(sources_.size() < kMostSources,
               "[CUDA] a recorded graph can draw random numbers from {} modules at most",
               kMostSources);
  auto* position = static_cast<RandomPosition*>(memory_.raw_data()) + sources_.size();
  return sources_.emplace_back(Source{state, *state, position, {}, false, 0});
}

void RandomPositions::BeginRecording() {
  memory_ = Tensor::Empty({static_cast<int64_t>(kMostSources * sizeof(RandomPosition))},
                          {DType::kU8, device_});
}

RandomStream RandomPositions::Next(const std::shared_ptr<StreamSource::State>& state) {
  Source& source = SourceOf(state);
  ++source.dealt;
  return {state->seed, state->next++, source.position};
}

void RandomPositions::EndRecording() {
  const cudaStream_t stream = Use(device_);
  for (size_t first = 0; first < sources_.size(); first += kPerPiece) {
    const size_t count = std::min(sources_.size() - first, kPerPiece);
    Dealt dealt{};
    for (size_t i = 0; i < count; ++i) dealt.streams[i] = sources_[first + i].dealt;
    Launch(AdvanceKernel, 1, static_cast<unsigned>(count), 0, stream, sources_[first].position,
           dealt);
  }
  for (Source& source : sources_) *source.state = source.recorded;
}

void RandomPositions::BeforeReplay(cudaStream_t stream) {
  for (Source& source : sources_) {
    StreamSource::State& state = *source.state;
    const RandomPosition wanted = {state.seed, state.next - source.recorded.next};
    if (!source.known || source.expected.seed != wanted.seed ||
        source.expected.shift != wanted.shift) {
      Launch(SetKernel, 1, 1, 0, stream, source.position, wanted);
    }
    state.next += source.dealt;
    source.known = true;
    source.expected = {wanted.seed, wanted.shift + source.dealt};
  }
}

}  // namespace convoy::cuda
