// What the workers of a run tell each other beside their collectives: memory that they share.
#include "parallel/status/status_page.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/base/error.h"
#include "core/base/printable.h"
#include "parallel/group/limits.h"
#include "parallel/status/shared_text.h"

namespace convoy::status {
namespace {

using Clock = std::chrono::steady_clock;  // one for all processes of a machine

constexpr uint64_t kMagic = 0x636f6e766f793034;  // "convoy04"
constexpr size_t kTextBytes = 2048;
constexpr size_t kWhatBytes = 256;
constexpr int kSizeSeals = F_SEAL_SHRINK | F_SEAL_GROW;

int64_t Now() { return Clock::now().time_since_epoch().count(); }

// A signature in two words, under the number of its collective.
struct Signature {
  std::atomic<uint64_t> number{0};  // 0 while it changes
  std::atomic<uint64_t> kinds{0};
  std::atomic<int64_t> numel{0};
};

double SecondsSince(int64_t then) {
  return std::chrono::duration<double>(Clock::duration(Now() - then)).count();
}

}  // namespace

// What one worker writes. All zeros is a valid start, here and in the page.
struct alignas(64) StatusPage::Slot {
  std::atomic<uint32_t> state{0};
  std::atomic<uint64_t> started{0};
  std::atomic<uint64_t> ready{0};
  std::atomic<int64_t> started_at{0};
  std::atomic<uint64_t> started_in_subgroups{0};
  std::atomic<int64_t> in_subgroup_at{0};
  std::atomic<int64_t> heard_at{0};
  std::atomic<uint64_t> late_number{0};
  std::atomic<double> late_seconds{0};
  SharedText<kWhatBytes> late_what;
  SharedText<kWhatBytes> what;
  SharedText<kWhatBytes> in_subgroup;
  SharedText<kWhatBytes> how_died;
  Signature signatures[StatusPage::kRememberedSignatures];
};

// As many slots follow as there are workers.
struct alignas(64) StatusPage::Page {
  uint64_t magic;
  int size;
  std::atomic<bool> published;
  unsigned char address[kAddressBytes];
  std::atomic<bool> failed;
  std::atomic<bool> failure_written;
  SharedText<kTextBytes> failure;
  std::atomic<bool> partial;  // !knows_all()
  // The last collective that all workers are known to have taken part in.
  std::atomic<bool> all_did_changes;
  std::atomic<uint64_t> all_did;
  std::atomic<int64_t> all_did_at;
  SharedText<kWhatBytes> all_did_what;
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);
static_assert(std::atomic<double>::is_always_lock_free);

namespace {

// Maps the file `fd`, or anonymous memory if `fd` is -1: a process that is forked then has a copy.
void* Map(int fd, size_t bytes) {
  const int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);
  CONVOY_CHECK(memory != MAP_FAILED, "[Launch] cannot map memory shared by the workers: {}",
               std::strerror(errno));
  return memory;
}

void CheckSize(int size) {
  CONVOY_CHECK(size >= 1 && size <= kMaxWorkers, "[Launch] wants 1 to {} workers, got {}",
               kMaxWorkers, size);
}

}  // namespace

std::shared_ptr<StatusPage> StatusPage::Make(int size) {
  CheckSize(size);
  return MakeIn(Descriptor(), size);
}

