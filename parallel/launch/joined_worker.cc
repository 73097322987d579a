// Runs this process as one worker of a job that a launcher has started.
#include "parallel/launch/joined_worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "core/base/deadline.h"
#include "core/base/error.h"
#include "core/base/exit_status.h"
#include "core/base/printable.h"
#include "core/base/standard_streams.h"
#include "core/error_text.h"
#include "core/threads.h"
#include "parallel/launch/placement.h"
#include "parallel/launch/worker_threads.h"
#include "parallel/net/secret.h"
#include "parallel/net/socket.h"
#include "parallel/rendezvous/meeting.h"
#include "parallel/status/peers.h"
#include "parallel/status/run_status.h"
#include "parallel/transport/transport.h"

namespace convoy::launch {
namespace {

constexpr std::chrono::milliseconds kLook{5};
constexpr char kWorkerZeroAddressKey[] = "the address of worker 0";  // in the store
// How long worker 0 may take to say that it reports a failure.
constexpr double kReportSeconds = 2;
// All say once a second that they are alive.
constexpr double kLeastSilenceSeconds = 3;

// Workers on CPUs and on GPUs have no transport in common.
void CheckSameDevice(store::Store& store, int rank, const Placement& place, double timeout_s) {
  const std::string mine = place.device == DeviceType::kCuda ? "cuda" : "cpu";
  if (rank == 0) {
    store.Set("device", mine);
    return;
  }
  const std::string theirs = store.Get("device", timeout_s);
  CONVOY_CHECK(theirs == mine,
               "[Launch] worker 0 computes on {}, but worker {} on {}{}; give --device cpu to all, "
               "or see to it that all have a GPU",
               theirs, rank, mine,
               place.why_not_cuda.empty() ? "" : " (" + place.why_not_cuda + ")");
}

// Two processes may see one GPU each, and it may be the same: NCCL would only call that an "invalid
// usage".
void CheckOwnGpu(store::Store& store, int rank, const std::string& gpu, double timeout_s) {
  if (store.Add("workers on " + gpu, 1) == 1)
    return store.Set("first on " + gpu, std::to_string(rank));
  Fail(
      "[Launch] workers {} and {} have the same GPU ({}), and each wants one of its own; start as "
      "many on a machine as it has GPUs, show each another one in CUDA_VISIBLE_DEVICES, or use "
      "--device cpu",
      store.Get("first on " + gpu, timeout_s), rank, gpu);
}

// Worker 0 serves the others, and no process may end while others still talk to it. A worker may
// take any time to finish as long as its heartbeat arrives. Worker 0 hears every worker; the others
// hear worker 0 alone, so they watch its heartbeat, even after it has finished.
void WaitForAll(const status::Peers& peers) {
  status::StatusPage& page = peers.page();
  for (int r = 0; r < page.size(); ++r) {
    while (!page.failed() && page.state(r) != status::StatusPage::State::kFinished &&
           page.state(r) != status::StatusPage::State::kDead) {
      const std::optional<double> unheard_here_s = page.progress(r).seconds_unheard;
      const double unheard_s =
          unheard_here_s ? *unheard_here_s : page.progress(0).seconds_unheard.value_or(0);
      if (unheard_s > std::max(peers.timeout_s(), kLeastSilenceSeconds)) {
        peers.Fail(fmt::format(
            "[Launch] worker {} has not finished, and{} does not answer: nothing was heard of its "
            "process for {:.1f} s; it is stopped, or cut off",
            r, unheard_here_s ? "" : " worker 0, which would tell,", unheard_s));
      }
      std::this_thread::sleep_for(kLook);
    }
  }
}

class JoinedWorker {
 public:
  JoinedWorker(const LauncherEnv& env, const LaunchOptions& options)
      : env_(env), options_(options), page_(status::StatusPage::Make(env.size)) {
    membership_ = {.page = page_, .rank = env.rank, .timeout_s = options.timeout_s};
  }

  int Run(const std::function<void(Worker&)>& train) {
    int stopped_by = 0;
    try {
      Join();
      stopped_by = Train(train);
    } catch (const std::exception& error) {
      page_->Fail(Signed(ErrorText(error)));
    }
    if (page_->failed()) End();
    return stopped_by;
  }

 private:
  std::string Signed(const std::string& text) const {
    return status::SignedBy(env_.rank, env_.size, text);
  }

