// Checks of the files that a command line names.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace convoy {

/// Throws: Error naming `flag`, `path` and the reason if no file can be made there. Call it before
/// hours are spent on the file's content.
void CheckWritable(const char* flag, const std::string& path);

/// A flag and the file that it names. An empty `path` means that the flag was not given.
struct NamedFile {
  const char* flag;
  std::string path;
};

/// Throws: Error naming both flags if two outputs are one file, by whatever names, or if an output
/// is a file that is read. `updates`: pairs of an output and an input that may be one file, because
/// the output replaces it when it has been read.
void CheckDistinct(const std::vector<NamedFile>& outputs, const std::vector<NamedFile>& inputs,
                   const std::vector<std::pair<std::string_view, std::string_view>>& updates = {});

}  // namespace convoy
