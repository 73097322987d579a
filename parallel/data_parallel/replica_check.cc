// Whether all workers still have the same parameters.
#include "parallel/data_parallel/replica_check.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "parallel/data_parallel/gather.h"
#include "parallel/group/rank_list.h"

namespace convoy {
namespace {

// Of all bits: two values that compare equal, 0 and -0, differ here.
int64_t HashOf(const Tensor& tensor) {
  const Tensor host = tensor.device().is_cpu() ? tensor : tensor.To(Device::Cpu());
  const char* bytes = static_cast<const char*>(host.raw_data());
  const size_t size = host.bytes();
  uint64_t hash = kFnvStart, word = 0;
  size_t at = 0;
  for (; at + sizeof(word) <= size; at += sizeof(word)) {
    std::memcpy(&word, bytes + at, sizeof(word));
    hash = MixBits(hash ^ word);  // FNV alone would lose the highest bits of two words: signs
  }
  hash = FnvHash({bytes + at, size - at}, hash);
  return static_cast<int64_t>(hash);
}

}  // namespace

void CheckReplicas(const Worker& worker, const ParameterList& parameters) {
  if (worker.world_size() == 1 || parameters.empty()) return;
  std::vector<int64_t> hashes;
  for (const NamedTensor& parameter : parameters) hashes.push_back(HashOf(parameter.tensor));
  const std::vector<int64_t> all = Gather(worker, hashes);
  for (size_t p = 0; p < parameters.size(); ++p) {
    std::map<int64_t, std::vector<int>> ranks;  // by hash
    for (int r = 0; r < worker.world_size(); ++r) {
      ranks[all[static_cast<size_t>(r) * parameters.size() + p]].push_back(r);
    }
    if (ranks.size() == 1) continue;
    const std::vector<int>* most = nullptr;
    for (const auto& [hash, of] : ranks) {
      const bool better = most == nullptr || of.size() > most->size() ||
                          (of.size() == most->size() && of.front() < most->front());
      if (better) most = &of;
    }
    std::vector<int> others;
    for (int r = 0; r < worker.world_size(); ++r) {
      if (std::find(most->begin(), most->end(), r) == most->end()) others.push_back(r);
    }
    Fail(
        "[DataParallel] parameter '{}' of {} {} drifted from that of {}: write parameters only "
        "before DataParallel is made, or the same values on all workers",
        parameters[p].name, RankList(others), others.size() == 1 ? "has" : "have", RankList(*most));
  }
}

}  // namespace convoy