  void Join() {
    const double timeout_s = options_.timeout_s;
    page_->set_state(env_.rank, status::StatusPage::State::kJoined);
    job_.emplace(rendezvous::MeetJob(env_.place, env_.rank, page_, timeout_s));
    const Neighbours neighbours = FindNeighbours(*job_->store, env_.rank, env_.size, timeout_s);
    place_ = PlaceInJob(options_, env_.size, neighbours);
    first_remote_rank_ = neighbours.first_remote_rank;
    if (env_.rank == 0 && env_.place.kind == rendezvous::MeetingPlace::Kind::kAddress &&
        net::IsWeakSecret(env_.place.secret)) {
      WriteErrorLine(
          "warning: CONVOY_SECRET is weak: an attacker who records one handshake can guess the "
          "secret offline; draw a strong one with `openssl rand -hex 32`");
    }
    transport_ = &transport::FindTransport(options_.transport, place_.device,
                                           transport::WorkerLayout::kProcesses);
    transport_->Check();
    CheckSameDevice(*job_->store, env_.rank, place_, timeout_s);
    if (place_.device == DeviceType::kCuda) {
      CheckOwnGpu(*job_->store, env_.rank, transport_->Identify(place_.gpu), timeout_s);
    }
    if (neighbours.local_rank == 0 && CrowdsMatter(place_, options_)) {
      WarnIfCrowded(neighbours.local_size, place_.threads, neighbours.cores);
    }
    SetCpuThreads(place_.threads);
    membership_.device = {place_.device, place_.gpu};
    if (job_->status_server == nullptr) return;
    job_->status_server->set_why_late(
        [this](uint64_t number, const std::string& what, double seconds) {
          return ThePeers().WhyLate(number, what, seconds);
        });
  }

  // Until the transport is chosen, messages name Launch as the component.
  status::Peers ThePeers() const {
    return {membership_,
            transport_ == nullptr ? status::TransportTitle{"Launch"} : transport_->title()};
  }

  // The address of this machine at which the other workers reach this one.
  std::string OwnHost() {
    const std::string& given = env_.host;
    CONVOY_CHECK(given.empty() || net::CanResolve(given),
                 "[Launch] CONVOY_HOST: expected the name or address at which the other hosts "
                 "reach this machine, got '{}', a name that this machine does not know itself; "
                 "give the address",
                 given);
    const std::string host = given.empty() ? SeenHost() : given;
    if (!first_remote_rank_) return host;
    if (env_.rank == 0) job_->store->Set(kWorkerZeroAddressKey, host);
    CONVOY_CHECK(!net::IsLoopback(host),
                 "[Launch] expected an address at which the workers of other machines reach this "
                 "one, got {}, which is each machine's name for itself; set CONVOY_HOST to an "
                 "address of this machine, or MASTER_ADDR to one of worker 0's that all machines "
                 "reach without a detour",
                 Printable(host));
    return host;
  }

  // This machine's address in a connection between worker 0 and a worker of another network.
  // Workers in worker 0's network share its addresses; they may have reached it at one that others
  // cannot use, so they take worker 0's.
  std::string SeenHost() {
    if (first_remote_rank_ && env_.rank == 0)
      return job_->status_server->local_host(*first_remote_rank_);
    if (first_remote_rank_ && *first_remote_rank_ != 0)
      return job_->store->Get(kWorkerZeroAddressKey, options_.timeout_s);
    return job_->store->local_host();
  }

  int Train(const std::function<void(Worker&)>& train) {
    const int stopped_by = RunWorker(
        env_.rank, membership_.device, train,
        transport_->Open({.run = std::make_shared<status::RunStatus>(page_),
                          .timeout_s = options_.timeout_s,
                          .store = job_->store,
                          .local_host = [this] { return OwnHost(); },
                          .secret = [this] { return job_->secret; }}),
        [&](const std::string& error) { page_->Fail(Signed(error)); }, options_.dump);
    WaitForAll(ThePeers());
    return stopped_by;
  }

  // Worker 0 prints the report, and serves the others until its process ends; the others leave it
  // to worker 0, if it can: its process may answer while its worker hangs in a write, or in a loop.
  [[noreturn]] void End() {
    std::string text = page_->failure();
    if (env_.rank == 0) {
      if (job_) job_->status_server->WillReport();
      text += ThePeers().Report();
      if (job_) {
        job_->status_server->set_why_late(nullptr);
        static std::optional<rendezvous::JobConnections> kept;
        kept.reset();
        kept.emplace(std::move(*job_));
      }
    }
    const bool reported = env_.rank != 0 && job_ && WorkerZeroReports();
    job_.reset();
    if (reported) throw ReportedError(text);
    throw Error(text);
  }

  bool WorkerZeroReports() const {
    for (const Deadline deadline(kReportSeconds); !deadline.passed();) {
      if (job_->status_client->zero_reports()) return true;
      if (page_->state(0) == status::StatusPage::State::kDead) return false;
      std::this_thread::sleep_for(kLook);
    }
    return false;
  }

  const LauncherEnv& env_;
  const LaunchOptions& options_;
  const std::shared_ptr<status::StatusPage> page_;
  Placement place_;
  transport::Transport* transport_ = nullptr;
  std::optional<int> first_remote_rank_;  // the first worker in another network
  status::Membership membership_;
  std::optional<rendezvous::JobConnections> job_;
};

}  // namespace

int RunJoinedWorker(const LauncherEnv& env, const LaunchOptions& options,
                    const std::function<void(Worker&)>& train) {
  return JoinedWorker(env, options).Run(train);
}

}  // namespace convoy::launch
