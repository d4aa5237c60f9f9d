// The steps of checkpoints: one side becomes CRIU, the other one tells it what to do, and takes over what it restores.
#include <fcntl.h>
#include <linux/limits.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <sstream>

#include "base/error.h"
#include "base/files.h"
#include "base/image_path.h"
#include "base/records.h"
#include "launcher/log/log.h"
#include "launcher/parent/life.h"
#include "launcher/plan/creation.h"
#include "launcher/plan/entry.h"
#include "launcher/plan/outside.h"
#include "launcher/process/namespaces.h"

namespace chrun {
namespace {

Criu& criu_of(Outside& outside) {
  if (!outside.criu) throw Error("the plan has a step that needs CRIU, and no step 'pass criu' before it");
  return *outside.criu;
}

Fd open_directory(const std::string& path, const std::string& action) {
  Fd directory = above_standard(Fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  if (!directory) throw Refused("open").cannot(action + path);
  return directory;
}

/// A directory as the process `criu` has it: mounts of another mount namespace than its own are no use to it.
Fd open_for(pid_t criu, const std::string& path, const std::string& action) {
  char real[PATH_MAX];
  if (realpath(path.c_str(), real) == nullptr) throw Refused("realpath").cannot(action + path);
  return open_directory("/proc/" + std::to_string(criu) + "/root" + real, action);
}

/// Where CRIU reads or writes: its images, and its log and statistics.
struct Places {
  Places(pid_t criu, const std::string& image_path, const std::string& work_path)
      : images(open_for(criu, image_path, "use the checkpoint ")),
        work(open_for(criu, work_path, "write the log of CRIU to ")) {}

  std::vector<CriuOption> options() const {
    return {{"images_dir_fd", "", std::to_string(images.get())}, {"work_dir_fd", "", std::to_string(work.get())}};
  }

  Fd images, work;
};

/// NAME KEY VALUE … from this field on.
void add_options(std::vector<CriuOption>& options, const Step& step, size_t first) {
  if ((step.fields.size() - first) % 3 != 0) refuse_fields(step);
  for (size_t i = first; i < step.fields.size(); i += 3)
    options.push_back({field(step, i), field(step, i + 1), field(step, i + 2)});
}

/// Nothing of ours is left to undo.
void end_criu(Outside& outside) {
  outside.criu.reset();
  outside.sides->await_end();
  outside.ended = 0;
}

/// checkpoint ROOT ID IMAGES WORK DESCRIPTORS whole|memory remove|leave NAME KEY VALUE …
void checkpoint(Outside& outside, const Step& step) {
  Container container = Container::open(field(step, 0), field(step, 1));
  container.lock();
  const Json saved = container.state();
  const Status status = container.status(saved);
  const std::string action = "can't checkpoint container " + container.id() + ": ";
  if (status != Status::running && status != Status::paused) throw Error(action + "it is " + status_word(status));
  const std::string image_path = field(step, 2), work_path = field(step, 3);
  make_directories(image_path, 0700);
  make_directories(work_path, 0700);
  const Places places(outside.sides->child(), image_path, work_path);
  const bool whole = step.fields[5] == "whole";
  if (whole) {
    const std::string name = "descriptors.json";
    const Fd file(
        openat(places.images.get(), name.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) throw Refused("open").cannot("write " + image_path + "/" + name);
    write_all(file.get(), step.fields[4], image_path + "/" + name);
  }
  std::vector<CriuOption> options = places.options();
  options.push_back({"pid", "", std::to_string(Container::process(saved).pid)});
  add_options(options, step, 7);
  try {
    criu_of(outside).ask(whole ? CriuRequest::dump : CriuRequest::pre_dump, options, work_path + "/dump.log");
    while (outside.criu->next()) continue;
  } catch (const Error& failure) {
    end_criu(outside);
    throw_reworded(failure, action + failure.what());
  }
  // after a dump of memory it waits for the next one, and would complain
  if (!whole) kill(outside.sides->child(), SIGKILL);
  end_criu(outside);
  container.unlock();
  if (step.fields[6] == "remove") delete_container(container, true);
}

/// The place of a bind in the container, where links in its root lead: as CRIU has found it mounted.
std::string place_in(const Fd& root, const std::string& path) {
  const Fd place = open_in_image(root.get(), path);
  const std::string top = path_of(root.get()), found = place ? path_of(place.get()) : "";
  return found.starts_with(top + "/") ? found.substr(top.size()) : path;
}

/// The control groups that take the place of those that were saved.
void add_groups(std::vector<CriuOption>& options, const Groups& groups) {
  for (const Group& group : groups) {
    std::istringstream names(group.controllers);
    std::string name;
    do options.push_back({"cg_root", (std::getline(names, name, ','), name), group.path});
    while (!names.eof() && !group.is_unified());
  }
}

std::string restore_words(const Outside& outside) {
  return "can't restore container " + (outside.container ? outside.container->id() : "") + ": ";
}

/// Lets CRIU go on until it says `name`; true then, and false if it has done all.
bool proceed(Outside& outside, std::string_view name) {
  try {
    while (auto notice = criu_of(outside).next()) {
      if (notice->name == "orphan-pts-master" && notice->file) outside.terminal = std::move(notice->file);
      if (notice->pid > 0) outside.restored = notice->pid;
      if (notice->name == name) return true;
    }
  } catch (const Error& failure) {
    throw_reworded(failure, restore_words(outside) + failure.what());
  }
  return false;
}

/// Lets a group search a directory that was made for its owner alone.
void let_search(const Fd& directory, const std::string& path, std::string_view group) {
  struct stat status;
  if (group == "-") return;
  const std::string action = "let the root of the container's user namespace search " + path;
  if (fstat(directory.get(), &status) != 0) throw Refused("fstat").cannot(action);
  if ((status.st_mode & S_IXOTH) != 0) return;
  const auto number = static_cast<gid_t>(parse_number(group, 0xfffffffe, "a group"));
  if (fchown(directory.get(), static_cast<uid_t>(-1), number) != 0) throw Refused("chown").cannot(action);
  if (fchmod(directory.get(), (status.st_mode & 07700) | S_IXGRP) != 0) throw Refused("chmod").cannot(action);
}

/// restore IMAGES WORK ROOTFS GROUP|- NAME KEY VALUE …: until the namespaces are there. The option `bind` is an ext_mnt
/// whose key is found in the root file system; the group may search IMAGES.
void restore(Outside& outside, const Step& step) {
  const std::string image_path = field(step, 0), work_path = field(step, 1);
  make_directories(work_path, 0700);
  const Places places(outside.sides->child(), image_path, work_path);
  const Fd root(open(step.fields[2].data(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw Refused("open").cannot("use the root file system " + field(step, 2));
  std::vector<CriuOption> options = places.options();
  add_options(options, step, 4);
  let_search(places.images, image_path, step.fields[3]);
  for (CriuOption& option : options) {
    if (option.name == "manage_cgroups" && outside.groups.empty())
      throw Error(restore_words(outside) + "no control group could be made for it");
    if (option.name == "bind") option = {"ext_mnt", place_in(root, option.key), option.value};
  }
  add_groups(options, outside.groups);
  criu_of(outside).ask(CriuRequest::restore, options, work_path + "/restore.log");
  proceed(outside, "setup-namespaces");
}

/// restored-loopback: brings up `lo` in the network namespace of what is being restored.
void restored_loopback(Outside& outside, const Step&) {
  const InNetwork container(open_network(std::to_string(outside.restored)));
  bring_up_loopback();
}

/// restored PLACE: when CRIU has done all, the first process is ours; at PLACE it had its mounts.
void restored(Outside& outside, const Step& step) {
  while (proceed(outside, "")) continue;
  const pid_t first = criu_of(outside).restored();
  if (first <= 0) throw Error(restore_words(outside) + "CRIU does not say which process it is");
  outside.criu.reset();
  outside.sides->await_end();
  outside.sides->adopt(first);
  if (rmdir(step.fields[0].data()) != 0 && errno != ENOENT) throw Refused("rmdir").cannot("remove " + field(step, 0));
}

/// unlock: from here on others may change the container.
void unlock(Outside& outside, const Step&) {
  if (outside.container) outside.container->unlock();
}

constexpr StepKind<Outside> kOutsideKinds[] = {
    {"checkpoint", 7, kAnyFields, checkpoint},
    {"restore", 4, kAnyFields, restore},
    {"restored-loopback", 0, 0, restored_loopback},
    {"restored", 1, 1, restored},
    {"unlock", 0, 0, unlock},
};

void mount_at(const std::string& source, const std::string& place, const char* type, unsigned long flags) {
  if (mount(source.c_str(), place.c_str(), type, flags, nullptr) != 0)
    throw Refused("mount").cannot("mount " + source + " at " + place);
}

/// restored-root ROOTFS PLACE SOURCE DESTINATION …: in this mount namespace, the root file system is mounted at
/// PLACE/root, as CRIU wants it, with the places of mounts that it may lack, each like its source; PLACE/empty is an
/// empty directory.
void restored_root(Creation& creation, const Step& step) {
  if ((step.fields.size() - 2) % 2 != 0) refuse_fields(step);
  if (!(creation.namespaces & CLONE_NEWNS)) throw Error("the plan has a restored-root step in the host's namespace");
  const std::string place = field(step, 1), root = place + "/root", empty = place + "/empty";
  make_directories(place, 0700);
  mount_at("tmpfs", place, "tmpfs", MS_NOSUID | MS_NODEV);
  for (const std::string& directory : {root, empty}) {
    if (mkdir(directory.c_str(), 0555) != 0) throw Refused("mkdir").cannot("create " + directory);
  }
  mount_at(field(step, 0), root, nullptr, MS_BIND | MS_REC);
  const Fd opened = open_directory(root, "use the root file system ");
  for (size_t i = 2; i < step.fields.size(); i += 2) {
    struct stat source;
    const bool file = stat(step.fields[i].data(), &source) == 0 && !S_ISDIR(source.st_mode);
    const std::string path = field(step, i + 1);
    if (!open_in_image(opened.get(), path)) create_in_image(opened.get(), path, file);
  }
}

constexpr StepKind<Creation> kCreateKinds[] = {{"restored-root", 2, kAnyFields, restored_root}};

/// Stays open over execve(2).
std::string inherited(const Fd& file) {
  if (fcntl(file.get(), F_SETFD, 0) != 0) throw Refused("fcntl").cannot("start criu");
  return std::to_string(file.get());
}

/// criu NUMBER PATH …: becomes `criu swrk`, with the namespaces at these paths open as these descriptors.
void criu(Entry& entry, const Step& step) {
  if (step.fields.size() % 2 != 0) refuse_fields(step);
  for (size_t i = 0; i < step.fields.size(); i += 2) {
    const std::string path = field(step, i + 1);
    const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) throw Refused("open").cannot("restore into the namespace " + path);
    const int number = static_cast<int>(parse_number(step.fields[i], 1 << 20, "a descriptor"));
    if (dup2(file.get(), number) < 0) throw Refused("dup2").cannot("restore into the namespace " + path);
  }
  std::string socket = inherited(entry.creation->criu), program = "criu", command = "swrk";
  char* const words[] = {program.data(), command.data(), socket.data(), nullptr};
  // with the environment of the caller, by which it finds its own programs: that of the container is none of its
  // business
  execvp(words[0], words);
  throw Refused("execve").cannot("start criu").hinted("checkpoints need CRIU: it is the package criu of distributions");
}

constexpr StepKind<Entry> kEnterKinds[] = {{"criu", 0, kAnyFields, criu}};

}  // namespace

std::span<const StepKind<Outside>> outside_criu_kinds() { return kOutsideKinds; }
std::span<const StepKind<Creation>> restored_kinds() { return kCreateKinds; }
std::span<const StepKind<Entry>> enter_criu_kinds() { return kEnterKinds; }

}  // namespace chrun
