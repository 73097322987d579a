// Output: what a path stands for, what may be replaced, and what is left behind.
#include "core/base/output_file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "core/base/error.h"

namespace convoy {
namespace {

using Catch::Contains;
namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "output-XXXXXX").string();
    path_ = mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(*this / name) << text;
    return *this / name;
  }
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.insert(entry.path().filename());
    return names;
  }

 private:
  std::string path_;
};

std::string Content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct stat StatOf(const std::string& path) {
  struct stat info {};
  REQUIRE(lstat(path.c_str(), &info) == 0);
  return info;
}

/// Every way to write there is refused with `why`, and leaves what is there.
void CheckRefused(const std::string& path, const std::string& why) {
  CAPTURE(path);
  const struct stat before = StatOf(path);
  CHECK_THROWS_WITH(WriteTextFile("--json", path, "new"), Contains("[--json] '") && Contains(why));
  CHECK_THROWS_WITH(CheckOutput("--save", path), Contains("[--save] '") && Contains(why));
  const struct stat after = StatOf(path);
  CHECK(after.st_ino == before.st_ino);
  CHECK(after.st_mode == before.st_mode);
  CHECK(after.st_rdev == before.st_rdev);
}

TEST_CASE("A file is replaced in one step, and keeps its mode") {
  const Folder folder;
  const std::string path = folder.Write("model", "old");
  for (const mode_t mode : {0600, 0640, 0666, 0755}) {
    REQUIRE(chmod(path.c_str(), mode) == 0);
    {
      AtomicFile file("--save", path);
      file.Write("ne", 2);
      file.Write("w", 1);
      CHECK(Content(path) != "new");
      file.Commit();
    }
    CHECK(Content(path) == "new");
    CHECK((StatOf(path).st_mode & 07777) == mode);
    folder.Write("model", "old");
  }
  {
    AtomicFile file("--save", path);
    file.Write("given up", 8);
  }
  CHECK(Content(path) == "old");
  CHECK(folder.Names() == std::set<std::string>{"model"});
}

TEST_CASE("A new file has the mode that the user's mask gives") {
  const Folder folder;
  const mode_t before = umask(027);
  WriteTextFile("--json", folder / "new", "text");
  umask(before);
  CHECK((StatOf(folder / "new").st_mode & 07777) == 0640);
}

TEST_CASE("A file keeps its owner") {
  if (geteuid() != 0) {
    std::puts("SKIPPED: only root can give files away");
    return;
  }
  const Folder folder;
  const std::string path = folder.Write("model", "old");
  REQUIRE(chown(path.c_str(), 1234, 2345) == 0);
  REQUIRE(chmod(path.c_str(), 0640) == 0);
  WriteTextFile("--json", path, "new");
  CHECK(Content(path) == "new");
  CHECK(StatOf(path).st_uid == 1234);
  CHECK(StatOf(path).st_gid == 2345);
  CHECK((StatOf(path).st_mode & 07777) == 0640);
}

TEST_CASE("What another user has laid into a folder that all share is left alone") {
  if (geteuid() != 0) {
    std::puts("SKIPPED: only root can give files away");
    return;
  }
  const Folder folder;
  const std::string own = folder.Write("own", "mine"), file = folder.Write("file", "theirs");
  const std::string link = folder / "link", to_nothing = folder / "to nothing";
  fs::create_symlink(own, link);
  fs::create_symlink("nothing", to_nothing);
  for (const std::string& path : {file, link, to_nothing}) {
    REQUIRE(lchown(path.c_str(), 1234, 1234) == 0);
  }
  REQUIRE(chmod(folder.path().c_str(), 01777) == 0);
  const std::string message =
      "belongs to another user, in a folder where everybody may write: it is left alone; name a "
      "file in a folder of your own";
  for (const std::string& path : {file, link, to_nothing}) CheckRefused(path, message);
  // A link of one's own leads to it as well.
  fs::create_symlink("link", folder / "own link");
  CheckRefused(folder / "own link", "link' " + message);
  CHECK(Content(own) == "mine");
  CHECK(Content(file) == "theirs");
  CHECK_FALSE(fs::exists(folder / "nothing"));

  // What is one's own may be replaced there, as may what the folder's owner has made.
  WriteTextFile("--json", own, "new");
  REQUIRE(chown(folder.path().c_str(), 1234, 1234) == 0);
  WriteTextFile("--json", link, "newer");
  CHECK(Content(own) == "newer");
  // Without the sticky bit, whoever may write there is trusted.
  REQUIRE(chown(folder.path().c_str(), 0, 0) == 0);
  REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
  WriteTextFile("--json", link, "newest");
  CHECK(Content(own) == "newest");
}

