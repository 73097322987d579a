// NCCL's functions, from the library that is found at run time.
#include "parallel/transport/nccl/api.h"

#include <fmt/format.h>

#include <type_traits>

#include "core/base/error.h"
#include "core/cuda/library.h"

#if defined(CONVOY_SIM)
#include "tests/sim/nccl.h"
#endif

namespace convoy::nccl {
namespace {

// 22809: 2.28.9
std::string VersionText(int version) {
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

constexpr char kLibrary[] = "libnccl.so.2";

#if defined(CONVOY_SIM)
#define CONVOY_NCCL_LOAD(name) api.name = &::nccl##name;
// The fake's; where a test says that there is none, the real search fails for a name that no file
// has.
bool UseFake() {
  if (!sim::NcclIsThere()) cuda::Library("libnccl.so.2-taken-away");
  return true;
}
#define CONVOY_NCCL_OPEN() UseFake()
#else
#define CONVOY_NCCL_LOAD(name) \
  api.name = library.Get<std::remove_pointer_t<decltype(api.name)>>("nccl" #name);
#define CONVOY_NCCL_OPEN() cuda::Library(kLibrary)
#endif

}  // namespace

const Api& GetApi() {
  static const Api table = [] {
    [[maybe_unused]] static const auto library = CONVOY_NCCL_OPEN();
    Api api;
    // The version first: an old library lacks some of the others.
    CONVOY_NCCL_LOAD(GetVersion)
    CONVOY_NCCL_LOAD(GetErrorString)
    int version = 0;
    const ncclResult_t result = api.GetVersion(&version);
    CONVOY_CHECK(result == ncclSuccess, "[NCCL] ncclGetVersion: {}", api.GetErrorString(result));
    CONVOY_CHECK(
        version >= NCCL_VERSION_CODE,
        "[NCCL] the library {} is version {}, but this program wants {} or newer; name the "
        "folder of a newer one in CONVOY_CUDA_LIBS, or use --workers 1",
        kLibrary, VersionText(version), VersionText(NCCL_VERSION_CODE));
    CONVOY_NCCL_FUNCTIONS(CONVOY_NCCL_LOAD)
    return api;
  }();
  return table;
}

std::string Describe(const char* call, ncclResult_t result, ncclComm_t communicator) {
  const Api& api = GetApi();
  std::string text = fmt::format("nccl{}: {}", call, api.GetErrorString(result));
  const char* last = api.GetLastError(communicator);
  if (last != nullptr && *last != '\0') text += fmt::format(" ({})", last);
  return text;
}

}  // namespace convoy::nccl
