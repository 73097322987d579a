// MNIST and the IDX files it comes in, whole and broken.
#include "models/data/mnist.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "core/base/error.h"
#include "core/base/file.h"
#include "models/data/digits.h"
#include "models/data/idx.h"
#include "tests/models/data/temporary_folder.h"

namespace convoy {
namespace {

using Catch::Contains;

std::string BigEndian(uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

std::string Header(uint32_t magic, const std::vector<uint32_t>& dims) {
  std::string bytes = BigEndian(magic);
  for (const uint32_t dim : dims) bytes += BigEndian(dim);
  return bytes;
}

// Three images of 2 x 2 pixels 0, 1, 2 ... and their labels 5, 6, 7.
std::string Images() {
  std::string bytes = Header(0x803, {3, 2, 2});
  for (char i = 0; i < 12; ++i) bytes += i;
  return bytes;
}
std::string Labels() { return Header(0x801, {3}) + "\5\6\7"; }

std::string Gzipped(const TemporaryFolder& folder, const std::string& content) {
  const gzFile file = gzopen((folder / "gz").c_str(), "wb");
  gzwrite(file, content.data(), static_cast<unsigned>(content.size()));
  gzclose(file);
  return ReadWholeFile("test", folder / "gz", int64_t{1} << 30);
}

TEST_CASE("Images come as f32 in [0, 1], labels as i32, from plain and compressed files") {
  const TemporaryFolder folder;
  SECTION("plain") {
    folder.Write("train-images-idx3-ubyte", Images());
    folder.Write("train-labels-idx1-ubyte", Labels());
  }
  SECTION("compressed, with and without the name saying so") {
    folder.Write("train-images-idx3-ubyte.gz", Gzipped(folder, Images()));
    folder.Write("train-labels-idx1-ubyte", Gzipped(folder, Labels()));
  }
  const Mnist data(folder.path(), DataSplit::kTrain);
  REQUIRE(data.size() == 3);
  REQUIRE(data.rows() == 2);
  const std::vector<int64_t> indices = {2, 0};
  const auto [images, labels, share] = data.Get(indices, Device::Cpu(1));
  REQUIRE(images.shape() == Shape{2, 4});
  REQUIRE(images.device() == Device::Cpu(1));
  REQUIRE(images.ToVector<float>() == std::vector<float>{8 / 255.0f, 9 / 255.0f, 10 / 255.0f,
                                                         11 / 255.0f, 0, 1 / 255.0f, 2 / 255.0f,
                                                         3 / 255.0f});
  REQUIRE(labels.ToVector<int32_t>() == std::vector<int32_t>{7, 5});
  REQUIRE_THROWS_WITH(data.Get(std::vector<int64_t>{3}, {}), "[Mnist] sample 3 of 3 asked for");
}

TEST_CASE("The test split has its own files, and a missing one is named with both its names") {
  const TemporaryFolder folder;
  folder.Write("train-images-idx3-ubyte", Images());
  folder.Write("train-labels-idx1-ubyte", Labels());
  REQUIRE_THROWS_WITH(Mnist(folder.path(), DataSplit::kTest),
                      "[Mnist] '" + folder.path() +
                          "' holds neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz; "
                          "give the folder with the four MNIST files");
}

TEST_CASE("Images and labels must belong together") {
  const TemporaryFolder folder;
  const std::string images = folder.Write("train-images-idx3-ubyte", Images());
  const std::string labels = folder.Write("train-labels-idx1-ubyte", Header(0x801, {2}) + "\1\2");
  REQUIRE_THROWS_WITH(Mnist(folder.path(), DataSplit::kTrain),
                      "[Mnist] '" + images + "' holds 3 images, but '" + labels + "' 2 labels");
}

TEST_CASE("What is wrong with an IDX file is said with its name, expected and found") {
  const TemporaryFolder folder;
  const auto write = [&](const std::string& content) { return folder.Write("f", content); };
  const std::string f = folder / "f";
  REQUIRE_THROWS_WITH(ReadIdx(folder / "none", 3),
                      "[Idx] cannot open '" + (folder / "none") + "': No such file or directory");
  REQUIRE_THROWS_WITH(ReadIdx(folder.path(), 3), Contains(folder.path()));
  REQUIRE_THROWS_WITH(ReadIdx(write(Labels()), 3),
                      "[Idx] '" + f +
                          "': expected magic number 0x00000803 (unsigned bytes, 3 dimensions), "
                          "found 0x00000801");
  REQUIRE_THROWS_WITH(ReadIdx(write("<html>not found</html>"), 1),
                      Contains("is a web page (HTML), but an IDX file like MNIST's is wanted"));
  REQUIRE_THROWS_WITH(ReadIdx(write("\1\2\3\4\5\6\7\x8"), 1),
                      Contains("(unsigned bytes, 1 dimension), found 0x01020304"));
  REQUIRE_THROWS_WITH(ReadIdx(write(""), 1),
                      "[Idx] '" + f + "' is truncated: expected a header of 8 bytes, found 0");
  REQUIRE_THROWS_WITH(ReadIdx(write(Images().substr(0, 10)), 3),
                      "[Idx] '" + f + "' is truncated: expected a header of 16 bytes, found 10");
  REQUIRE_THROWS_WITH(ReadIdx(write(Images().substr(0, 27)), 3),
                      "[Idx] '" + f +
                          "' is truncated: its header promises 3 x 2 x 2 bytes, but the file of 27 "
                          "bytes cannot hold them");
  REQUIRE_THROWS_WITH(
      ReadIdx(write(Images() + "x"), 3),
      "[Idx] '" + f + "' is longer than expected: its header promises 3 x 2 x 2 = 12 bytes");
}

TEST_CASE("A header that promises absurd sizes takes no memory") {
  const TemporaryFolder folder;
  const std::string huge = Header(0x803, {0xffffffff, 0xffffffff, 0xffffffff});
  REQUIRE_THROWS_WITH(ReadIdx(folder.Write("f", huge), 3), Contains("cannot hold them"));
  REQUIRE_THROWS_WITH(ReadIdx(folder.Write("f", Gzipped(folder, huge)), 3),
                      Contains("promises 4294967295 x 4294967295 x 4294967295 bytes") &&
                          Contains("cannot hold them"));
}

TEST_CASE("Broken compression is told from a short array") {
  const TemporaryFolder folder;
  std::string big = Header(0x801, {100000});
  for (uint32_t i = 0; i < 100000; ++i) big += static_cast<char>(i * i * 7 >> 3);
  std::string gz = Gzipped(folder, big);
  REQUIRE(ReadIdx(folder.Write("f", gz), 1).values.size() == 100000);
  REQUIRE_THROWS_WITH(ReadIdx(folder.Write("f", gz.substr(0, gz.size() / 2)), 1),
                      Contains("is corrupt: the compressed data ends early"));
  gz[gz.size() - 6] ^= 1;  // the checksum
  REQUIRE_THROWS_WITH(ReadIdx(folder.Write("f", gz), 1),
                      Contains("is corrupt") && Contains("incorrect data check"));
  REQUIRE_THROWS_WITH(ReadIdx(folder.Write("f", Gzipped(folder, big.substr(0, 5000))), 1),
                      Contains("is truncated") && Contains("100000"));
}

TEST_CASE("An array may have no elements") {
  const TemporaryFolder folder;
  const IdxArray array = ReadIdx(folder.Write("f", Header(0x803, {0, 28, 28})), 3);
  REQUIRE(array.dims == std::vector<int64_t>{0, 28, 28});
  REQUIRE(array.values.empty());
}

// Of which every one has about as many.
void CheckDigits(const Mnist& data) {
  std::vector<int64_t> all;
  for (int64_t i = 0; i < data.size(); ++i) all.push_back(i);
  std::vector<int64_t> counts(10);
  for (const int32_t label : data.Get(all, {}).targets.ToVector<int32_t>()) {
    ++counts.at(static_cast<size_t>(label));
  }
  for (const int64_t count : counts) CHECK(count > data.size() / 20);
}

TEST_CASE("The digits that come with Convoy are UCI's") {
  const Mnist train = Digits(DataSplit::kTrain), test = Digits(DataSplit::kTest);
  CHECK(train.size() == 1500);
  CHECK(test.size() == 297);
  CheckDigits(train);
  CheckDigits(test);
  // The first lines of the source: two rows of its first image, of 0 to 16, and ten labels.
  const std::vector<int64_t> first{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const auto [images, labels, share] = train.Get(first, {});
  REQUIRE(images.shape() == Shape{10, 64});
  const std::vector<float> pixels = images.ToVector<float>();
  const std::vector<int> rows{0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0};
  for (size_t i = 0; i < rows.size(); ++i) {
    CHECK(pixels[i] == Approx(static_cast<double>(rows[i]) / 16).margin(0.5 / 255 + 1e-6));
  }
  CHECK(labels.ToVector<int32_t>() == std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
  // And its line 1797, the last one.
  const auto [image, label, one] = test.Get(std::vector<int64_t>{296}, {});
  CHECK(image.ToVector<float>()[3] == Approx(14.0 / 16).margin(0.5 / 255 + 1e-6));
  CHECK(image.ToVector<float>()[10] == 1);
  CHECK(label.Item<int32_t>() == 8);
}

TEST_CASE("The digits' four files say the same as what is compiled in") {
  for (const DataSplit split : {DataSplit::kTrain, DataSplit::kTest}) {
    const Mnist built_in = Digits(split), read("models/data/digits", split);
    REQUIRE(read.size() == built_in.size());
    CHECK(read.rows() == 8);
    CHECK(read.columns() == 8);
    std::vector<int64_t> all;
    for (int64_t i = 0; i < read.size(); ++i) all.push_back(i);
    const auto [images, labels, share] = read.Get(all, {});
    const auto [other_images, other_labels, other_share] = built_in.Get(all, {});
    CHECK(images.ToVector<float>() == other_images.ToVector<float>());
    CHECK(labels.ToVector<int32_t>() == other_labels.ToVector<int32_t>());
  }
}

TEST_CASE("Images in memory must be as many as their labels") {
  CHECK(Mnist(2, 1, {1, 2, 3, 4}, {7, 8}).size() == 2);
  REQUIRE_THROWS_WITH(Mnist(2, 1, {1, 2, 3}, {7, 8}),
                      "[Mnist] expected 2 x 1 pixels for each of 2 labels, found 3 bytes");
}

TEST_CASE("The real files are what they are said to be") {
  const char* root = std::getenv("CONVOY_DATA");
  if (root == nullptr) {
    std::cout << "SKIPPED: MNIST's own files: set CONVOY_DATA to a folder with mnist/\n";
    return;
  }
  const std::string folder = std::string(root) + "/mnist";
  for (const DataSplit split : {DataSplit::kTrain, DataSplit::kTest}) {
    const Mnist data(folder, split);
    REQUIRE(data.size() == (split == DataSplit::kTrain ? 9000 : 1000));
    REQUIRE(data.rows() * data.columns() == 784);
    CheckDigits(data);
  }
}

}  // namespace
}  // namespace convoy
