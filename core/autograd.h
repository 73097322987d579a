// Autograd: how an op records its backward, and how Backward walks the graph.
//
// An op computes its result, then calls Record with the result, its inputs and a backward
// function. Backward functions return nothing: they ask the pass where to write each input's
// gradient and whether to overwrite or add, so a parameter's gradient goes straight into its slot.
#pragma once

#include <functional>
#include <initializer_list>
#include <span>

#include "core/tensor.h"
#include "core/view.h"

namespace convoy {

namespace internal {
/// A GradTarget that owns its tensor.
struct Place {
  Tensor tensor;
  bool accumulate = false;
};
}  // namespace internal

/// One node's turn in a Backward, as its backward function sees it. Every input for which Needs
/// is true must be served exactly once, by one of Target, Write, InPlace, TargetOver, Pass.
class BackwardPass {
 public:
  BackwardPass(internal::Node& node, Tensor grad) : node_(node), grad_(std::move(grad)) {}

  /// Gradient of the node's output: same shape, dtype and device. Do not write to it.
  const Tensor& grad() const { return grad_; }

  /// Whether anything wants the gradient of input `i`.
  bool Needs(int i) const;

  /// The destination for input `i`; for kernels that can overwrite and accumulate.
  GradTarget Target(int i);

  /// For kernels that only overwrite: calls `kernel` with a tensor to fill, then adds it if needed.
  void Write(int i, const std::function<void(const Tensor& dx)>& kernel);

  /// As Target, for element-wise kernels: may be the very memory of grad(), which is then
  /// overwritten element by element and must not be read afterwards.
  GradTarget InPlace(int i);

  /// As Target, for element-wise kernels that read input `i` itself: the memory of `saved`, the
  /// backward function's own handle of that input, if nobody else can still read it (no handle of
  /// the user, no view, no other node); it is then overwritten element by element.
  GradTarget TargetOver(int i, const Tensor& saved);

  /// A tensor like grad() for an intermediate result, to be written element by element: grad()'s
  /// own memory if nobody else needs it, which must then not be read after the write.
  Tensor ReuseGrad() const;

  /// The gradient of input `i` is `gradient`, which may share memory with grad() (a view of it).
  /// Copied only if somebody else still needs either of the two.
  void Pass(int i, const Tensor& gradient);

 private:
  internal::Place PlaceOf(int i);

  internal::Node& node_;
  Tensor grad_;
};

using BackwardFunction = std::function<void(BackwardPass& pass)>;

/// Puts `output` in the graph: computed by `op` (a string literal) from `inputs` with the given
/// backward. Returns it. Does nothing if no input requires a gradient or a NoGrad is alive.
///
/// `backward` keeps alive what it captures until it has run: capture inputs as they are, the
/// output only as output.Detach() (else it would own itself).
Tensor Record(const char* op, Tensor output, std::initializer_list<Tensor> inputs,
              BackwardFunction backward);
Tensor Record(const char* op, Tensor output, std::span<const Tensor> inputs,
              BackwardFunction backward);

/// Whether Record would record for these inputs: lets an op skip what only backward needs.
bool NeedsGrad(std::initializer_list<Tensor> inputs);

/// While one is alive, this thread records no graph.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;

 private:
  bool before_;
};

/// Seed and hooks of one Backward; all are called on the calling thread.
struct BackwardOptions {
  /// Gradient of the root: same shape and dtype. Undefined: ones times `scale` (scalar root only).
  Tensor seed;
  double scale = 1.0;
  /// Before anything is computed; tells for each leaf whether this pass will reach it.
  std::function<void(const std::function<bool(const Tensor&)>& reached)> on_start;
  /// When a leaf's gradient has its last contribution of this pass.
  std::function<void(const Tensor& leaf)> on_leaf;
  /// When every leaf is done.
  std::function<void()> on_end;
};

/// Adds the gradient of `root` to every leaf that it was computed from. A leaf without a gradient,
/// or with one that an optimizer has consumed, is overwritten. The graph is freed on the way. If
/// root is a leaf itself (Dropout with a probability of 0 and Cast to the same dtype return their
/// input), its gradient is the seed.
/// Throws: Error if root requires no gradient, is not scalar (without a seed), or was walked
/// before.
void Backward(const Tensor& root, const BackwardOptions& options = {});

/// Marks a leaf's gradient as used by an optimizer: readable, but the next Backward overwrites it.
void ConsumeGrad(const Tensor& leaf);

/// Declares the gradient of a leaf present without a Backward (its slot was filled otherwise).
void MarkGradFresh(const Tensor& leaf);

/// Registers a callback that runs before grad() hands out the leaf's gradient and before a Backward
/// writes it, on the thread that does so. DataParallel uses it to wait for an allreduce that is
/// still under way. Each leaf has at most one callback. SetGradSlot removes
/// it, and so does passing an empty function.
void SetBeforeGradUse(const Tensor& leaf, std::function<void()> hook);

/// Whether the leaf holds a gradient that the next Backward would add to.
bool HasFreshGrad(const Tensor& leaf);

}  // namespace convoy
