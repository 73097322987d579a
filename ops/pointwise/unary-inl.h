// Functions of one tensor, made from the rows of unary_table.h: each a struct with its derivative,
// for vectors and scalars (ops/pointwise/compile.h).
#if defined(CONVOY_OPS_POINTWISE_UNARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CONVOY_OPS_POINTWISE_UNARY_INL_H_
#undef CONVOY_OPS_POINTWISE_UNARY_INL_H_
#else
#define CONVOY_OPS_POINTWISE_UNARY_INL_H_
#endif

#include <type_traits>

#include "ops/pointwise/activations-inl.h"
#include "ops/pointwise/compile.h"
#include "ops/pointwise/constants-inl.h"
#include "ops/pointwise/functions.h"

CONVOY_POINTWISE_BEGIN

// Forward(m, x) is the function; Backward(m, g, saved) is the gradient of x, where g is that of the
// output and `saved` what kSaves says. M is the mathematics, V a vector or scalar.
#define CONVOY_UNARY(Name, op, saves, low, high, forward, gradient)          \
  struct Name {                                                              \
    static constexpr UnaryFunction kId = UnaryFunction::k##Name;             \
    static constexpr Saves kSaves = Saves::saves;                            \
    template <class M, class V>                                              \
    static CONVOY_POINTWISE V Forward([[maybe_unused]] M m, V x) {           \
      return forward;                                                        \
    }                                                                        \
    template <class M, class V>                                              \
    static CONVOY_POINTWISE V Backward([[maybe_unused]] M m, V g, V saved) { \
      [[maybe_unused]] const V x = saved, y = saved;                         \
      return gradient;                                                       \
    }                                                                        \
  };
#include "ops/pointwise/unary_table.h"

/// The function that a kernel runs for given constants.
template <class F>
F MakeUnary(const UnaryParameters& p) {
  if constexpr (std::is_empty_v<F>) {
    return F{};
  } else if constexpr (requires { F{p.a, p.b}; }) {
    return F{p.a, p.b};
  } else {
    return F{p.a};
  }
}

/// Calls `run(F{})` with the function that `id` names; its constants are not set.
template <class Run>
void DispatchUnary(UnaryFunction id, Run&& run) {
  switch (id) {
#define CONVOY_UNARY(Name, ...) \
  case UnaryFunction::k##Name:  \
    return run(Name{});
#define CONVOY_UNARY_OF_CONSTANTS(Name, op) \
  case UnaryFunction::k##Name:              \
    return run(Name{});
#include "ops/pointwise/unary_table.h"
  }
}

/// No activation: the gradient is that of the output.
struct Identity {
  template <class M, class V>
  static CONVOY_POINTWISE V Backward(M, V g, V) {
    return g;
  }
};

/// Calls `run(F{})` with the function that `activation` names, Identity for kNone.
template <class Run>
void DispatchActivation(Activation activation, Run&& run) {
  switch (activation) {
    case Activation::kNone:
      return run(Identity{});
#define CONVOY_ACTIVATION(Name, ...) \
  case Activation::k##Name:          \
    return run(Name{});
#include "ops/pointwise/unary_table.h"
  }
}

CONVOY_POINTWISE_END

#endif  // CONVOY_OPS_POINTWISE_UNARY_INL_H_
