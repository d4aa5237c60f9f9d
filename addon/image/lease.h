// Who does a piece of work in storage, among processes on any number of nodes: the one that could create a file. No
// flock(2), which NFS and Lustre may not have. Whoever finds another's lease waits for the result; one whose process is
// dead is taken over.
#pragma once
#include "host/questions.h"

namespace chrun {

/// PATH → `taken`, or nothing while somebody else has it. It is renewed by itself until it is dropped.
Words take_lease(const Words& arguments);
/// PATH → `taken`, if there is one whose process is gone for good: what it was at is not touched before.
Words inherit_lease(const Words& arguments);
/// PATH: gives back a lease that was taken.
Words drop_lease(const Words& arguments);
/// Gives back all that this process has, at its end.
void drop_leases();
/// MILLISECONDS: waits.
Words wait_a_while(const Words& arguments);

}  // namespace chrun
