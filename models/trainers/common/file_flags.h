// The flags that name what a run reads and writes beside its data.
#pragma once

#include <cstdint>
#include <string>

#include "models/trainers/common/flag_part.h"

namespace convoy {

/// Files by path; empty: none.
class FileFlags final : public FlagPart {
 public:
  std::string init;
  std::string save;
  std::string metrics;
  std::string timeline;
  int64_t timeline_steps = 1000;  ///< 0: all

  void Add(CLI::App& app) override;
  void ListFiles(FlagFiles& files) const override;
  void Check() const override;
  void Settle(const GivenFlags& given) override;
};

}  // namespace convoy
