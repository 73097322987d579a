// Shared libraries of CUDA that are opened at run time: a program starts on machines without them.
#pragma once

#include <string>

namespace convoy::cuda {

/// An opened library; it stays open until the process ends. Looked for in the folders of
/// $CONVOY_CUDA_LIBS (separated by colons), in `lib` beside the executable, where the system's
/// loader looks, and in the toolkit that the program was built with; the first that opens is taken.
class Library {
 public:
  /// `soname` as in "libnccl.so.2". Throws: Error with every place tried.
  explicit Library(const char* soname);

  /// The library's function of that name, of type `F` ("int(float)").
  /// Throws: Error if it has none, which means that it is older than this program wants.
  template <typename F>
  F* Get(const char* symbol) const {
    return reinterpret_cast<F*>(Find(symbol));
  }

  /// Where it was found.
  const std::string& path() const { return path_; }

 private:
  void* Find(const char* symbol) const;

  std::string soname_;
  std::string path_;
  void* handle_ = nullptr;
};

}  // namespace convoy::cuda
