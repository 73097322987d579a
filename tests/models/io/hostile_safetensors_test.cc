// Headers that are made to harm: refused at a small price, and shown so that nothing obeys them.
#include <catch2/catch.hpp>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "models/io/safetensors.h"
#include "tests/models/data/temporary_folder.h"
#include "tests/peak_memory.h"

namespace convoy {
namespace {

using Catch::Contains;

std::string FileOf(const std::string& header, size_t data_bytes = 0) {
  std::string file(8, '\0');
  const uint64_t bytes = header.size();
  std::memcpy(file.data(), &bytes, 8);
  return file + header + std::string(data_bytes, '\0');
}

std::string Repeated(const std::string& text, size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) all += text;
  return all;
}

// Tensors without elements, "0" and on, each with a name of `name_bytes` bytes at least.
std::string ManyTensors(int count, size_t name_bytes, const std::string& shape = "0") {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    std::string name = std::to_string(i);
    if (name.size() < name_bytes) name.insert(0, name_bytes - name.size(), 'x');
    header += (i == 0 ? "\"" : ",\"") + name + R"(":{"dtype":"U8","shape":[)" + shape +
              R"(],"data_offsets":[0,0]})";
  }
  return header + "}";
}

TEST_CASE("A hostile header costs little more than its size") {
  if (!MeasuresMemory()) return;
  const TemporaryFolder folder;
  const std::string path = folder / "f";
  const auto refuses = [&](const char* what, const std::string& header, const std::string& why) {
    const std::string content = FileOf(header);
    folder.Write("f", content);
    const Outcome outcome = RunApart([&] { SafetensorsFile file(path); });
    CAPTURE(what, outcome.peak_bytes >> 20, content.size() >> 20);
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.error, Contains(why) && Contains("'" + path + "'"));
    CHECK(outcome.error.size() < 2000);
    CHECK(outcome.peak_bytes >= 0);
    CHECK(outcome.peak_bytes <= MostForRefusing(content.size()));
  };
  const size_t kMany = 20'000'000;
  const std::string zeros = Repeated("0,", kMany) + "0";
  refuses("extents", R"({"a":{"dtype":"U8","shape":[)" + zeros + R"(],"data_offsets":[0,0]}})",
          "more than 256 values");
  refuses("a list for a tensor", R"({"a":[)" + zeros + "]}", "more than 256 values");
  refuses("metadata that is a list", R"({"__metadata__":[)" + zeros + "]}",
          "__metadata__ must be an object");
  refuses("a list in metadata", R"({"__metadata__":{"k":[)" + zeros + "]}}",
          "__metadata__ 'k' must be text");
  refuses("empty lists", R"({"a":)" + std::string(1, '[') + Repeated("[],", kMany / 2) + "0]}",
          "more than 256 values");
  refuses("depth", R"({"a":)" + std::string(kMany, '['), "nested too deep");
  refuses("a long name", "{\"" + std::string(kMany, 'n') + "\":0}", "more than 4194304 bytes");
  refuses("a long text", R"({"__metadata__":{"k":")" + std::string(kMany, 't') + "\"}}",
          "more than 4194304 bytes");
  refuses("a text without an end", "{\"" + std::string(kMany, 'n'), "more than 4194304 bytes");
  refuses("short of the limit", "{\"" + std::string(4'000'000, 'n') + "\":0}",
          "has 4000000 bytes, and 1024 are the most");
  refuses("no JSON", "{" + std::string(kMany, 'x'), "not valid JSON");
  refuses("no JSON, in a text", "{\"" + std::string(4'000'000, 'x') + "\x01", "not valid JSON");
  std::string keys;
  for (int i = 0; i < 1'000'000; ++i) keys += "\"" + std::to_string(i) + "\":\"\",";
  refuses("metadata of many keys", R"({"__metadata__":{)" + keys + R"("x":""}})",
          "more than 16384 keys");
  refuses("many tensors", ManyTensors(500'000, 0), "more than 262144 tensors");
  refuses("many tensors of many extents", ManyTensors(262'144, 0, Repeated("0,", 63) + "0"),
          "more than 2097152 extents together");
  refuses("tensors that end badly", ManyTensors(260'000, 0).substr(0, 10'000'000) + "?",
          "not valid JSON");
  refuses("many long names, one twice", "{" + ManyTensors(60'000, 1000).substr(1, 60'000'000) + "?",
          "not valid JSON");
}

TEST_CASE("Limits are beyond what files of use have") {
  const TemporaryFolder folder;
  SafetensorsFile many(folder.Write("many", FileOf(ManyTensors(262'144, 0))));
  CHECK(many.entries().size() == 262'144);
  CHECK(many.Contains("262143"));
  CHECK_FALSE(many.Contains("262144"));

  const std::string name(1024, 'n');
  std::string header = "{\"" + name + R"(":{"dtype":"U8","shape":[1)";
  for (int i = 1; i < 64; ++i) header += ",1";
  const std::string end = R"(],"data_offsets":[0,1]}})";
  CHECK(SafetensorsFile(folder.Write("f", FileOf(header + end, 1))).At(name).dims.size() == 64);
  CHECK_THROWS_WITH(SafetensorsFile(folder.Write("f", FileOf(header + ",1" + end, 1))),
                    Contains("65 extents, and 64 are the most"));

  const Tensor x = Tensor::Scalar(1.0f);
  SaveSafetensors(folder / "f", {{name, x}}, {{"k", std::string(4'000'000, 't')}});
  CHECK(SafetensorsFile(folder / "f").metadata().at("k").size() == 4'000'000);
  CHECK_THROWS_WITH(SaveSafetensors(folder / "f", {{name + "n", x}}),
                    Contains("has 1025 bytes, and 1024 are the most"));
}

TEST_CASE("What is over a limit of the reader is not saved either") {
  const TemporaryFolder folder;
  const Tensor x = Tensor::Scalar(1.0f);
  const auto save = [&](const ParameterList& tensors, const Metadata& metadata) {
    SaveSafetensors(folder / "f", tensors, metadata);
    SafetensorsFile file(folder / "f");
  };
  Metadata most;
  for (int i = 0; i < 16'384; ++i) most[std::to_string(i)] = "";
  save({{"x", x}}, most);
  most["one more"] = "";
  CHECK_THROWS_WITH(save({{"x", x}}, most),
                    Contains("metadata of 16385 entries, and 16384 are the most"));
  CHECK_THROWS_WITH(save({{"x", x}}, {{std::string(1025, 'k'), ""}}),
                    Contains("a key of the metadata has 1025 bytes, and 1024 are the most"));
  // A control character is written as six.
  save({{"x", x}}, {{"k", std::string(699'050, '\x01')}});
  CHECK_THROWS_WITH(save({{"x", x}}, {{"k", std::string(699'051, '\x01')}}),
                    Contains("cannot be saved: a string has more than 4194304 bytes"));
  ParameterList many;
  for (int i = 0; i <= 262'144; ++i) many.push_back({std::to_string(i), x});
  CHECK_THROWS_WITH(save(many, {}), Contains("262145 tensors, and 262144 are the most"));
}

TEST_CASE("Names and dtypes of a file are shown without what a terminal would obey") {
  const TemporaryFolder folder;
  const auto error = [&](const std::string& header, size_t data_bytes) {
    try {
      SafetensorsFile(folder.Write("f", FileOf(header, data_bytes))).At("none");
    } catch (const Error& problem) {
      return std::string(problem.what());
    }
    return std::string();
  };
  const std::string evil = R"(\u001b[31mred\r\n\u009b1A\u202egnp)";
  const std::string shown = "\\x1b[31mred\\x0d\\x0a\\xc2\\x9b1A\\xe2\\x80\\xaegnp";
  for (const std::string& header : {
           R"({")" + evil + R"(":{"dtype":"U8","shape":[3],"data_offsets":[0,2]}})",
           R"({")" + evil + R"(":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
           R"({")" + evil + R"(":7})",
           R"({"a":{"dtype":")" + evil + R"(","shape":[2],"data_offsets":[0,2]}})",
           R"({"a":{"dtype":"U8","shape":[")" + evil + R"("],"data_offsets":[0,2]}})",
           R"({"__metadata__":{")" + evil + R"(":7}})",
           R"({"a":{")" + evil + R"(":7,")" + evil + R"(":7}})",
       }) {
    const std::string text = error(header, 2);
    CAPTURE(header, text);
    CHECK_FALSE(text.empty());
    for (const char c : text) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    CHECK(text.find("\xc2\x9b") == text.npos);
    CHECK(text.find("\xe2\x80\xae") == text.npos);
    const bool quoted_by_json = text.find("\\u001b") != text.npos;  // a dump
    if (!quoted_by_json) CHECK_THAT(text, Contains(shown));
  }
}

}  // namespace
}  // namespace convoy
