// Element-wise functions of two tensors, with broadcasting.
#include "ops/binary.h"

#include "core/autograd.h"
#include "core/base/error.h"
#include "core/memory_label.h"
#include "ops/binary_kernels.h"
#include "ops/checks.h"
#include "ops/op.h"
#include "ops/pointwise/binary-inl.h"
#include "ops/reduce_kernels.h"

namespace convoy {
namespace {

#define CONVOY_BINARY(Name, op, ...) const Op k##Name(op);
#include "ops/pointwise/binary_table.h"
const Op kWhere("Where");

// A tensor, or a constant in its place (`tensor` undefined).
struct Input {
  Tensor tensor;
  double constant = 0;

  bool is_constant() const { return !tensor.defined(); }
  operator Operand() const { return {tensor, constant}; }
};

// What the gradients of one application of F are computed from.
struct Saved {
  Input lhs, rhs;
  Shape lhs_shape, rhs_shape;
  int lhs_input = -1, rhs_input = -1;  // numbers as inputs of the node; -1 for a constant
};

// The gradient of one side goes to its input. If `grad_is_free`, nothing reads pass.grad()
// afterwards.
template <class F, Side kSide>
void GiveGradient(BackwardPass& pass, const Saved& saved, bool grad_is_free) {
  constexpr bool kIsLhs = kSide == Side::kLhs;
  constexpr bool kIsGradient = (kIsLhs ? F::kLhs : F::kRhs) == Partial::kIsGradient;
  const int input = kIsLhs ? saved.lhs_input : saved.rhs_input;
  const Tensor& dy = pass.grad();
  const bool stretched = (kIsLhs ? saved.lhs_shape : saved.rhs_shape) != dy.shape();
  if (kIsGradient && !stretched) return pass.Pass(input, dy);
  if (kIsGradient) {
    return pass.Write(input, [&](const Tensor& dx) { SumTo(dy, dx); });
  }
  const auto compute = [&](const GradTarget& dx) {
    binary_gradient(dy.device(), F::kId, kSide, dy, saved.lhs, saved.rhs, dx);
  };
  if (!stretched) return compute(grad_is_free ? pass.InPlace(input) : pass.Target(input));
  const Tensor whole = Tensor::Empty(dy.shape(), {ComputeDType(dy.dtype()), dy.device()});
  compute({whole, false});
  pass.Write(input, [&](const Tensor& dx) { SumTo(whole, dx); });
}

template <class F>
Tensor Apply(const char* op, const Input& lhs, const Input& rhs) {
  const bool lhs_is_tensor = !lhs.is_constant(), rhs_is_tensor = !rhs.is_constant();
  const Tensor& some = lhs_is_tensor ? lhs.tensor : rhs.tensor;
  const Shape shape = lhs_is_tensor && rhs_is_tensor
                          ? BroadcastShapes(op, lhs.tensor.shape(), rhs.tensor.shape())
                          : some.shape();
  const Tensor y = Tensor::Empty(shape, some.options());
  binary_forward(y.device(), F::kId, lhs, rhs, y);
  if (!NeedsGrad({lhs.tensor, rhs.tensor})) return y;

  Saved saved;
  std::vector<Tensor> inputs;
  const auto add_input = [&inputs](const Tensor& tensor, Shape& shape_of) {
    inputs.push_back(tensor);
    shape_of = tensor.shape();
    return static_cast<int>(inputs.size()) - 1;
  };
  if (lhs_is_tensor) saved.lhs_input = add_input(lhs.tensor, saved.lhs_shape);
  if (rhs_is_tensor) saved.rhs_input = add_input(rhs.tensor, saved.rhs_shape);
  const bool for_lhs = lhs_is_tensor && lhs.tensor.requires_grad();
  const bool for_rhs = rhs_is_tensor && rhs.tensor.requires_grad();
  if ((for_lhs && ReadsLhs(F::kLhs)) || (for_rhs && ReadsLhs(F::kRhs))) saved.lhs = lhs;
  if ((for_lhs && ReadsRhs(F::kLhs)) || (for_rhs && ReadsRhs(F::kRhs))) saved.rhs = rhs;
  return Record(op, y, inputs, [saved](BackwardPass& pass) {
    const bool lhs = saved.lhs_input >= 0 && pass.Needs(saved.lhs_input);
    const bool rhs = saved.rhs_input >= 0 && pass.Needs(saved.rhs_input);
    if (rhs) GiveGradient<F, Side::kRhs>(pass, saved, /*grad_is_free=*/!lhs);
    if (lhs) GiveGradient<F, Side::kLhs>(pass, saved, /*grad_is_free=*/true);
  });
}

template <class F>
Tensor OfTensors(const char* op, const Tensor& lhs, const Tensor& rhs) {
  const OpScope scope(op);
  CheckFloating(op, {"lhs", lhs});
  CheckFloating(op, {"rhs", rhs});
  CheckSameKind(op, {{"lhs", lhs}, {"rhs", rhs}});
  return Apply<F>(op, Input{lhs}, Input{rhs});
}

template <class F>
Tensor WithConstant(const char* op, const Tensor& lhs, double rhs) {
  const OpScope scope(op);
  CheckFloating(op, {"lhs", lhs});
  return Apply<F>(op, Input{lhs}, Input{{}, rhs});
}

template <class F>
Tensor WithConstant(const char* op, double lhs, const Tensor& rhs) {
  const OpScope scope(op);
  CheckFloating(op, {"rhs", rhs});
  return Apply<F>(op, Input{{}, lhs}, Input{rhs});
}

}  // namespace

#define CONVOY_BINARY(Name, ...)                              \
  Tensor Name(const Tensor& lhs, const Tensor& rhs) {         \
    return OfTensors<scalar::Name>(k##Name.name(), lhs, rhs); \
  }
#include "ops/pointwise/binary_table.h"

Tensor Where(const Tensor& condition, const Tensor& if_true, const Tensor& if_false) {
  const char* op = kWhere.name();
  const OpScope scope(op);
  CheckDType(op, {"condition", condition}, DType::kBool);
  CheckFloating(op, {"if_true", if_true});
  CheckFloating(op, {"if_false", if_false});
  CheckSameKind(op, {{"if_true", if_true}, {"if_false", if_false}});
  CONVOY_CHECK(condition.device() == if_true.device(),
               "[Where] devices differ: condition on {}, if_true on {}; use To",
               condition.device().ToString(), if_true.device().ToString());
  const Shape shape = BroadcastShapes(op, BroadcastShapes(op, if_true.shape(), if_false.shape()),
                                      condition.shape());
  const Tensor y = Tensor::Empty(shape, if_true.options());
  where_forward(y.device(), condition, Operand::Of(if_true), Operand::Of(if_false), {y, false});

  const Shape shapes[] = {if_true.shape(), if_false.shape()};
  return Record(op, y, {if_true, if_false}, [condition, shapes](BackwardPass& pass) {
    const Tensor& dy = pass.grad();
    for (const int i : {1, 0}) {  // input 0 last: it may take over the gradient's memory
      if (!pass.Needs(i)) continue;
      const auto compute = [&](const GradTarget& dx) {
        const Operand taken = Operand::Of(dy), other = Operand::Constant(0);
        where_forward(dy.device(), condition, i == 0 ? taken : other, i == 0 ? other : taken, dx);
      };
      if (shapes[i] == dy.shape()) {
        compute(i == 0 || !pass.Needs(0) ? pass.InPlace(i) : pass.Target(i));
        continue;
      }
      const Tensor whole = Tensor::Empty(dy.shape(), dy.options());
      compute({whole, false});
      pass.Write(i, [&](const Tensor& dx) { SumTo(whole, dx); });
    }
  });
}

Tensor operator+(const Tensor& lhs, const Tensor& rhs) { return Add(lhs, rhs); }
Tensor operator-(const Tensor& lhs, const Tensor& rhs) { return Sub(lhs, rhs); }
Tensor operator*(const Tensor& lhs, const Tensor& rhs) { return Mul(lhs, rhs); }
Tensor operator/(const Tensor& lhs, const Tensor& rhs) { return Div(lhs, rhs); }

Tensor operator+(const Tensor& lhs, double rhs) {
  return WithConstant<scalar::Add>(kAdd.name(), lhs, rhs);
}
Tensor operator-(const Tensor& lhs, double rhs) {
  return WithConstant<scalar::Sub>(kSub.name(), lhs, rhs);
}
Tensor operator*(const Tensor& lhs, double rhs) {
  return WithConstant<scalar::Mul>(kMul.name(), lhs, rhs);
}
Tensor operator/(const Tensor& lhs, double rhs) {
  return WithConstant<scalar::Div>(kDiv.name(), lhs, rhs);
}
Tensor operator+(double lhs, const Tensor& rhs) {
  return WithConstant<scalar::Add>(kAdd.name(), lhs, rhs);
}
Tensor operator-(double lhs, const Tensor& rhs) {
  return WithConstant<scalar::Sub>(kSub.name(), lhs, rhs);
}
Tensor operator*(double lhs, const Tensor& rhs) {
  return WithConstant<scalar::Mul>(kMul.name(), lhs, rhs);
}
Tensor operator/(double lhs, const Tensor& rhs) {
  return WithConstant<scalar::Div>(kDiv.name(), lhs, rhs);
}

}  // namespace convoy
