// Where the workers of a measurement are, and whether their machines have the memory for it.
#include "tools/collectives/places.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "core/backend.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/host_name.h"
#include "tools/collectives/measure.h"

namespace convoy::collectives {
namespace {

// A worker's line when it travels: fields end with a zero byte, the rest is zeros.
constexpr size_t kLineBytes = 384;

std::string Pack(const WorkerPlace& place) {
  std::string line;
  for (const std::string& field : {place.host, std::to_string(place.pid), place.device,
                                   std::to_string(place.index), place.model}) {
    line += field.substr(0, 80) + '\0';
  }
  line.resize(kLineBytes, '\0');
  return line;
}

WorkerPlace Unpack(std::string_view line) {
  std::array<std::string, 5> fields;
  for (std::string& field : fields) {
    field = line.substr(0, line.find('\0'));
    line.remove_prefix(field.size() + 1);
  }
  return {.host = fields[0],
          .pid = std::stoi(fields[1]),
          .device = fields[2],
          .index = std::stoi(fields[3]),
          .model = fields[4]};
}

double Gib(int64_t bytes) { return static_cast<double>(bytes) / (1 << 30); }

}  // namespace

std::vector<WorkerPlace> GatherPlaces(Worker& worker) {
  const Device device = worker.device();
  const std::string mine = Pack({.host = HostName(),
                                 .pid = getpid(),
                                 .device = device.ToString(),
                                 .index = device.index,
                                 .model = GetBackend(device.type).Describe(device)});
  const int64_t length = kLineBytes;
  const Tensor input =
      Tensor::From<uint8_t>({length}, std::vector<uint8_t>(mine.begin(), mine.end()), device);
  const Tensor output = Tensor::Empty({length * worker.world_size()}, {DType::kU8, device});
  worker.group().AllGather(input, output).Wait();
  const std::vector<uint8_t> bytes = output.ToVector<uint8_t>();
  const std::string all(bytes.begin(), bytes.end());
  std::vector<WorkerPlace> places;
  for (size_t at = 0; at < all.size(); at += kLineBytes) {
    places.push_back(Unpack(std::string_view(all).substr(at, kLineBytes)));
  }
  return places;
}

int64_t AvailableBytes(std::string_view meminfo) {
  constexpr std::string_view kName = "MemAvailable:";
  const size_t line = meminfo.find(kName);
  if (line == meminfo.npos) return -1;
  const size_t digit = meminfo.find_first_not_of(' ', line + kName.size());
  int64_t kib = -1;
  if (digit != meminfo.npos) {
    std::from_chars(meminfo.data() + digit, meminfo.data() + meminfo.size(), kib);
  }
  return kib < 0 ? -1 : kib << 10;
}

int64_t HostBytesNeeded(const CollectiveBenchOptions& options, int workers, bool on_gpu) {
  const Amount amount = AmountOf(options.kind, options.dtype, options.sweep.last, workers);
  const int64_t element = static_cast<int64_t>(SizeOf(options.dtype));
  const int64_t mean = !options.average ? 0 : amount.output > 0 ? amount.output : amount.input;
  if (!on_gpu) return (amount.input + amount.output + mean) * element;
  // Known data is made and compared on the host.
  return options.checks == 0 ? 0 : std::max(amount.input, amount.output) * element;
}

void CheckMemory(Worker& worker, const std::vector<WorkerPlace>& places,
                 const CollectiveBenchOptions& options) {
  const int64_t available = AvailableBytes(ReadKernelFile("/proc/meminfo"));
  const std::string& host = places[static_cast<size_t>(worker.rank())].host;
  const int64_t here = std::count_if(places.begin(), places.end(),
                                     [&](const WorkerPlace& place) { return place.host == host; });
  const int64_t needed = HostBytesNeeded(options, worker.world_size(), !worker.device().is_cpu());
  CONVOY_CHECK(available < 0 || needed <= available / here,
               "[allreduce] {} bytes are too much for {}: its {} take {:.1f} GiB of memory, of "
               "which {:.1f} GiB are available; give a smaller -e",
               options.sweep.last, host,
               here == 1 ? std::string("worker") : fmt::format("{} workers", here),
               Gib(needed) * static_cast<double>(here), Gib(available));
  worker.group().Barrier();  // before anybody takes any
}

}  // namespace convoy::collectives
