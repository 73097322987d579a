// The flag that has steps recorded as a CUDA graph.
#pragma once

#include "models/trainers/common/flag_part.h"
#include "parallel/launch.h"

namespace convoy {

class GraphFlags final : public FlagPart {
 public:
  /// `launch` says where the run computes; it must outlive this.
  explicit GraphFlags(const LaunchOptions& launch) : launch_(launch) {}

  bool cuda_graph = false;

  void Add(CLI::App& app) override;
  void Check() const override;
  std::vector<HeaderLine> Describe() const override;

 private:
  const LaunchOptions& launch_;
};

}  // namespace convoy
