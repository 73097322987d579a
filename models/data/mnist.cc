// MNIST, and data sets in its format (Fashion-MNIST and others): images of one channel.
#include "models/data/mnist.h"

#include <filesystem>
#include <utility>

#include "core/base/error.h"
#include "models/data/idx.h"

namespace convoy {
namespace {

std::string Find(const std::string& directory, const std::string& name) {
  const std::string plain = (std::filesystem::path(directory) / name).string();
  for (const std::string& path : {plain, plain + ".gz"}) {
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path;
  }
  Fail("[Mnist] '{}' holds neither {} nor {}.gz; give the folder with the four MNIST files",
       directory, name, name);
}

}  // namespace

Mnist::Mnist(const std::string& directory, DataSplit split) {
  const std::string prefix = split == DataSplit::kTrain ? "train" : "t10k";
  const std::string images_path = Find(directory, prefix + "-images-idx3-ubyte");
  const std::string labels_path = Find(directory, prefix + "-labels-idx1-ubyte");
  IdxArray images = ReadIdx(images_path, 3);
  IdxArray labels = ReadIdx(labels_path, 1);
  CONVOY_CHECK(images.dims[0] == labels.dims[0], "[Mnist] '{}' holds {} images, but '{}' {} labels",
               images_path, images.dims[0], labels_path, labels.dims[0]);
  rows_ = images.dims[1];
  columns_ = images.dims[2];
  pixels_ = std::move(images.values);
  labels_ = std::move(labels.values);
}

Mnist::Mnist(int64_t rows, int64_t columns, std::vector<uint8_t> pixels,
             std::vector<uint8_t> labels)
    : rows_(rows), columns_(columns), pixels_(std::move(pixels)), labels_(std::move(labels)) {
  CONVOY_CHECK(
      rows > 0 && columns > 0 && static_cast<int64_t>(pixels_.size()) == size() * rows * columns,
      "[Mnist] expected {} x {} pixels for each of {} labels, found {} bytes", rows, columns,
      size(), pixels_.size());
}

Batch Mnist::Get(std::span<const int64_t> indices, Device device) const {
  const int64_t n = static_cast<int64_t>(indices.size());
  const int64_t pixels = rows_ * columns_;
  const Tensor images = Tensor::Empty({n, pixels}, {DType::kF32, device});
  const Tensor labels = Tensor::Empty({n}, {DType::kI32, device});
  float* image = images.data<float>();
  int32_t* label = labels.data<int32_t>();
  for (const int64_t index : indices) {
    CONVOY_CHECK(index >= 0 && index < size(), "[Mnist] sample {} of {} asked for", index, size());
    const uint8_t* source = pixels_.data() + index * pixels;
    for (int64_t i = 0; i < pixels; ++i) image[i] = static_cast<float>(source[i]) / 255.0f;
    image += pixels;
    *label++ = labels_[static_cast<size_t>(index)];
  }
  return {images, labels};
}

}  // namespace convoy
