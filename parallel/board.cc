// What the workers of a run on GPUs tell each other beside their collectives: shared memory.
#include "parallel/board.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "core/error.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;  // one for all processes of a machine

constexpr uint64_t kMagic = 0x636f6e766f793031;  // "convoy01"
constexpr size_t kTextBytes = 2048;
constexpr size_t kWhatBytes = 256;
constexpr uint64_t kRemembered = 256;  // collectives whose signatures are kept

int64_t Now() { return Clock::now().time_since_epoch().count(); }

// Text that one worker rewrites while others read: words that are whole, and a count that is odd
// while they change.
template <size_t kBytes>
class SharedText {
 public:
  void Set(std::string_view text) {
    char padded[kBytes] = {};
    std::memcpy(padded, text.data(), std::min(text.size(), kBytes - 1));
    const uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_seq_cst);
    for (size_t i = 0; i < kWords; ++i) {
      uint64_t word;
      std::memcpy(&word, padded + i * sizeof(word), sizeof(word));
      words_[i].store(word, std::memory_order_seq_cst);
    }
    version_.store(version + 2, std::memory_order_seq_cst);
  }

  // Whatever is there if the writer does not finish: it may have been killed.
  std::string Get() const {
    char text[kBytes + 1] = {};
    for (int tries = 0; tries < 100; ++tries) {
      const uint32_t before = version_.load(std::memory_order_seq_cst);
      for (size_t i = 0; i < kWords; ++i) {
        const uint64_t word = words_[i].load(std::memory_order_seq_cst);
        std::memcpy(text + i * sizeof(word), &word, sizeof(word));
      }
      if (before % 2 == 0 && version_.load(std::memory_order_seq_cst) == before) break;
      std::this_thread::yield();
    }
    return text;
  }

 private:
  static constexpr size_t kWords = kBytes / sizeof(uint64_t);
  std::atomic<uint32_t> version_{0};
  std::atomic<uint64_t> words_[kWords]{};
};

// A signature in two words, under the number of its collective.
struct Signature {
  std::atomic<uint64_t> number{0};  // 0 while it changes
  std::atomic<uint64_t> kinds{0};
  std::atomic<int64_t> numel{0};
};

struct Slot {
  std::atomic<uint32_t> state{0};
  std::atomic<uint64_t> started{0};
  std::atomic<uint64_t> ready{0};
  std::atomic<int64_t> started_at{0};
  SharedText<kWhatBytes> what;
  SharedText<kWhatBytes> how_died;
  Signature signatures[kRemembered];
};

}  // namespace

// All zeros is a valid start.
struct Board::Page {
  uint64_t magic;
  int size;
  std::atomic<bool> published;
  unsigned char address[kAddressBytes];
  std::atomic<bool> failed;
  std::atomic<bool> failure_written;
  SharedText<kTextBytes> failure;
  Slot slots[kMaxWorkers];
};

static_assert(std::atomic<uint64_t>::is_always_lock_free);

namespace {

void* Map(int fd, size_t bytes) {
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CONVOY_CHECK(memory != MAP_FAILED, "[Launch] cannot map memory shared by the workers: {}",
               std::strerror(errno));
  return memory;
}

}  // namespace

std::shared_ptr<Board> Board::Make(int size) {
  CONVOY_CHECK(size >= 1 && size <= kMaxWorkers,
               "[Launch] wants 1 to {} workers on the GPUs of a machine, got {}", kMaxWorkers,
               size);
  const int fd = memfd_create("convoy", MFD_CLOEXEC);
  CONVOY_CHECK(fd >= 0 && ftruncate(fd, sizeof(Page)) == 0,
               "[Launch] cannot make memory shared by the workers: {}", std::strerror(errno));
  Page* page = static_cast<Page*>(Map(fd, sizeof(Page)));
  page->magic = kMagic;
  page->size = size;
  return std::shared_ptr<Board>(new Board(fd, page));
}

