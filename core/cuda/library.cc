// Shared libraries of CUDA that are opened at run time: a program starts on machines without them.
#include "core/cuda/library.h"

#include <dlfcn.h>
#include <link.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <vector>

#include "core/base/error.h"

namespace convoy::cuda {
namespace {

// What dlopen is to be given, in order.
std::vector<std::string> Places(const std::string& soname) {
  std::vector<std::string> places;
  if (const char* folders = std::getenv("CONVOY_CUDA_LIBS")) {
    std::istringstream list(folders);
    for (std::string folder; std::getline(list, folder, ':');) {
      if (!folder.empty()) places.push_back(folder + "/" + soname);
    }
  }
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) places.push_back((program.parent_path() / "lib" / soname).string());
  places.push_back(soname);
  if (const std::string toolkit = CONVOY_CUDA_LIBRARIES; !toolkit.empty()) {
    places.push_back(toolkit + "/" + soname);
  }
  return places;
}

std::string PathOf(void* handle, const std::string& otherwise) {
  const link_map* map = nullptr;
  return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map != nullptr ? map->l_name : otherwise;
}

}  // namespace

Library::Library(const char* soname) : soname_(soname) {
  std::string tried;
  for (const std::string& place : Places(soname_)) {
    handle_ = dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle_ != nullptr) {
      path_ = PathOf(handle_, place);
      return;
    }
    const char* why = dlerror();
    tried += fmt::format("{}{}", tried.empty() ? "" : "; ", why == nullptr ? place : why);
  }
  Fail("[CUDA] {} was not found; name its folder in CONVOY_CUDA_LIBS. Tried: {}", soname_, tried);
}

void* Library::Find(const char* symbol) const {
  void* address = dlsym(handle_, symbol);
  CONVOY_CHECK(address != nullptr,
               "[CUDA] {} has no function {}: it is older than this program wants; name the folder "
               "of a newer one in CONVOY_CUDA_LIBS",
               path_, symbol);
  return address;
}

}  // namespace convoy::cuda
