// What a TcpStore asks its server, and what it is answered, as frames.
#include "parallel/store/store_messages.h"

#include "parallel/net/frame.h"

namespace convoy::store {
namespace {

// u32 count, then the texts. The count is compared with what can be there before anything is made.
void PutKeys(net::FrameWriter& writer, const std::vector<std::string>& keys) {
  writer.U32(static_cast<uint32_t>(keys.size()));
  for (const std::string& key : keys) writer.Text(key);
}

bool GetKeys(net::FrameReader& reader, std::vector<std::string>& keys) {
  const size_t count = reader.U32();
  if (count > kMaxKeys || count * sizeof(uint32_t) > reader.rest_bytes()) return false;
  keys.reserve(count);
  for (size_t i = 0; i < count && reader.ok(); ++i) keys.emplace_back(reader.Text(kMaxKeyBytes));
  return reader.ok();
}

}  // namespace

std::string Frame(const StoreRequest& request) {
  net::FrameWriter writer(static_cast<uint8_t>(request.kind));
  PutKeys(writer, request.keys);
  switch (request.kind) {
    case StoreRequest::Kind::kSet:
      writer.Text(request.value);
      break;
    case StoreRequest::Kind::kAdd:
      writer.I64(request.amount);
      break;
    case StoreRequest::Kind::kGet:
    case StoreRequest::Kind::kWait:
      writer.U64(request.timeout_ms);
      break;
  }
  return writer.Take();
}

std::optional<StoreRequest> ParseStoreRequest(std::string_view body) {
  net::FrameReader reader(body);
  StoreRequest request;
  request.kind = static_cast<StoreRequest::Kind>(reader.U8());
  if (!GetKeys(reader, request.keys)) return {};
  switch (request.kind) {
    case StoreRequest::Kind::kSet:
      request.value = reader.Text(kMaxValueBytes);
      break;
    case StoreRequest::Kind::kAdd:
      request.amount = reader.I64();
      break;
    case StoreRequest::Kind::kGet:
    case StoreRequest::Kind::kWait:
      request.timeout_ms = reader.U64();
      break;
    default:
      return {};
  }
  const bool one = request.keys.size() == 1;
  if (!reader.Finished() || (!one && request.kind != StoreRequest::Kind::kWait)) return {};
  return request;
}

std::string Frame(const StoreReply& reply) {
  net::FrameWriter writer(static_cast<uint8_t>(reply.kind));
  writer.Text(reply.text).I64(reply.sum).U32(reply.missing);
  PutKeys(writer, reply.keys);
  return writer.Take();
}

std::optional<StoreReply> ParseStoreReply(std::string_view body) {
  net::FrameReader reader(body);
  StoreReply reply;
  const uint8_t kind = reader.U8();
  if (kind < static_cast<uint8_t>(StoreReply::Kind::kDone) ||
      kind > static_cast<uint8_t>(StoreReply::Kind::kRefused)) {
    return {};
  }
  reply.kind = static_cast<StoreReply::Kind>(kind);
  reply.text = reader.Text(kMaxValueBytes);
  reply.sum = reader.I64();
  reply.missing = reader.U32();
  if (!GetKeys(reader, reply.keys) || !reader.Finished()) return {};
  return reply;
}

}  // namespace convoy::store
