// How many files and connections this process may have open.
#pragma once

namespace convoy {

/// Before this process opens that many more files or connections: raises its soft limit (`ulimit
/// -n`), as far as the hard one, if it leaves no room for them and some others. False if there is
/// no room even for them alone.
bool AllowDescriptors(int more);

}  // namespace convoy
