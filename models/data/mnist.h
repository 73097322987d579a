// MNIST, and data sets in its format (Fashion-MNIST and others): images of one channel.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "models/data/dataset.h"

namespace convoy {

/// Handwritten digits from a folder with train-images-idx3-ubyte, train-labels-idx1-ubyte (kTrain),
/// t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte (kTest), each plain or with .gz. Held as
/// bytes.
class Mnist : public Dataset {
 public:
  /// Throws: Error naming the file, if one is missing, truncated or corrupt, or if the two do not
  /// belong together.
  Mnist(const std::string& directory, DataSplit split);

  /// Images from memory: `pixels` (N, rows, columns), `labels` (N).
  /// Throws: Error if there are not rows * columns pixels for every label.
  Mnist(int64_t rows, int64_t columns, std::vector<uint8_t> pixels, std::vector<uint8_t> labels);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }

  /// Shape: images (N, rows * columns), labels (N).  DType: f32 in [0, 1], i32.
  Batch Get(std::span<const int64_t> indices, Device device) const override;

 private:
  int64_t rows_ = 0;
  int64_t columns_ = 0;
  std::vector<uint8_t> pixels_;  // (size, rows, columns)
  std::vector<uint8_t> labels_;
};

}  // namespace convoy
