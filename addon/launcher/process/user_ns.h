// New namespaces, made together with a user namespace: they belong to it.
#pragma once
#include "launcher/process/namespaces.h"

namespace chrun {

/// A map of exactly one id: all that the kernel allows without privilege (user_namespaces(7)).
struct IdMap {
  unsigned inside;
  unsigned outside;
};

/// Enters new namespaces of the kinds in `set`, a user namespace with these maps among them. Throws SysError.
void make_namespaces(NamespaceSet set, IdMap uid, IdMap gid);

}  // namespace chrun