std::shared_ptr<StatusPage> StatusPage::MakeForProcesses(int size) {
  CheckSize(size);
  Descriptor fd(memfd_create("convoy", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  // Memory that a worker could cut off would end all others by SIGBUS.
  CONVOY_CHECK(fd && ftruncate(fd.get(), static_cast<off_t>(PageBytes(size))) == 0 &&
                   fcntl(fd.get(), F_ADD_SEALS, kSizeSeals | F_SEAL_SEAL) == 0,
               "[Launch] cannot make memory shared by the workers: {}", std::strerror(errno));
  return MakeIn(std::move(fd), size);
}

std::shared_ptr<StatusPage> StatusPage::MakeIn(Descriptor fd, int size) {
  Page* page = static_cast<Page*>(Map(fd.get(), PageBytes(size)));
  page->magic = kMagic;
  page->size = size;
  return std::shared_ptr<StatusPage>(new StatusPage(std::move(fd), page, size));
}

std::shared_ptr<StatusPage> StatusPage::Attach(int fd) {
  struct stat info {};
  const int seals = fcntl(fd, F_GET_SEALS);  // what cannot change is worth a check
  CONVOY_CHECK(seals >= 0 && (seals & kSizeSeals) == kSizeSeals && fstat(fd, &info) == 0 &&
                   info.st_size >= static_cast<off_t>(sizeof(Page)),
               "[Launch] this process was told that it is a worker, but the memory that it would "
               "share is not there; unset CONVOY_WORKER");
  const auto bytes = static_cast<size_t>(info.st_size);
  Page* page = static_cast<Page*>(Map(fd, bytes));
  const int size = page->size;
  const bool known = page->magic == kMagic && size >= 1 && size <= kMaxWorkers;
  if (!known || bytes != PageBytes(size)) {
    munmap(page, bytes);
    ::convoy::Fail(
        "[Launch] the memory shared by the workers is from another version of this program");
  }
  return std::shared_ptr<StatusPage>(new StatusPage(Descriptor(fd), page, size));
}

StatusPage::~StatusPage() { munmap(page_, PageBytes(size_)); }

size_t StatusPage::PageBytes(int size) {
  return sizeof(Page) + static_cast<size_t>(size) * sizeof(Slot);
}

StatusPage::Slot& StatusPage::slot(int rank) const {
  return reinterpret_cast<Slot*>(page_ + 1)[rank];
}

StatusPage::State StatusPage::state(int rank) const {
  return static_cast<State>(slot(rank).state.load(std::memory_order_acquire));
}

void StatusPage::set_state(int rank, State state) {
  slot(rank).state.store(static_cast<uint32_t>(state), std::memory_order_release);
}

void StatusPage::SetDead(int rank, std::string_view how) {
  slot(rank).how_died.Set(how);
  set_state(rank, State::kDead);
}

std::string StatusPage::HowDied(int rank) const { return slot(rank).how_died.Get(); }

void StatusPage::Publish(const void* address) {
  std::memcpy(page_->address, address, kAddressBytes);
  page_->published.store(true, std::memory_order_release);
}

bool StatusPage::Read(void* address) const {
  if (!page_->published.load(std::memory_order_acquire)) return false;
  std::memcpy(address, page_->address, kAddressBytes);
  return true;
}

uint64_t StatusPage::started(int rank) const {
  return slot(rank).started.load(std::memory_order_acquire);
}

uint64_t StatusPage::ready(int rank) const {
  return slot(rank).ready.load(std::memory_order_acquire);
}

StatusPage::Progress StatusPage::progress(int rank) const {
  const Slot& it = slot(rank);
  Progress progress{.started = started(rank), .ready = ready(rank), .what = it.what.Get()};
  const uint64_t all_did = page_->all_did.load(std::memory_order_acquire);
  if (progress.started < all_did) {
    progress.started = progress.ready = all_did;
    progress.what = page_->all_did_what.Get();
    progress.seconds_since = SecondsSince(page_->all_did_at.load(std::memory_order_relaxed));
  } else if (progress.started > 0) {
    progress.ready = std::max(progress.ready, all_did);
    progress.seconds_since = SecondsSince(it.started_at.load(std::memory_order_relaxed));
  }
  if (started_in_subgroups(rank) > 0) {
    progress.in_subgroup = it.in_subgroup.Get();
    progress.in_subgroup_seconds_since =
        SecondsSince(it.in_subgroup_at.load(std::memory_order_relaxed));
  }
  const int64_t heard_at = it.heard_at.load(std::memory_order_relaxed);
  if (heard_at != 0) progress.seconds_unheard = SecondsSince(heard_at);
  return progress;
}

void StatusPage::Started(int rank, uint64_t number, const CollectiveSignature& signature,
                         std::string_view what) {
  Slot& it = slot(rank);
  Signature& entry = it.signatures[number % kRememberedSignatures];
  entry.number.store(0, std::memory_order_seq_cst);
  entry.kinds.store(static_cast<uint64_t>(signature.kind) |
                        static_cast<uint64_t>(signature.op) << 8 |
                        static_cast<uint64_t>(signature.dtype) << 16 |
                        static_cast<uint64_t>(signature.root) << 32,
                    std::memory_order_seq_cst);
  entry.numel.store(signature.numel, std::memory_order_seq_cst);
  entry.number.store(number, std::memory_order_seq_cst);
  it.what.Set(what);
  SetStarted(rank, number);
}

void StatusPage::StartedInSubgroup(int rank, std::string_view what) {
  Slot& it = slot(rank);
  it.in_subgroup.Set(what);
  it.in_subgroup_at.store(Now(), std::memory_order_relaxed);
  it.started_in_subgroups.fetch_add(1, std::memory_order_release);
}

uint64_t StatusPage::started_in_subgroups(int rank) const {
  return slot(rank).started_in_subgroups.load(std::memory_order_acquire);
}

void StatusPage::SetStarted(int rank, uint64_t number) {
  slot(rank).started_at.store(Now(), std::memory_order_relaxed);
  slot(rank).started.store(number, std::memory_order_seq_cst);
}

void StatusPage::Heard(int rank) { slot(rank).heard_at.store(Now(), std::memory_order_relaxed); }

void StatusPage::Ready(int rank, uint64_t number) {
  slot(rank).ready.store(number, std::memory_order_release);
}

void StatusPage::AllTookPart(uint64_t number, std::string_view what) {
  // Where several workers share the status page, one of them telling it is enough.
  if (page_->all_did_changes.exchange(true, std::memory_order_acquire)) return;
  if (number > page_->all_did.load(std::memory_order_relaxed)) {
    page_->all_did_what.Set(what);
    page_->all_did_at.store(Now(), std::memory_order_relaxed);
    page_->all_did.store(number, std::memory_order_release);
  }
  page_->all_did_changes.store(false, std::memory_order_release);
}

std::optional<CollectiveSignature> StatusPage::signature(int rank, uint64_t number) const {
  const Signature& entry = slot(rank).signatures[number % kRememberedSignatures];
  if (entry.number.load(std::memory_order_seq_cst) != number) return {};
  const uint64_t kinds = entry.kinds.load(std::memory_order_seq_cst);
  const int64_t numel = entry.numel.load(std::memory_order_seq_cst);
  if (entry.number.load(std::memory_order_seq_cst) != number) return {};
  return CollectiveSignature{.kind = static_cast<CollectiveKind>(kinds & 0xff),
                             .op = static_cast<ReduceOp>(kinds >> 8 & 0xff),
                             .dtype = static_cast<DType>(kinds >> 16 & 0xff),
                             .root = static_cast<int>(kinds >> 32),
                             .numel = numel};
}

bool StatusPage::knows_all() const { return !page_->partial.load(std::memory_order_acquire); }

void StatusPage::set_knows_all(bool knows_all) {
  page_->partial.store(!knows_all, std::memory_order_release);
}

void StatusPage::ReportLate(int rank, const Late& late) {
  slot(rank).late_what.Set(late.what);
  slot(rank).late_seconds.store(late.seconds, std::memory_order_relaxed);
  slot(rank).late_number.store(late.number, std::memory_order_release);
}

std::optional<StatusPage::Late> StatusPage::late(int rank) const {
  const uint64_t number = slot(rank).late_number.load(std::memory_order_acquire);
  if (number == 0) return {};
  return Late{.number = number,
              .what = slot(rank).late_what.Get(),
              .seconds = slot(rank).late_seconds.load(std::memory_order_relaxed)};
}

bool StatusPage::Fail(std::string_view message) noexcept {
  if (page_->failed.exchange(true, std::memory_order_seq_cst)) return false;
  page_->failure.Set(message);
  page_->failure_written.store(true, std::memory_order_release);
  return true;
}

bool StatusPage::failed() const { return page_->failed.load(std::memory_order_acquire); }

std::string StatusPage::failure() const {
  if (!failed()) return {};
  // The worker that failed first is about to write why, unless it was killed there.
  const auto until = Clock::now() + std::chrono::milliseconds(200);
  while (!page_->failure_written.load(std::memory_order_acquire) && Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  const std::string text = PrintableText(page_->failure.Get());  // it may be a peer's
  return text.empty() ? "a worker has failed, and could not say why" : text;
}

}  // namespace convoy::status
