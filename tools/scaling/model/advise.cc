// The bucket plan with the least exposed time for a model on given links.
#include "tools/scaling/model/advise.h"

#include <algorithm>
#include <limits>

#include "core/base/error.h"
#include "tools/scaling/model/allreduce_model.h"

namespace convoy::scaling {
namespace {

// Times whose ratio is less than this count as equal: the same times, added in another order.
constexpr double kSame = 1 + 1e-12;

// One way to cut the first parameters of the order into buckets.
struct Cut {
  double sums = 0;     // when the last allreduce ends
  double updates = 0;  // when the last update ends, if updates need not wait for the norm
  size_t from = 0;     // where the last bucket begins in the order
  size_t before = 0;   // index of the cut of order[0, from) that it goes on from
};

bool Beats(const Cut& a, const Cut& b) { return a.sums <= b.sums && a.updates <= b.updates; }

// Adds `cut`, and keeps the cuts that no other one beats.
void Offer(const Cut& cut, std::vector<Cut>& cuts) {
  if (std::any_of(cuts.begin(), cuts.end(), [&](const Cut& c) { return Beats(c, cut); })) return;
  std::erase_if(cuts, [&](const Cut& c) { return Beats(cut, c); });
  cuts.push_back(cut);
}

class Search {
 public:
  Search(const ModelProfile& profile, const Links& links, int workers,
         const PredictOptions& options)
      : profile_(profile),
        model_(links, workers, options.algorithm),
        one_each_(LoadOn(profile, links, workers, Singles(profile, options))),
        count_(profile.parameters.size()) {}

  BucketPlan Run() {
    std::vector<std::vector<Cut>> cuts(count_ + 1);
    cuts[0] = {{.updates = one_each_.backward}};
    for (size_t end = 1; end <= count_; ++end) {
      StepLoad::Bucket bucket;  // the parameters order[begin, end)
      for (size_t begin = end; begin-- > 0;) {
        if (DTypeAt(begin) != DTypeAt(end - 1)) break;
        const StepLoad::Bucket& one = one_each_.buckets[begin];
        bucket.bytes += one.bytes;
        bucket.ready = std::max(bucket.ready, one.ready);
        bucket.update += one.update;
        bucket.sum = model_.Best(bucket.bytes).ms;
        for (size_t c = 0; c < cuts[begin].size(); ++c) {
          Cut cut = After(cuts[begin][c], bucket);
          cut.from = begin;
          cut.before = c;
          Offer(cut, cuts[end]);
        }
      }
    }
    return Merge(PlanOf(cuts));
  }

 private:
  static PredictOptions Singles(const ModelProfile& profile, PredictOptions options) {
    options.plan.emplace();
    for (int i = static_cast<int>(profile.parameters.size()); i-- > 0;) {
      options.plan->push_back({i});
    }
    return options;
  }

  // The order runs from the last parameter registered to the first.
  const ParameterProfile& At(size_t place) const { return profile_.parameters[count_ - 1 - place]; }
  DType DTypeAt(size_t place) const { return At(place).dtype; }

  Cut After(const Cut& cut, const StepLoad::Bucket& bucket) const {
    if (one_each_.sums_on_cores) return {.sums = cut.sums + bucket.sum};
    Cut next;
    next.sums = std::max(cut.sums, bucket.ready) + bucket.sum;
    if (!one_each_.measures_norm) {
      next.updates = std::max(cut.updates, next.sums) + bucket.update;
    }
    return next;
  }

  // When the step ends if `cut` is of all parameters.
  double End(const Cut& cut) const {
    if (one_each_.sums_on_cores) return cut.sums;
    return one_each_.measures_norm ? std::max(cut.sums, one_each_.backward) : cut.updates;
  }

