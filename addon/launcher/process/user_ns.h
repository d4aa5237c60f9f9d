// User and mount namespaces, always made together: the mounts belong to the user namespace.
#pragma once

namespace chrun {

/// A map of exactly one id: all that the kernel allows without privilege (user_namespaces(7)).
struct IdMap {
  unsigned inside;
  unsigned outside;
};

/// Enters a new user namespace with these maps, and a new mount namespace that it owns. Throws SysError.
void enter_user_namespace(IdMap uid, IdMap gid);

}  // namespace chrun
