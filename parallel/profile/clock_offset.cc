// How the clocks of workers on different machines differ.
#include "parallel/profile/clock_offset.h"

#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

#include "core/tensor.h"

namespace convoy {
namespace {

using std::chrono::nanoseconds;

constexpr int kRounds = 16;  // the first ones also open connections

int64_t Now() {
  return std::chrono::duration_cast<nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Tensor Number(const Worker& worker, int64_t value) {
  return Tensor::From<int64_t>({1}, std::vector<int64_t>{value}, worker.device());
}

// Worker 0: the offset of the clock of `rank`.
int64_t Ask(Worker& worker, int rank) {
  int64_t shortest = std::numeric_limits<int64_t>::max(), offset = 0;
  const Tensor answer = Number(worker, 0);
  for (int round = 0; round < kRounds; ++round) {
    const int64_t sent = Now();
    worker.group().Send(Number(worker, round), rank).Wait();
    worker.group().Recv(answer, rank).Wait();
    const int64_t theirs = answer.Item<int64_t>();
    const int64_t received = Now();
    if (received - sent >= shortest) continue;
    shortest = received - sent;
    offset = sent + shortest / 2 - theirs;
  }
  // One clock, which a message cannot show to be the same more exactly.
  return std::abs(offset) <= shortest ? 0 : offset;
}

void Answer(Worker& worker) {
  const Tensor question = Number(worker, 0);
  for (int round = 0; round < kRounds; ++round) {
    worker.group().Recv(question, 0).Wait();
    question.Item<int64_t>();  // on a GPU: only now is it here
    worker.group().Send(Number(worker, Now()), 0).Wait();
  }
}

}  // namespace

nanoseconds ClockOffset(Worker& worker) {
  std::vector<int64_t> offsets(static_cast<size_t>(worker.world_size()));
  if (worker.is_main()) {
    for (int rank = 1; rank < worker.world_size(); ++rank) {
      offsets[static_cast<size_t>(rank)] = Ask(worker, rank);
    }
  } else {
    Answer(worker);
  }
  const Tensor all = Tensor::From<int64_t>({worker.world_size()}, offsets, worker.device());
  worker.group().Broadcast(all, 0).Wait();
  return nanoseconds(all.ToVector<int64_t>()[static_cast<size_t>(worker.rank())]);
}

}  // namespace convoy
