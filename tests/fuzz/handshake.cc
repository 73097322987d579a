// What a stranger sends instead of a handshake. The first byte says to whom.
#include "parallel/net/secret.h"
#include "tests/fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t bytes) {
  using namespace convoy;
  if (bytes == 0) return 0;
  const std::string_view text = AsText(data + 1, bytes - 1);
  if (data[0] % 2 == 0) {
    net::ServerHandshake server("sesame", "a job");
    const size_t first = data[0] / 2 < text.size() ? data[0] / 2 : text.size();
    if (server.Take(text.substr(0, first))) {
      Require(!server.Take(text.substr(first)), "who does not know the secret has no proof");
    }
    Require(!server.done(), "a stranger is not let in");
  } else {
    net::ClientHandshake client("sesame", net::Purpose::kStore, 1, "a job");
    client.Answer(text);
    Require(!client.Accepts(text) && !client.OtherJob(text),
            "what does not know the secret is not believed");
  }
  return 0;
}
