// What kind of file something is: magic numbers, and what says so without one.
#include "models/io/file_kind.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace convoy {
namespace {

using namespace std::string_view_literals;

constexpr int64_t kHeadBytes = 4096;
constexpr int64_t kTailBytes = 8;
static_assert(std::endian::native == std::endian::little, "the formats' byte order");

struct Magic {
  FileKind kind;
  std::string_view bytes;
  size_t offset = 0;
};

// No two bytes alone: those two are a token that texts may well begin with.
constexpr Magic kMagics[] = {
    {FileKind::kNpy, "\x93NUMPY"sv},
    {FileKind::kHdf5, "\x89HDF\r\n\x1a\n"sv},
    {FileKind::kGguf, "GGUF"sv},
    {FileKind::kGgml, "lmgg"sv},
    {FileKind::kGgml, "fmgg"sv},
    {FileKind::kGgml, "tjgg"sv},
    {FileKind::kLlama2c, "24ka"sv},
    {FileKind::kTorchPickle, "\x80\x02\x8a\x0al\xfc\x9c\x46\xf9 j\xa8P\x19."sv},
    {FileKind::kMatlab, "MATLAB 5.0 MAT-file"sv},
    {FileKind::kParquet, "PAR1"sv},
    {FileKind::kArrow, "ARROW1\0\0"sv},
    {FileKind::kArrow, "\xff\xff\xff\xff"sv},  // a stream of it
    {FileKind::kAvro, "Obj\x01"sv},
    {FileKind::kSqlite, "SQLite format 3\0"sv},
    {FileKind::kMegatronIndex, "MMIDIDX\0\0"sv},
    {FileKind::kLitData, "LITPKDS"sv},
    {FileKind::kTar, "ustar"sv, 257},
    {FileKind::kZstd, "\x28\xb5\x2f\xfd"sv},
    {FileKind::kXz, "\xfd\x37zXZ\0"sv},
    {FileKind::kLz4, "\x04\x22\x4d\x18"sv},
    {FileKind::kPng, "\x89PNG\r\n\x1a\n"sv},
    {FileKind::kJpeg, "\xff\xd8\xff\xe0"sv},
    {FileKind::kJpeg, "\xff\xd8\xff\xe1"sv},
    {FileKind::kGif, "GIF87a"sv},
    {FileKind::kGif, "GIF89a"sv},
    {FileKind::kPdf, "%PDF-"sv},
    {FileKind::kElf, "\x7f\x45LF"sv},
};

/// The first number of llm.c's files: the day on which the format was made.
struct LlmcMagic {
  uint32_t number;
  FileKind kind;
};
constexpr LlmcMagic kLlmcMagics[] = {
    {20240326, FileKind::kLlmcModel},      {20240803, FileKind::kLlmcModel},
    {20240327, FileKind::kLlmcDebugState}, {20240328, FileKind::kLlmcTokenizer},
    {20240520, FileKind::kTokens16},       {20240801, FileKind::kTokens32},
    {20240522, FileKind::kLlmcEval},       {20240527, FileKind::kLlmcState},
};

template <typename T>
T NumberAt(std::string_view bytes, size_t offset) {
  T number = 0;
  std::memcpy(&number, bytes.data() + offset, sizeof(T));
  return number;
}

uint8_t ByteAt(std::string_view bytes, size_t offset) {
  return static_cast<uint8_t>(bytes[offset]);
}

std::string_view WithoutBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first == text.npos ? "" : text.substr(first);
}

/// Whether an object of JSON begins here.
bool OpensObject(std::string_view text) {
  text = WithoutBlanks(text);
  if (!text.starts_with('{')) return false;
  text = WithoutBlanks(text.substr(1));
  return text.starts_with('"') || text.starts_with('}');
}

/// Valid UTF-8 without control characters other than white space, but for a sequence that the end
/// cuts.
bool IsText(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const uint8_t first = ByteAt(text, at);
    if (first < 0x20 ? "\t\n\r\f"sv.find(text[at]) == std::string_view::npos : first == 0x7f) {
      return false;
    }
    const size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if ((first >= 0x80 && first < 0xc2) || first > 0xf4) return false;
    for (size_t i = 1; i < length && at + i < text.size(); ++i) {
      if ((ByteAt(text, at + i) & 0xc0) != 0x80) return false;
    }
    at += length;
  }
  return true;
}

bool IsSafetensors(std::string_view head) {
  constexpr uint64_t kMost = 100'000'000;  // bytes of a header, by the format
  return head.size() > 8 && NumberAt<uint64_t>(head, 0) <= kMost && OpensObject(head.substr(8));
}

bool IsGzip(std::string_view head) {
  // Deflate is the only method; three flag bits are reserved; then how hard it tried, and where.
  return head.size() >= 10 && head.starts_with("\x1f\x8b\x08"sv) && ByteAt(head, 3) < 0x20 &&
         (ByteAt(head, 8) == 0 || ByteAt(head, 8) == 2 || ByteAt(head, 8) == 4) &&
         (ByteAt(head, 9) < 14 || ByteAt(head, 9) == 255);
}

bool IsBzip2(std::string_view head) {
  return head.size() >= 10 && head.starts_with("BZh") && head[3] >= '1' && head[3] <= '9' &&
         head.substr(4, 6) == "1AY&SY";
}

bool IsPickle(std::string_view head, std::string_view tail) {
  if (head.size() < 4 || ByteAt(head, 0) != 0x80 || !tail.ends_with('.')) return false;
  const uint8_t protocol = ByteAt(head, 1), opcode = ByteAt(head, 2);
  if (protocol == 4 || protocol == 5) return opcode == 0x95;  // a frame
  return (protocol == 2 || protocol == 3) && "}](cXq"sv.find(head[2]) != std::string_view::npos;
}

