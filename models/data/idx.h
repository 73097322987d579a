// Reader of IDX files, the format of MNIST: gzip-compressed or plain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy {

/// An array of bytes, row-major.
struct IdxArray {
  std::vector<int64_t> dims;
  std::vector<uint8_t> values;
};

/// Reads an IDX file of unsigned bytes with `ndim` dimensions; whether it is compressed is seen
/// from its content.
/// Throws: Error naming the file, what was expected and what was found, if it cannot be opened, is
/// of another kind (which is named), is corrupt, is shorter or longer than its header says, or is
/// compressed and promises more than 4 GiB. No memory is taken for sizes that the file cannot hold;
/// for a compressed one it grows with what is really there.
IdxArray ReadIdx(const std::string& path, int ndim);

}  // namespace convoy
