// Checkpoints in a format of the user's own, chosen by the ending of a file's name.
#include "models/io/tensor_file.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "core/base/error.h"
#include "models/checkpoint.h"
#include "models/io/safetensors.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

// One tensor (N) of f32 as a line of text: its name, then its elements.
class LineFile final : public TensorFile {
 public:
  explicit LineFile(const std::string& path) : path_(path) {
    std::ifstream file(path);
    CONVOY_CHECK(file, "[Line] cannot open '{}'", path);
    Entry entry{.name = {}, .dtype = "F32", .dims = {}};
    file >> entry.name;
    for (float x = 0; file >> x;) values_.push_back(x);
    entry.dims = {static_cast<int64_t>(values_.size())};
    entries_.push_back(entry);
  }

  const std::string& path() const override { return path_; }
  const std::vector<Entry>& entries() const override { return entries_; }
  const Metadata& metadata() const override { return metadata_; }
  bool SameElements(const Entry& a, const Entry& b) const override { return &a == &b; }
  Tensor Load(const std::string&, Device device) const override {
    return Tensor::From({static_cast<int64_t>(values_.size())}, values_, device);
  }

 private:
  std::string path_;
  std::vector<Entry> entries_;
  std::vector<float> values_;
  Metadata metadata_;
};

const RegisterTensorFormat kLine({
    .ending = ".line",
    .open = [](const std::string& path) { return std::make_unique<const LineFile>(path); },
    .save =
        [](const std::string& path, const ParameterList& tensors, const Metadata&) {
          std::ofstream file(path);
          file << tensors[0].name;
          for (const float x : tensors[0].tensor.ToVector<float>()) file << ' ' << x;
        },
});

TEST_CASE("A format that registers itself is read and written by its ending") {
  const TemporaryFolder folder;
  const ParameterList saved = {{"x", Tensor::From<float>({3}, {1, 2.5, -3})}};
  SaveParameters(folder / "model.line", saved);
  std::string text;
  std::getline(std::ifstream(folder / "model.line"), text);
  CHECK(text == "x 1 2.5 -3");

  const ParameterList loaded = {{"x", Tensor::Zeros({3})}};
  LoadParameters(folder / "model.line", loaded);
  CHECK(loaded[0].tensor.ToVector<float>() == std::vector<float>{1, 2.5, -3});
  CHECK_THROWS_WITH(LoadParameters(folder / "model.line", {{"y", Tensor::Zeros({3})}}),
                    Catch::Contains("lacks 1 of the model's 1 tensors: y"));
  CHECK_THROWS_WITH(LoadParameters(folder / "none.line", loaded),
                    Catch::StartsWith("[Line] cannot open"));
}

TEST_CASE("A file of any other name is safetensors") {
  const TemporaryFolder folder;
  const ParameterList saved = {{"x", Tensor::Full({2}, 7)}};
  for (const char* name : {"model.safetensors", "model", "model.bin", "line"}) {
    CAPTURE(name);
    SaveParameters(folder / name, saved);
    CHECK(SafetensorsFile(folder / name).At("x").dims == std::vector<int64_t>{2});
    const ParameterList loaded = {{"x", Tensor::Zeros({2})}};
    LoadParameters(folder / name, loaded);
    CHECK(loaded[0].tensor.ToVector<float>() == std::vector<float>{7, 7});
  }
}

}  // namespace
}  // namespace convoy