bool IsOnnx(std::string_view head) {
  // ir_version, then the length and the name of the producer.
  if (head.size() < 8 || ByteAt(head, 0) != 8 || ByteAt(head, 1) > 20 || ByteAt(head, 2) != 0x12) {
    return false;
  }
  const size_t length = ByteAt(head, 3);
  return length >= 4 && length < 64 && head.size() >= 4 + length &&
         std::all_of(head.begin() + 4, head.begin() + 4 + static_cast<int64_t>(length),
                     [](char c) { return c > ' ' && c < 0x7f; });
}

bool IsIdx(std::string_view head, int64_t file_bytes) {
  if (head.size() < 8 || head[0] != 0 || head[1] != 0) return false;
  int64_t bytes = 0;
  switch (head[2]) {
    case 8:
    case 9:
      bytes = 1;
      break;
    case 0xb:
      bytes = 2;
      break;
    case 0xc:
    case 0xd:
      bytes = 4;
      break;
    case 0xe:
      bytes = 8;
      break;
    default:
      return false;
  }
  const size_t ndim = ByteAt(head, 3);
  if (ndim < 1 || ndim > 4 || head.size() < 4 + 4 * ndim) return false;
  for (size_t i = 0; i < ndim; ++i) {
    const int64_t dim = __builtin_bswap32(NumberAt<uint32_t>(head, 4 + 4 * i));
    if (__builtin_mul_overflow(bytes, dim, &bytes)) return false;
  }
  return file_bytes < 0 || bytes + 4 + 4 * static_cast<int64_t>(ndim) == file_bytes;
}

FileKind ZipKind(std::string_view head) {
  constexpr size_t kNameBytes = 26, kName = 30;  // in the first member's header
  if (head.size() < kName) return FileKind::kZip;
  const std::string_view name = head.substr(kName, NumberAt<uint16_t>(head, kNameBytes));
  if (name.ends_with("/data.pkl")) return FileKind::kTorchZip;
  return name.ends_with(".npy") ? FileKind::kNpz : FileKind::kZip;
}

FileKind TextKind(std::string_view head, const std::string& path) {
  constexpr size_t kLeast = 32;  // fewer bytes of text may also be a few tokens
  if (head.starts_with("version https://git-lfs.github.com/spec/")) return FileKind::kGitLfsPointer;
  const std::string_view text = WithoutBlanks(head);
  if (OpensObject(text)) {
    const bool index = text.find("\"weight_map\"") != text.npos || path.ends_with(".index.json");
    return index ? FileKind::kSafetensorsIndex : FileKind::kJson;
  }
  for (const std::string_view tag : {"<!DOCTYPE"sv, "<!doctype"sv, "<html"sv, "<HTML"sv}) {
    if (text.starts_with(tag)) return FileKind::kHtml;
  }
  return head.size() >= kLeast ? FileKind::kText : FileKind::kUnknown;
}

bool IsUtf16(std::string_view head) {
  constexpr size_t kLooked = 16;  // characters, all ASCII: fewer may also be small tokens
  const bool little = head.starts_with("\xff\xfe"), big = head.starts_with("\xfe\xff");
  if (head.size() < 2 + 2 * kLooked || (!little && !big)) return false;
  std::string characters;
  for (size_t i = 2; i < 2 + 2 * kLooked; i += 2) {
    if (head[i + (little ? 1 : 0)] != 0) return false;
    characters += head[i + (little ? 0 : 1)];
  }
  return IsText(characters);
}

}  // namespace

FileKind Recognize(std::string_view head, std::string_view tail, int64_t file_bytes,
                   const std::string& path) {
  head = head.substr(0, kHeadBytes);
  if (IsSafetensors(head)) return FileKind::kSafetensors;
  if (IsText(head)) return TextKind(head, path);  // whatever its first word is
  if (head.size() >= 4) {
    const uint32_t number = NumberAt<uint32_t>(head, 0);
    for (const LlmcMagic& magic : kLlmcMagics) {
      if (magic.number == number) return magic.kind;
    }
  }
  for (const Magic& magic : kMagics) {
    if (head.size() > magic.offset && head.substr(magic.offset).starts_with(magic.bytes)) {
      return magic.kind;
    }
  }
  if (head.starts_with("PK\3\4"sv) || head.starts_with("PK\5\6"sv)) return ZipKind(head);
  if (IsGzip(head)) return FileKind::kGzip;
  if (IsBzip2(head)) return FileKind::kBzip2;
  if (IsPickle(head, tail)) return FileKind::kPickle;
  if (IsOnnx(head)) return FileKind::kOnnx;
  if (IsIdx(head, file_bytes)) return FileKind::kIdx;
  return IsUtf16(head) ? FileKind::kUtf16 : FileKind::kUnknown;
}

FileKind Recognize(const InputFile& file) {
  std::string head(static_cast<size_t>(std::min(file.bytes(), kHeadBytes)), '\0');
  std::string tail(static_cast<size_t>(std::min(file.bytes(), kTailBytes)), '\0');
  file.Read(head.data(), 0, static_cast<int64_t>(head.size()));
  file.Read(tail.data(), file.bytes() - static_cast<int64_t>(tail.size()),
            static_cast<int64_t>(tail.size()));
  return Recognize(head, tail, file.bytes(), file.path());
}

}  // namespace convoy
