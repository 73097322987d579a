// The three standard streams, whatever this process was started with.
#pragma once

#include <string>

namespace convoy {

/// Makes sure that descriptors 0, 1 and 2 are open: one that is closed (`>&-`, some daemons)
/// becomes /dev/null. Else the next file, socket or shared memory that is opened would get its
/// number, and what the program prints would be written into it. To be called before anything is
/// opened, which RunProgram and Launch do.
void OpenStandardStreams() noexcept;

/// Writes a text and a line's end to standard error, control characters shown as PrintableText does
/// (core/base/printable.h): the text may quote files and peers. What cannot be written there is
/// lost, and is no error.
void WriteErrorLine(const std::string& line) noexcept;

}  // namespace convoy