  BucketPlan PlanOf(const std::vector<std::vector<Cut>>& cuts) const {
    BucketPlan plan;
    if (count_ == 0) return plan;
    const std::vector<Cut>& last = cuts[count_];
    const Cut* cut = &*std::min_element(
        last.begin(), last.end(), [&](const Cut& a, const Cut& b) { return End(a) < End(b); });
    for (size_t end = count_; end > 0;) {
      std::vector<int> bucket;
      for (size_t place = cut->from; place < end; ++place) {
        bucket.push_back(static_cast<int>(count_ - 1 - place));
      }
      plan.insert(plan.begin(), bucket);
      end = cut->from;
      cut = &cuts[end][cut->before];
    }
    return plan;
  }

  StepLoad LoadWith(const BucketPlan& plan) const {
    StepLoad load = one_each_;
    load.buckets.clear();
    for (const std::vector<int>& indices : plan) {
      StepLoad::Bucket& bucket = load.buckets.emplace_back();
      for (const int index : indices) {
        const StepLoad::Bucket& one = one_each_.buckets[count_ - 1 - static_cast<size_t>(index)];
        bucket.bytes += one.bytes;
        bucket.ready = std::max(bucket.ready, one.ready);
        bucket.update += one.update;
      }
      bucket.sum = model_.Best(bucket.bytes).ms;
    }
    return load;
  }

  // Merges neighbouring buckets where neither the step nor the last allreduce ends later for it.
  BucketPlan Merge(BucketPlan plan) const {
    const auto ends = [&](const BucketPlan& tried) {
      const StepSchedule schedule = Schedule(LoadWith(tried));
      return std::pair(schedule.step, schedule.buckets.empty() ? 0 : schedule.buckets.back().end);
    };
    if (plan.empty()) return plan;
    const auto best = ends(plan);
    for (size_t b = 0; b + 1 < plan.size();) {
      BucketPlan merged = plan;
      merged[b].insert(merged[b].end(), plan[b + 1].begin(), plan[b + 1].end());
      merged.erase(merged.begin() + static_cast<ptrdiff_t>(b) + 1);
      const auto dtype = [&](int index) {
        return profile_.parameters[static_cast<size_t>(index)].dtype;
      };
      const auto [step, sums] = ends(merged);
      if (dtype(plan[b][0]) == dtype(plan[b + 1][0]) && step <= best.first * kSame &&
          sums <= best.second * kSame) {
        plan = std::move(merged);
      } else {
        ++b;
      }
    }
    return plan;
  }

  const ModelProfile& profile_;
  const AllReduceModel model_;
  const StepLoad one_each_;  // every parameter a bucket of its own
  const size_t count_;
};

}  // namespace

Advice Advise(const ModelProfile& profile, const Links& links, int workers,
              const PredictOptions& options) {
  PredictOptions usual = options;
  usual.plan.reset();
  PredictOptions best = options;
  best.plan = Search(profile, links, workers, options).Run();
  const StepSchedule before = Schedule(LoadOn(profile, links, workers, usual));
  if (Schedule(LoadOn(profile, links, workers, best)).step > before.step * kSame) {
    best.plan = usual.PlanFor(profile);
  }
  const StepLoad load = LoadOn(profile, links, workers, best);
  const StepSchedule schedule = Schedule(load);
  Advice advice{.model = profile.model,
                .links = links.name,
                .workers = workers,
                .plan = *best.plan,
                .step_ms = schedule.step,
                .exposed_ms = schedule.exposed,
                .default_buckets = usual.PlanFor(profile).size(),
                .default_step_ms = before.step,
                .default_exposed_ms = before.exposed};
  for (size_t b = 0; b < advice.plan.size(); ++b) {
    std::vector<std::string> names;
    for (const int index : advice.plan[b]) {
      names.push_back(profile.parameters[static_cast<size_t>(index)].name);
    }
    advice.buckets.push_back({BucketName(b, names), load.buckets[b].bytes, schedule.buckets[b]});
  }
  return advice;
}

}  // namespace convoy::scaling