std::shared_ptr<Board> Board::Attach(int fd) {
  struct stat info {};
  CONVOY_CHECK(fstat(fd, &info) == 0 && info.st_size == static_cast<off_t>(sizeof(Page)),
               "[Launch] this process was told that it is a worker, but the memory that it would "
               "share is not there; unset CONVOY_WORKER");
  Page* page = static_cast<Page*>(Map(fd, sizeof(Page)));
  CONVOY_CHECK(page->magic == kMagic,
               "[Launch] the memory shared by the workers is from another version of this program");
  return std::shared_ptr<Board>(new Board(fd, page));
}

Board::~Board() {
  munmap(page_, sizeof(Page));
  close(fd_);
}

int Board::size() const { return page_->size; }

Board::State Board::state(int rank) const {
  return static_cast<State>(page_->slots[rank].state.load(std::memory_order_acquire));
}

void Board::set_state(int rank, State state) {
  page_->slots[rank].state.store(static_cast<uint32_t>(state), std::memory_order_release);
}

void Board::SetDead(int rank, std::string_view how) {
  page_->slots[rank].how_died.Set(how);
  set_state(rank, State::kDead);
}

std::string Board::HowDied(int rank) const { return page_->slots[rank].how_died.Get(); }

void Board::Publish(const void* address) {
  std::memcpy(page_->address, address, kAddressBytes);
  page_->published.store(true, std::memory_order_release);
}

bool Board::Read(void* address) const {
  if (!page_->published.load(std::memory_order_acquire)) return false;
  std::memcpy(address, page_->address, kAddressBytes);
  return true;
}

Board::Progress Board::progress(int rank) const {
  const Slot& slot = page_->slots[rank];
  Progress progress{.started = slot.started.load(std::memory_order_acquire),
                    .ready = slot.ready.load(std::memory_order_acquire),
                    .what = slot.what.Get()};
  if (progress.started > 0) {
    const Clock::duration since(Now() - slot.started_at.load(std::memory_order_relaxed));
    progress.seconds_since = std::chrono::duration<double>(since).count();
  }
  return progress;
}

void Board::Started(int rank, uint64_t number, const CollectiveSignature& signature,
                    std::string_view what) {
  Slot& slot = page_->slots[rank];
  Signature& entry = slot.signatures[number % kRemembered];
  entry.number.store(0, std::memory_order_seq_cst);
  entry.kinds.store(static_cast<uint64_t>(signature.kind) |
                        static_cast<uint64_t>(signature.op) << 8 |
                        static_cast<uint64_t>(signature.dtype) << 16 |
                        static_cast<uint64_t>(signature.root) << 32,
                    std::memory_order_seq_cst);
  entry.numel.store(signature.numel, std::memory_order_seq_cst);
  entry.number.store(number, std::memory_order_seq_cst);
  slot.what.Set(what);
  slot.started_at.store(Now(), std::memory_order_relaxed);
  slot.started.store(number, std::memory_order_seq_cst);
}

void Board::Ready(int rank, uint64_t number) {
  page_->slots[rank].ready.store(number, std::memory_order_release);
}

std::optional<CollectiveSignature> Board::signature(int rank, uint64_t number) const {
  const Signature& entry = page_->slots[rank].signatures[number % kRemembered];
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

bool Board::Fail(std::string_view message) noexcept {
  if (page_->failed.exchange(true, std::memory_order_seq_cst)) return false;
  page_->failure.Set(message);
  page_->failure_written.store(true, std::memory_order_release);
  return true;
}

bool Board::failed() const { return page_->failed.load(std::memory_order_acquire); }

std::string Board::failure() const {
  if (!failed()) return {};
  // Whoever failed first is about to write why, unless it was killed there.
  const auto until = Clock::now() + std::chrono::milliseconds(200);
  while (!page_->failure_written.load(std::memory_order_acquire) && Clock::now() < until) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::string text = page_->failure.Get();
  return text.empty() ? "a worker has failed, and could not say why" : text;
}

}  // namespace convoy
