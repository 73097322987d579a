// NCCL's functions, from the library that is found at run time.
#pragma once

#include <nccl.h>

#include <string>

namespace convoy::nccl {

/// The functions that Convoy calls, by their names without "nccl".
#define CONVOY_NCCL_FUNCTIONS(X) \
  X(GetVersion)                  \
  X(GetUniqueId)                 \
  X(CommInitRankConfig)          \
  X(CommFinalize)                \
  X(CommDestroy)                 \
  X(CommAbort)                   \
  X(CommGetAsyncError)           \
  X(GetErrorString)              \
  X(GetLastError)                \
  X(AllReduce)                   \
  X(Broadcast)                   \
  X(AllGather)                   \
  X(ReduceScatter)               \
  X(AlltoAll)                    \
  X(Send)                        \
  X(Recv)                        \
  X(GroupStart)                  \
  X(GroupEnd)                    \
  X(CommRegister)                \
  X(CommDeregister)

struct Api {
#define CONVOY_NCCL_MEMBER(name) decltype(&::nccl##name) name = nullptr;
  CONVOY_NCCL_FUNCTIONS(CONVOY_NCCL_MEMBER)
#undef CONVOY_NCCL_MEMBER
};

/// The table, filled by the first call. Throws: Error if the library is missing (what was tried) or
/// older than the header that this build was compiled with (both versions); every time.
const Api& GetApi();

/// "AllReduce: invalid usage (...)": NCCL's words for a failed call, with what it remembers of the
/// communicator's last error (null: of none).
std::string Describe(const char* call, ncclResult_t result, ncclComm_t communicator);

}  // namespace convoy::nccl
