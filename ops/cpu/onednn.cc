// oneDNN as this library uses it: single-threaded primitives, cached per thread.
#include "ops/cpu/onednn.h"

#include <omp.h>
#include <sys/mman.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/storage.h"

namespace convoy {
namespace {

using dnnl::memory;

struct Hash {
  size_t operator()(const OneDnnMatMul& p) const {
    uint64_t hash = kFnvStart;
    for (const int64_t word :
         {int64_t{static_cast<int>(p.dtype)} << 4 | p.transpose_a << 3 | p.transpose_b << 2 |
              p.accumulate << 1 | static_cast<int>(p.has_bias),
          p.batch, p.m, p.n, p.k, p.lda, p.ldb, p.ldc, p.stride_a, p.stride_b, p.stride_c}) {
      hash = FnvAppend(hash, static_cast<uint64_t>(word));
    }
    return hash;
  }
};

dnnl::engine& Engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type TypeOf(DType dtype) {
  return dtype == DType::kBF16 ? memory::data_type::bf16 : memory::data_type::f32;
}

// A (batch, rows, columns) matrix stored with row stride `ld`, or stored transposed.
memory::desc Describe(const OneDnnMatMul& p, int64_t rows, int64_t columns, int64_t ld,
                      int64_t stride, bool transposed) {
  memory::dims dims = {rows, columns};
  memory::dims strides = transposed ? memory::dims{1, ld} : memory::dims{ld, 1};
  if (p.batch > 1) {
    dims.insert(dims.begin(), stride == 0 ? 1 : p.batch);
    strides.insert(strides.begin(), stride == 0 ? rows * columns : stride);
  }
  return memory::desc(dims, TypeOf(p.dtype), strides);
}

// While oneDNN makes a primitive, and while it runs one for the first time, it crashes if it gets
// no memory for the code that it generates. So there has to be more than it wants.
void CheckRoom() {
  constexpr size_t kRoom = size_t{32} << 20;
  void* const room =
      mmap(nullptr, kRoom, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CONVOY_CHECK(room != MAP_FAILED,
               "[MatMul] the host is out of memory: a new kernel wants {} bytes to spare. Use a "
               "smaller batch, more micro-batches or fewer workers, or raise the limit (ulimit -v)",
               kRoom);
  munmap(room, kRoom);
}

// A primitive with its arguments bound to memory objects whose pointers are set per call.
struct Primitive {
  dnnl::matmul primitive;
  memory a, b, c, bias, scratch;
  std::unordered_map<int, memory> arguments;
  size_t scratch_bytes = 0;

  explicit Primitive(const OneDnnMatMul& p) {
    CheckRoom();
    const memory::desc a_desc = Describe(p, p.m, p.k, p.lda, p.stride_a, p.transpose_a);
    const memory::desc b_desc = Describe(p, p.k, p.n, p.ldb, p.stride_b, p.transpose_b);
    const memory::desc c_desc = Describe(p, p.m, p.n, p.ldc, p.stride_c, false);
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (p.accumulate) {
      dnnl::post_ops sum;
      sum.append_sum(1.0f);
      attributes.set_post_ops(sum);
    }
    memory::desc bias_desc;
    if (p.has_bias) {
      memory::dims dims(p.batch > 1 ? 3 : 2, 1), strides(dims.size(), p.n);
      dims.back() = p.n;
      strides.back() = 1;
      bias_desc = memory::desc(dims, TypeOf(p.dtype), strides);
    }
    const dnnl::matmul::desc operation = p.has_bias
                                             ? dnnl::matmul::desc(a_desc, b_desc, bias_desc, c_desc)
                                             : dnnl::matmul::desc(a_desc, b_desc, c_desc);
    const dnnl::matmul::primitive_desc description(operation, attributes, Engine());
    primitive = dnnl::matmul(description);
    const auto unbound = [](const memory::desc& desc) { return memory(desc, Engine(), nullptr); };
    a = unbound(a_desc);
    b = unbound(b_desc);
    c = unbound(c_desc);
    scratch = unbound(description.scratchpad_desc());
    scratch_bytes = description.scratchpad_desc().get_size();
    arguments = {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}};
    if (scratch_bytes > 0) arguments.emplace(DNNL_ARG_SCRATCHPAD, scratch);
    if (p.has_bias) {
      bias = unbound(bias_desc);
      arguments.emplace(DNNL_ARG_BIAS, bias);
    }
  }
};

// What one thread needs to run primitives. oneDNN counts threads through OpenMP's per-thread
// setting, so each thread asks for one before it makes or runs anything.
class ThreadState {
 public:
  ThreadState() : stream_(Engine()) { omp_set_num_threads(1); }

  void Run(const OneDnnMatMul& p, const void* a, const void* b, const void* bias, void* c) {
    auto found = cache_.find(p);
    if (found == cache_.end()) {
      if (cache_.size() >= kMaxPrimitives) cache_.clear();
      found = cache_.emplace(p, Primitive(p)).first;
    }
    Primitive& cached = found->second;
    cached.a.set_data_handle(const_cast<void*>(a));
    cached.b.set_data_handle(const_cast<void*>(b));
    cached.c.set_data_handle(c);
    if (p.has_bias) cached.bias.set_data_handle(const_cast<void*>(bias));
    if (cached.scratch_bytes > 0) {
      if (!scratch_ || scratch_->bytes() < cached.scratch_bytes) {
        scratch_ = std::make_shared<Storage>(Device::Cpu(), cached.scratch_bytes);
      }
      cached.scratch.set_data_handle(scratch_->data());
    }
    cached.primitive.execute(stream_, cached.arguments);
  }

 private:
  // Shapes repeat from step to step; a program that never repeats them must not grow for ever.
  static constexpr size_t kMaxPrimitives = 512;

  dnnl::stream stream_;
  std::unordered_map<OneDnnMatMul, Primitive, Hash> cache_;
  std::shared_ptr<Storage> scratch_;
};

}  // namespace

bool OneDnnSupports(DType dtype) {
  if (dtype == DType::kF32) return true;
  // Without AVX-512 oneDNN has no bf16 product.
  static const bool bf16 = dnnl::get_effective_cpu_isa() >= dnnl::cpu_isa::avx512_core;
  return dtype == DType::kBF16 && bf16;
}

void RunOneDnnMatMul(const OneDnnMatMul& problem, const void* a, const void* b, const void* bias,
                     void* c) {
  thread_local ThreadState state;
  try {
    state.Run(problem, a, b, bias, c);
  } catch (const dnnl::error& error) {
    Fail("[MatMul] oneDNN refused ({}, {}) x ({}, {}) {}: {}", problem.m, problem.k, problem.k,
         problem.n, Name(problem.dtype), error.what());
  }
}

}  // namespace convoy
