// What kind of file something is: names, and the error of a reader that wants another kind.
#include "core/base/error.h"
#include "models/io/file_kind.h"

namespace convoy {
namespace {

const char* Name(Wanted wanted) {
  switch (wanted) {
    case Wanted::kWeights:
      return "a safetensors file";
    case Wanted::kTokens:
      return "a file of tokens";
    case Wanted::kText:
      return "a UTF-8 text";
    case Wanted::kImages:
      return "an IDX file like MNIST's";
  }
  return "";
}

bool Fits(FileKind kind, Wanted wanted) {
  if (kind == FileKind::kUnknown) return true;
  switch (wanted) {
    case Wanted::kWeights:
      return kind == FileKind::kSafetensors;
    case Wanted::kTokens:
      return kind == FileKind::kTokens16 || kind == FileKind::kTokens32;
    case Wanted::kText:
      return kind == FileKind::kText || kind == FileKind::kJson || kind == FileKind::kHtml ||
             kind == FileKind::kSafetensorsIndex;
    case Wanted::kImages:
      return kind == FileKind::kIdx;
  }
  return true;
}

/// The way out whatever is wanted; null if it depends.
const char* GeneralHint(FileKind kind) {
  switch (kind) {
    case FileKind::kGitLfsPointer:
      return "fetch the file that it stands for: git lfs pull";
    case FileKind::kHtml:
      return "was this a download that failed?";
    case FileKind::kUtf16:
      return "convert it: iconv -f UTF-16 -t UTF-8";
    case FileKind::kTar:
      return "unpack it first: tar -x";
    case FileKind::kZip:
      return "unpack it first: unzip";
    case FileKind::kGzip:
      return "decompress it first: gzip -d";
    case FileKind::kZstd:
      return "decompress it first: zstd -d";
    case FileKind::kXz:
      return "decompress it first: xz -d";
    case FileKind::kBzip2:
      return "decompress it first: bzip2 -d";
    case FileKind::kLz4:
      return "decompress it first: lz4 -d";
    default:
      return nullptr;
  }
}

const char* HintForWeights(FileKind kind) {
  switch (kind) {
    case FileKind::kSafetensorsIndex:
      return "it names the files of a checkpoint that is cut into several; give one file with all "
             "tensors, which transformers' save_pretrained writes with max_shard_size=\"100GB\"";
    case FileKind::kTorchZip:
    case FileKind::kTorchPickle:
    case FileKind::kPickle:
      return "load it in PyTorch and write its state_dict with safetensors.torch.save_file";
    case FileKind::kNpy:
    case FileKind::kNpz:
      return "load it in NumPy and write it with safetensors.numpy.save_file";
    case FileKind::kLlmcModel:
      return "llm.c's dev/eval/export_hf.py turns it into Hugging Face's format";
    case FileKind::kTokens16:
    case FileKind::kTokens32:
    case FileKind::kText:
    case FileKind::kIdx:
      return "data to learn from goes to --data";
    case FileKind::kJson:
      return "give the file *.safetensors that belongs to it";
    default:
      return "convert it, for example with Python's package safetensors";
  }
}

const char* HintForData(FileKind kind, Wanted wanted) {
  if (kind == FileKind::kSafetensors) return "weights go to --init";
  switch (wanted) {
    case Wanted::kTokens:
      if (kind == FileKind::kNpy) {
        return "write its numbers bare: array.astype(\"uint16\").tofile(\"NAME.bin\")";
      }
      if (kind == FileKind::kText || kind == FileKind::kJson) {
        return "a text is learned by characters if its name does not end in .bin";
      }
      return "tokens are 16-bit numbers, bare or behind llm.c's header, or 32-bit ones behind it";
    case Wanted::kText:
      if (kind == FileKind::kTokens16 || kind == FileKind::kTokens32) {
        return "tokens are read from a file whose name ends in .bin";
      }
      return "extract its text first";
    default:
      return "the four files of MNIST are wanted, plain or with .gz";
  }
}

}  // namespace

const char* Name(FileKind kind) {
  switch (kind) {
    case FileKind::kUnknown:
      return "a file of an unknown kind";
    case FileKind::kSafetensors:
      return "a safetensors file";
    case FileKind::kTokens16:
      return "llm.c's file of 16-bit tokens";
    case FileKind::kTokens32:
      return "llm.c's file of 32-bit tokens";
    case FileKind::kIdx:
      return "an IDX file (MNIST's format)";
    case FileKind::kText:
      return "a text";
    case FileKind::kJson:
      return "a JSON text";
    case FileKind::kSafetensorsIndex:
      return "the index of a sharded checkpoint";
    case FileKind::kGitLfsPointer:
      return "a pointer of Git LFS";
    case FileKind::kHtml:
      return "a web page (HTML)";
    case FileKind::kUtf16:
      return "a text in UTF-16";
    case FileKind::kTorchZip:
      return "a file of torch.save (a zip archive)";
    case FileKind::kTorchPickle:
      return "a file of an old torch.save (a pickle)";
    case FileKind::kGguf:
      return "a GGUF file (llama.cpp's)";
    case FileKind::kGgml:
      return "a GGML file (llama.cpp's older format)";
    case FileKind::kOnnx:
      return "an ONNX model";
    case FileKind::kLlmcModel:
      return "llm.c's file of a model";
    case FileKind::kLlmcDebugState:
      return "llm.c's debugging state";
    case FileKind::kLlmcState:
      return "llm.c's state of an optimizer";
    case FileKind::kLlama2c:
      return "llama2.c's file of a model";
    case FileKind::kNpy:
      return "a NumPy array (.npy)";
    case FileKind::kNpz:
      return "an archive of NumPy arrays (.npz)";
    case FileKind::kHdf5:
      return "an HDF5 file";
    case FileKind::kPickle:
      return "a Python pickle";
    case FileKind::kMatlab:
      return "a MATLAB file (.mat)";
    case FileKind::kParquet:
      return "a Parquet table";
    case FileKind::kArrow:
      return "an Arrow table";
    case FileKind::kAvro:
      return "an Avro file";
    case FileKind::kSqlite:
      return "an SQLite data base";
    case FileKind::kLlmcEval:
      return "llm.c's file of multiple-choice questions";
    case FileKind::kLlmcTokenizer:
      return "llm.c's tokenizer";
    case FileKind::kMegatronIndex:
      return "Megatron's index of a data set (.idx)";
    case FileKind::kLitData:
      return "a packed data set of LitGPT";
    case FileKind::kZip:
      return "a zip archive";
    case FileKind::kTar:
      return "a tar archive";
    case FileKind::kGzip:
      return "compressed by gzip";
    case FileKind::kZstd:
      return "compressed by zstd";
    case FileKind::kXz:
      return "compressed by xz";
    case FileKind::kBzip2:
      return "compressed by bzip2";
    case FileKind::kLz4:
      return "compressed by lz4";
    case FileKind::kPng:
      return "a PNG image";
    case FileKind::kJpeg:
      return "a JPEG image";
    case FileKind::kGif:
      return "a GIF image";
    case FileKind::kPdf:
      return "a PDF document";
    case FileKind::kElf:
      return "a program or library (ELF)";
  }
  return "";
}

void CheckKind(const char* component, const std::string& path, FileKind kind, Wanted wanted) {
  if (Fits(kind, wanted)) return;
  const char* hint = GeneralHint(kind);
  if (hint == nullptr) {
    hint = wanted == Wanted::kWeights ? HintForWeights(kind) : HintForData(kind, wanted);
  }
  Fail("[{}] '{}' is {}, but {} is wanted here; {}", component, path, Name(kind), Name(wanted),
       hint);
}

FileKind CheckKind(const char* component, const InputFile& file, Wanted wanted) {
  const FileKind kind = Recognize(file);
  CheckKind(component, file.path(), kind, wanted);
  return kind;
}

}  // namespace convoy
