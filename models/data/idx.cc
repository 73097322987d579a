// Reader of IDX files, the format of MNIST: gzip-compressed or plain.
#include "models/data/idx.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>

#include "core/base/error.h"
#include "core/base/file.h"
#include "models/io/file_kind.h"

namespace convoy {
namespace {

constexpr uint32_t kUnsignedByte = 0x08;
constexpr int64_t kMaxExpansion = 1032;  // deflate cannot do better
constexpr int64_t kMostInflated = int64_t{4} << 30;
constexpr int64_t kPiece = 16 << 20;

struct GzClose {
  void operator()(gzFile file) const { gzclose(file); }
};

class GzReader {
 public:
  explicit GzReader(const std::string& path) : input_("Idx", path) {
    const int descriptor = fcntl(input_.descriptor(), F_DUPFD_CLOEXEC, 0);
    if (descriptor >= 0) file_.reset(gzdopen(descriptor, "rb"));
    if (file_ == nullptr && descriptor >= 0) close(descriptor);
    CONVOY_CHECK(file_ != nullptr, "[Idx] cannot open '{}': {}", path, std::strerror(errno));
    compressed_ = gzdirect(file_.get()) == 0;
  }

  int64_t file_bytes() const { return input_.bytes(); }
  bool compressed() const { return compressed_; }
  /// The most that reading this file to its end can give.
  int64_t max_bytes() const { return compressed_ ? file_bytes() * kMaxExpansion : file_bytes(); }

  /// Up to `bytes` bytes; fewer only at the end of the file.
  int64_t Read(uint8_t* to, int64_t bytes) {
    int64_t done = 0;
    while (done < bytes) {
      constexpr int64_t kMost = 1 << 30;  // gzread counts in 32 bits
      const int got = gzread(file_.get(), to + done,
                             static_cast<unsigned>(bytes - done < kMost ? bytes - done : kMost));
      int code = Z_OK;
      const char* text = gzerror(file_.get(), &code);
      if (code == Z_BUF_ERROR) text = "the compressed data ends early";
      CONVOY_CHECK(got >= 0 && code >= 0, "[Idx] '{}' ({} bytes) is corrupt: {}", input_.path(),
                   file_bytes(), text);
      if (got == 0) break;
      done += got;
    }
    return done;
  }

 private:
  const InputFile input_;
  std::unique_ptr<gzFile_s, GzClose> file_;
  bool compressed_ = false;
};

uint32_t BigEndian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

// Reads up to `values` bytes in all, behind those that are there; returns how many there are then.
// A plain file is as long as its header says, or refused by now. What a compressed one promises is
// believed piece by piece, as it comes.
int64_t ReadValues(GzReader& reader, int64_t values, std::vector<uint8_t>& to) {
  int64_t done = static_cast<int64_t>(to.size());
  if (!reader.compressed()) to.reserve(static_cast<size_t>(values));
  while (done < values) {
    const int64_t room = static_cast<int64_t>(to.capacity());
    if (done == room) to.reserve(static_cast<size_t>(std::min(values, room + room / 2 + kPiece)));
    const int64_t piece = std::min({values, done + kPiece, static_cast<int64_t>(to.capacity())});
    to.resize(static_cast<size_t>(piece));
    const int64_t got = reader.Read(to.data() + done, piece - done);
    done += got;
    if (done < piece) break;
  }
  to.resize(static_cast<size_t>(done));
  return done;
}

}  // namespace

IdxArray ReadIdx(const std::string& path, int ndim) {
  GzReader reader(path);
  // The header is within the first bytes, and so is what tells files of other kinds.
  std::array<uint8_t, 4096> start;
  const int64_t read = reader.Read(start.data(), start.size());
  CheckKind("Idx", path,
            Recognize({reinterpret_cast<const char*>(start.data()), static_cast<size_t>(read)},
                      /*tail=*/{}, reader.compressed() ? -1 : reader.file_bytes(), path),
            Wanted::kImages);
  const std::span<const uint8_t> header(start);
  const int64_t header_bytes = 4 + 4 * int64_t{ndim};
  const int64_t got = std::min(read, header_bytes);
  const uint32_t expected = kUnsignedByte << 8 | static_cast<uint32_t>(ndim);
  CONVOY_CHECK(got < 4 || BigEndian(header.data()) == expected,
               "[Idx] '{}': expected magic number 0x{:08x} (unsigned bytes, {} dimension{}), found "
               "0x{:08x}",
               path, expected, ndim, ndim == 1 ? "" : "s", BigEndian(header.data()));
  CONVOY_CHECK(got == header_bytes,
               "[Idx] '{}' is truncated: expected a header of {} bytes, found {}", path,
               header_bytes, got);

  IdxArray array;
  // No more values than the file can hold: the product is checked factor by factor.
  const int64_t most = reader.max_bytes() - header_bytes;
  int64_t values = 1;
  std::string dims;
  for (int i = 0; i < ndim; ++i) {
    const int64_t dim = BigEndian(header.data() + 4 + 4 * i);
    array.dims.push_back(dim);
    dims += (i == 0 ? "" : " x ") + std::to_string(dim);
  }
  for (const int64_t dim : array.dims) {
    if (dim == 0) values = 0;
  }
  for (const int64_t dim : array.dims) {
    CONVOY_CHECK(values == 0 || dim <= most / values,
                 "[Idx] '{}' is truncated: its header promises {} bytes, but the file of {} bytes "
                 "cannot hold them",
                 path, dims, reader.file_bytes());
    values *= dim;
  }
  CONVOY_CHECK(!reader.compressed() || values <= kMostInflated,
               "[Idx] '{}': its header promises {} = {} bytes, and a compressed file is read up to "
               "{} bytes; decompress it first: gzip -d",
               path, dims, values, kMostInflated);
  const int64_t begun = std::min(read - header_bytes, values);
  array.values.assign(start.begin() + header_bytes, start.begin() + header_bytes + begun);
  const int64_t found = ReadValues(reader, values, array.values);
  CONVOY_CHECK(found == values, "[Idx] '{}' is truncated: expected {} = {} bytes, found {}", path,
               dims, values, found);
  uint8_t extra;  // reading to the end also checks gzip's checksum
  CONVOY_CHECK(read - header_bytes <= values && reader.Read(&extra, 1) == 0,
               "[Idx] '{}' is longer than expected: its header promises {} = {} bytes", path, dims,
               values);
  return array;
}

}  // namespace convoy
