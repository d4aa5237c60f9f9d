// The number of peers in this process's group, and the group's name, unless the user gave them: from the environment in
// which MPI and Slurm start ranks. It differs between ranks, so it is read here and not by the CLI.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "launcher/process/environment.h"

namespace chrun {

/// The number of tasks on node `node` in Slurm's notation: `8`, `4,1(x3)`, `2(x3),1`.
/// Empty where the list is malformed, or has no such node.
std::optional<int> tasks_on_node(std::string_view list, int node);

/// The number of peers on this node. Warns if it is a guess; throws Error if it is unknown.
int derive_join_count(const Environment& environment);

/// The tag that all peers on this node share, and nobody else: the Slurm step on this node, or the process
/// that starts the ranks.
std::string derive_join_tag(const Environment& environment, int parent);

/// This process's number among the ranks on its node, from 0, as given by the program that started it.
std::optional<int> local_rank(const Environment& environment);

}  // namespace chrun