TEST_CASE("Symbolic links are followed, those to nothing too") {
  const Folder folder;
  fs::create_directory(folder / "deep");
  const std::string file = folder.Write("deep/model", "old");
  fs::create_symlink("deep/model", folder / "relative");
  fs::create_symlink(folder / "relative", folder / "absolute");
  fs::create_symlink("deep/none", folder / "dangling");
  for (const char* link : {"relative", "absolute"}) {
    folder.Write("deep/model", "old");
    WriteTextFile("--json", folder / link, link);
    CHECK(Content(file) == link);
    CHECK(fs::is_symlink(folder / link));
  }
  CHECK_NOTHROW(CheckOutput("--json", folder / "dangling"));
  CHECK(!fs::exists(folder / "deep/none"));
  WriteTextFile("--json", folder / "dangling", "made");
  CHECK(Content(folder / "deep/none") == "made");
  CHECK(fs::is_symlink(folder / "dangling"));
  CHECK(folder.Names() == std::set<std::string>{"absolute", "dangling", "deep", "relative"});

  fs::create_symlink("circle", folder / "circle");
  CHECK_THROWS_WITH(CheckOutput("--json", folder / "circle"),
                    Contains("[--json] cannot write '") && Contains("symbolic links"));
  fs::create_symlink(folder / "absent/file", folder / "astray");
  CHECK_THROWS_WITH(CheckOutput("--json", folder / "astray"),
                    Contains("there is no folder '" + folder.path() + "/absent'"));
}

TEST_CASE("A named pipe and a socket are left alone, and nobody waits for a reader") {
  const Folder folder;
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CheckRefused(folder / "pipe", "is a named pipe");
  fs::create_symlink("pipe", folder / "link");
  CheckRefused(folder / "link", "/pipe') is a named pipe");

  sockaddr_un address{.sun_family = AF_UNIX};
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof(address.sun_path) - 1);
  const Descriptor socket_handle(socket(AF_UNIX, SOCK_STREAM, 0));
  REQUIRE(bind(socket_handle.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  CheckRefused(folder / "socket", "is a socket");
  CheckRefused(folder.path(), "is a folder; give the name of a file");
}

TEST_CASE("Devices are left alone; to the null device and to terminals output is written") {
  const Folder folder;
  const auto make = [&](const char* name, mode_t kind, unsigned major, unsigned minor) {
    return mknod((folder / name).c_str(), kind | 0666, makedev(major, minor)) == 0;
  };
  // Numbers that no driver has been given: nothing of this machine is behind them.
  if (!make("null", S_IFCHR, 1, 3) || !make("full", S_IFCHR, 1, 7) ||
      !make("character", S_IFCHR, 260, 7) || !make("block", S_IFBLK, 260, 7)) {
    std::puts("SKIPPED: this user cannot make devices (mknod)");
    return;
  }
  for (const char* name : {"full", "character", "block"}) {
    CheckRefused(folder / name, "is a device");
  }
  const struct stat before = StatOf(folder / "null");
  CHECK_NOTHROW(CheckOutput("--save", folder / "null"));
  CHECK_NOTHROW(FindOutput("--save", folder / "null"));
  CHECK(StatOf(folder / "null").st_ino == before.st_ino);
  CHECK(S_ISCHR(StatOf(folder / "null").st_mode));
}

TEST_CASE("A path that names a descriptor is written to as it is: /dev/stdout, >(command)") {
  const Folder folder;
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const Descriptor reader(ends[0]);
  {
    const Descriptor writer(ends[1]);
    const std::string name = "/dev/fd/" + std::to_string(writer.get());
    CHECK_NOTHROW(CheckOutput("--save", name));
    WriteTextFile("--json", name, "text");
    fs::create_symlink("/proc/self/fd/" + std::to_string(writer.get()), folder / "link");
    WriteTextFile("--json", folder / "link", ", more");
  }
  char buffer[64];
  CHECK(read(reader.get(), buffer, sizeof(buffer)) == 10);
  CHECK(std::string(buffer, 10) == "text, more");

  // A file that the shell has opened is not replaced behind the shell's back.
  const std::string path = folder.Write("out", "before ");
  const Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND));
  const auto inode = StatOf(path).st_ino;
  WriteTextFile("--json", "/dev/fd/" + std::to_string(file.get()), "after");
  CHECK(Content(path) == "before after");
  CHECK(StatOf(path).st_ino == inode);

  const Descriptor closed(open(path.c_str(), O_RDONLY));
  CHECK_THROWS_WITH(CheckOutput("--json", "/dev/fd/" + std::to_string(closed.get())),
                    Contains("is not open for writing"));
}

TEST_CASE("Nobody reads the other end: an error, not a signal") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  close(ends[0]);
  const Descriptor writer(ends[1]);
  CHECK_THROWS_WITH(WriteTextFile("--json", "/dev/fd/" + std::to_string(writer.get()), "text"),
                    Contains("[--json] cannot write '") && Contains("Broken pipe"));
}

