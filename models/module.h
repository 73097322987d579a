// The base of layers and models: parameters and sub-modules under names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/random.h"
#include "core/tensor.h"

namespace convoy {

/// Knows its parameters and sub-modules; what it computes is the derived class's `operator()`, with
/// the arguments that suit it.
///
/// Sub-modules are members of the derived class and are referred to, so modules are neither copied
/// nor moved. Not safe to use from two threads at once.
class Module {
 public:
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// All parameters in the order of registration, with dotted names ("h.0.attn.c_attn.weight").
  ParameterList Parameters() const;
  /// Elements of all parameters.
  int64_t ParameterCount() const;

  /// Switches this module and all below it to training (the state after construction) or, with
  /// false, to evaluation, where dropout does nothing.
  void Train(bool training = true);
  bool training() const { return training_; }

  /// Restarts the random numbers that dropout draws, here and in all modules below. Workers give
  /// different seeds, so that each drops elements of its own.
  void Reseed(uint64_t seed);

 protected:
  Module() = default;
  ~Module() = default;

  /// Makes `value` a parameter of this module and returns it.
  /// Throws: Error on a name that is empty, has a dot, or is taken.
  Tensor AddParameter(const std::string& name, Tensor value);
  /// Makes `child`, which must live as long as this module, a sub-module. An empty name leaves the
  /// child's names as they are. Throws: as AddParameter.
  void AddModule(const std::string& name, Module& child);

  /// A stream of random numbers for one use: every call gives another.
  RandomStream NextStream() { return streams_.Next(); }

 private:
  struct Entry {
    std::string name;
    Tensor parameter;         // undefined for a sub-module
    Module* child = nullptr;  // null for a parameter
  };

  void CheckName(const std::string& name) const;
  void Collect(const std::string& prefix, ParameterList& list) const;
  void ReseedFrom(Random& seeds);

  std::vector<Entry> entries_;
  bool training_ = true;
  StreamSource streams_{0};
};

/// Puts a module into evaluation mode while it lives.
class EvalMode {
 public:
  explicit EvalMode(Module& module) : module_(module), before_(module.training()) {
    module_.Train(false);
  }
  ~EvalMode() { module_.Train(before_); }
  EvalMode(const EvalMode&) = delete;
  EvalMode& operator=(const EvalMode&) = delete;

 private:
  Module& module_;
  bool before_;
};

}  // namespace convoy
