// What kind of file something is, by its content, so that a reader can name a file of another kind.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/file.h"

namespace convoy {

/// Kinds that begin with a magic number, or that a few kilobytes give away.
enum class FileKind {
  kUnknown,  ///< also bare token numbers, which have no magic number
  // What Convoy reads.
  kSafetensors,
  kTokens16,
  kTokens32,
  kIdx,
  kText,
  // Text of a kind of its own.
  kJson,
  kSafetensorsIndex,
  kGitLfsPointer,
  kHtml,
  kUtf16,
  // Weights.
  kTorchZip,
  kTorchPickle,
  kGguf,
  kGgml,
  kOnnx,
  kLlmcModel,
  kLlmcDebugState,
  kLlmcState,
  kLlama2c,
  // Arrays and tables.
  kNpy,
  kNpz,
  kHdf5,
  kPickle,
  kMatlab,
  kParquet,
  kArrow,
  kAvro,
  kSqlite,
  // Tokens of other tools.
  kLlmcEval,
  kLlmcTokenizer,
  kMegatronIndex,
  kLitData,
  // Archives and compressed files.
  kZip,
  kTar,
  kGzip,
  kZstd,
  kXz,
  kBzip2,
  kLz4,
  // Images and the rest.
  kPng,
  kJpeg,
  kGif,
  kPdf,
  kElf,
};

/// What a reader reads.
enum class Wanted { kWeights, kTokens, kText, kImages };

/// The kind of a file by its first bytes (as many as 4096 are looked at), its last ones and its
/// size. A kind is named only if bare 16-bit tokens would hardly ever look like it. `path` is asked
/// for its ending only, where content leaves a doubt; `file_bytes` is -1 if it is not known.
FileKind Recognize(std::string_view head, std::string_view tail, int64_t file_bytes,
                   const std::string& path);
FileKind Recognize(const InputFile& file);

/// "a NumPy array (.npy)".
const char* Name(FileKind kind);

/// Throws: Error saying what the file is, what is wanted, and the way from one to the other, if the
/// kind is known and another than the wanted one. Tokens may come in either width; any text will do
/// as a text.
void CheckKind(const char* component, const std::string& path, FileKind kind, Wanted wanted);

/// Recognises an open file and checks its kind.
FileKind CheckKind(const char* component, const InputFile& file, Wanted wanted);

}  // namespace convoy