TEST_CASE("A limit to the size of files is an error, and leaves nothing behind") {
  const Folder folder;
  const std::string path = folder.Write("model", "old");
  rlimit limit{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  const rlimit small{.rlim_cur = 1000, .rlim_max = limit.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  std::string message;
  try {
    WriteTextFile("--json", path, std::string(5000, 'x'));
  } catch (const Error& error) {
    message = error.what();
  }
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
  CHECK_THAT(message, Contains("File too large (after 1000 bytes)") && Contains("ulimit -f") &&
                          Contains("nothing was changed there"));
  CHECK(Content(path) == "old");
  CHECK(folder.Names() == std::set<std::string>{"model"});
}

TEST_CASE("A process that is killed while it writes leaves the old file, and nothing else") {
  const Folder folder;
  const std::string path = folder.Write("model", "old");
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    AtomicFile file("--save", path);
    file.Write("half", 4);
    [[maybe_unused]] const ssize_t told = write(ends[1], "x", 1);
    pause();
    _exit(0);
  }
  close(ends[1]);
  char told = 0;
  REQUIRE(read(ends[0], &told, 1) == 1);
  close(ends[0]);
  kill(child, SIGKILL);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(Content(path) == "old");
  std::string name;
  const Descriptor draft = MakeDraft(FindOutput("--save", path), name);
  if (!name.empty()) {
    unlink(name.c_str());
    std::puts("SKIPPED: the file system of the temporary folder has no files without a name");
    return;
  }
  CHECK(folder.Names() == std::set<std::string>{"model"});
}

TEST_CASE("What cannot be written is said by CheckOutput, which leaves nothing behind") {
  const Folder folder;
  CHECK_NOTHROW(CheckOutput("--save", folder / "new"));
  CHECK(folder.Names().empty());
  CHECK_THROWS_WITH(CheckOutput("--save", folder / "no/such/file"),
                    Contains("[--save] cannot write '") && Contains("there is no folder '"));
  CHECK_THROWS_WITH(CheckOutput("--save", folder / "new/"),
                    Contains("is a folder; give the name of a file"));
  CHECK_THROWS_WITH(CheckOutput("--save", folder / std::string(256, 'n')),
                    Contains("File name too long"));
  const std::string longest = folder / std::string(255, 'n');
  CHECK_NOTHROW(CheckOutput("--save", longest));
  WriteTextFile("--save", longest, "text");
  CHECK(Content(longest) == "text");
  CHECK_THROWS_WITH(CheckOutput("--save", ""),
                    "[--save] expected the name of a file, got an "
                    "empty one");
}

TEST_CASE("What may not be written to is refused") {
  if (geteuid() == 0) {
    std::puts("SKIPPED: root may write everywhere");
    return;
  }
  const Folder folder;
  const std::string path = folder.Write("model", "old");
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  CHECK_THROWS_WITH(CheckOutput("--save", path), Contains("Permission denied"));
  REQUIRE(chmod(folder.path().c_str(), 0555) == 0);
  CHECK_THROWS_WITH(CheckOutput("--save", folder / "new"), Contains("Permission denied"));
  REQUIRE(chmod(folder.path().c_str(), 0755) == 0);
}

TEST_CASE("Two names of one file are one place") {
  const Folder folder;
  folder.Write("a", "");
  folder.Write("b", "");
  fs::create_symlink("a", folder / "link");
  fs::create_hard_link(folder / "a", folder / "hard");
  fs::create_symlink("new", folder / "dangling");
  fs::create_directory_symlink(folder.path(), folder / "folder");
  const auto same = [&](const std::string& x, const std::string& y) {
    return IsSamePlace(FindOutput("--save", folder / x), FindOutput("--json", folder / y));
  };
  CHECK(same("a", "a"));
  CHECK(same("a", "link"));
  CHECK(same("a", "hard"));
  CHECK(same("a", "./folder/a"));
  CHECK(same("new", "folder/new"));
  CHECK(same("new", "dangling"));
  CHECK_FALSE(same("a", "b"));
  CHECK_FALSE(same("a", "new"));
  CHECK_FALSE(same("new", "newer"));
}

TEST_CASE("A lock is one handle's, and ends with it") {
  const Folder folder;
  const OutputPlace place = FindOutput("--metrics", folder / "file");
  const Descriptor first = OpenOutput("--metrics", place);
  CHECK(LockFile(first.get(), FileLock::kExclusive, 0, 0, false));
  {
    const Descriptor second = OpenOutput("--metrics", FindOutput("--metrics", folder / "file"));
    CHECK_FALSE(LockFile(second.get(), FileLock::kExclusive, 0, 0, false));
    CHECK_FALSE(LockFile(second.get(), FileLock::kShared, 100, 1, false));
    CHECK(LockFile(first.get(), FileLock::kNone, 0, 0, false));
    CHECK(LockFile(second.get(), FileLock::kExclusive, 0, 0, false));
    CHECK_FALSE(LockFile(first.get(), FileLock::kExclusive, 0, 0, false));
  }
  CHECK(LockFile(first.get(), FileLock::kExclusive, 0, 0, false));
}

}  // namespace
}  // namespace convoy
