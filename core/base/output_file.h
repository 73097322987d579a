// Where a program's output goes: the file that a path stands for, and how it is written.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/base/file.h"

namespace convoy {

/// What a path stands for when a program is to write there.
struct OutputPlace {
  /// The file itself: symbolic links are followed, those to a file that does not exist yet too.
  std::string path;
  std::string folder;  ///< of `path`
  /// Nothing is there to be replaced: output is written to this place as it comes. True of the
  /// descriptors of this process (/dev/stdout, /dev/fd/63 of a process substitution), terminals and
  /// the null device.
  bool is_stream = false;
  int descriptor = -1;  ///< of this process, if the path names one
  bool exists = false;  ///< a regular file is there, described by the members below
  mode_t mode = 0;      ///< its permissions
  uid_t uid = 0;
  gid_t gid = 0;
  dev_t device = 0;
  ino_t inode = 0;
};

/// Finds out what `path` stands for, and changes nothing.
/// Throws: Error starting with `[component]` if output cannot go there: a named pipe, a socket, a
/// device, a folder, a file that may not be written to, a file system mounted on it, a folder that
/// does not exist or may not be written to, or what another user has laid into a sticky folder
/// where everybody may write (/tmp): neither a file nor a symbolic link of theirs is followed
/// there.
OutputPlace FindOutput(const char* component, const std::string& path);

/// As FindOutput, and tries a file in the folder: before hours are spent on what goes into it.
void CheckOutput(const char* component, const std::string& path);

/// Whether both places are one file.
bool IsSamePlace(const OutputPlace& a, const OutputPlace& b);

/// Opens a place for writing: a regular file with what it holds, made if it is not there; its
/// offset is 0. Throws: Error starting with `[component]`.
Descriptor OpenOutput(const char* component, const OutputPlace& place);

/// A new file in the folder of `place`, not yet under its name. If `name` comes back empty, the
/// file has no name at all, so nothing stays behind however the process ends; a file system that
/// has no such files gives it the name `name`, which nobody can guess, and follows no link. Nobody
/// has more rights to the file than `mode`. Returns an invalid handle, with errno, on failure.
Descriptor MakeDraft(const OutputPlace& place, std::string& name, mode_t mode = 0666);

/// Gives the draft the mode and, where this user may, the owner of what it replaces, and the name
/// of `place`, in one step; without `replace` only if nothing has that name (EEXIST). False, with
/// errno, on failure; then a draft with a name keeps it.
bool PublishDraft(int draft, std::string& name, const OutputPlace& place, bool replace = true);

/// For a program's main: from now on, more output than the limit to the size of files (ulimit -f)
/// is an error for all of this process, its standard output included, and ends nothing by SIGXFSZ.
void ReportFileSizeLimit();

/// Writes all of it, from the file's offset on or, with `at` >= 0, from there. Returns 0, or the
/// errno that ended it; `written` counts up. A limit to the size of files (EFBIG) and a pipe whose
/// reader is gone (EPIPE) are errors like others, and no signals.
int WriteFully(int file, const void* from, size_t bytes, off_t at, int64_t& written);

enum class FileLock { kNone, kShared, kExclusive };

/// Locks `bytes` bytes of a file from `at` on, of which the file may have none; 0: all from `at`
/// on. Between processes, and between handles of one; the lock ends with the handle. With `wait` it
/// waits for others, else it gives false if one is in the way. A file system without locks locks
/// nothing, and gives true.
bool LockFile(int file, FileLock how, off_t at, off_t bytes, bool wait);

}  // namespace convoy
