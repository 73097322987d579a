// Trainers on tiny data, as real processes: what their tests share.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "models/io/safetensors.h"
#include "ops/cast.h"
#include "tests/json.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/models/trainers/subprocess.h"

namespace convoy {

using Arguments = std::vector<std::string>;

inline Arguments Joined(Arguments first, const Arguments& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

/// A command where no GPU can be seen, simulated or real.
inline Arguments WithoutGpu(const Arguments& command) {
  return Joined({"/usr/bin/env", "CONVOY_SIM_DEVICES=0", "CUDA_VISIBLE_DEVICES="}, command);
}

/// A text that can be learned.
inline std::string Text() {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "line " + std::to_string(i * i % 97) + ", of many.\n";
  return text;
}

inline void WriteIdx(const TemporaryFolder& folder, const std::string& name,
                     const std::vector<int>& dims, const std::string& bytes) {
  std::string content{0, 0, 8, static_cast<char>(dims.size())};
  for (const int dim : dims) {
    for (int shift = 24; shift >= 0; shift -= 8) content += static_cast<char>(dim >> shift & 255);
  }
  folder.Write(name, content + bytes);
}

/// Images of 8 x 8: a bar whose place is the label, with noise.
inline void WriteDigits(const TemporaryFolder& folder, const std::string& prefix, int count) {
  std::string pixels, labels;
  unsigned noise = 1;
  for (int i = 0; i < count; ++i) {
    const int label = i * 7 % 10;
    labels += static_cast<char>(label);
    for (int p = 0; p < 64; ++p) {
      noise = noise * 1664525u + 1013904223u;
      pixels += static_cast<char>((p % 10 == label ? 150 : 0) + (noise >> 24) % 100);
    }
  }
  WriteIdx(folder, prefix + "-images-idx3-ubyte", {count, 8, 8}, pixels);
  WriteIdx(folder, prefix + "-labels-idx1-ubyte", {count}, labels);
}

/// A trainer, its tiny data and model. Four workers get uneven shares of its batches.
struct Program {
  std::string name;
  Arguments arguments;
};

class TrainerFixture {
 public:
  TrainerFixture() {
    WriteDigits(folder_, "train", 100);
    WriteDigits(folder_, "t10k", 40);
    folder_.Write("text", Text());
  }

  const TemporaryFolder& folder() const { return folder_; }

  std::vector<Program> Programs() const {
    return {
        {"gpt",
         {"--data", folder_ / "text", "--layers", "2", "--heads", "2", "--channels", "16",
          "--block-size", "16", "--batch-size", "6", "--sample", "20"}},
        {"mnist",
         {"--data", folder_.path(), "--hidden", "20,20", "--batch-size", "22", "--dropout", "0"}}};
  }

  static Arguments Command(const Program& program, const Arguments& more) {
    Arguments all{"models/trainers/" + program.name, "--device", "cpu"};  // `more` may override
    all.insert(all.end(), program.arguments.begin(), program.arguments.end());
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  /// Runs with --save and --metrics; the run must succeed.
  ProcessResult Run(const Program& program, const std::string& tag, Arguments more) const {
    for (const char* extra : {"--threads", "1", "--save"}) more.push_back(extra);
    more.push_back(Saved(tag));
    more.push_back("--metrics");
    more.push_back(folder_ / (tag + ".metrics"));
    const ProcessResult result = RunProcess(Command(program, more));
    INFO(result.out << result.err);
    REQUIRE(result.status == 0);
    return result;
  }

  std::string Saved(const std::string& tag) const { return folder_ / (tag + ".safetensors"); }

  std::vector<nlohmann::json> Metrics(const std::string& tag) const {
    std::ifstream file(folder_ / (tag + ".metrics"));
    std::vector<nlohmann::json> lines;
    for (std::string line; std::getline(file, line);) {
      lines.push_back(ParseJson(line));
    }
    return lines;
  }

 private:
  TemporaryFolder folder_;
};

inline std::string Content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Of the worst tensor: the greatest difference of an element over the greatest element, or the
/// norm of the difference over the norm, whichever is more.
inline double Difference(const std::string& path, const std::string& other) {
  const SafetensorsFile a(path), b(other);
  double worst = 0;
  for (const auto& entry : a.entries()) {
    const auto x = Cast(a.Load(entry.name), DType::kF32).ToVector<float>();
    const auto y = Cast(b.Load(entry.name), DType::kF32).ToVector<float>();
    double greatest = 0, difference = 0, squares = 0, square_difference = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double apart = double{x[i]} - double{y[i]};
      greatest = std::max(greatest, std::abs(double{x[i]}));
      difference = std::max(difference, std::abs(apart));
      squares += double{x[i]} * double{x[i]};
      square_difference += apart * apart;
    }
    worst = std::max({worst, difference / greatest, std::sqrt(square_difference / squares)});
  }
  return worst;
}

}  // namespace convoy
