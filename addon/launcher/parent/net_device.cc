#include "launcher/parent/net_device.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "launcher/process/namespaces.h"

namespace chrun {
namespace {

/// A request with attributes, as rtnetlink(7) has it: `Body` is ifinfomsg or ifaddrmsg.
template <class Body>
class Request {
 public:
  Request(uint16_t type, uint16_t flags, const Body& body) : bytes_(NLMSG_SPACE(sizeof body)) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
    memcpy(bytes_.data(), &header, sizeof header);
    memcpy(bytes_.data() + NLMSG_HDRLEN, &body, sizeof body);
  }
  void add(uint16_t type, const void* value, size_t size) {
    const rtattr header{static_cast<uint16_t>(RTA_LENGTH(size)), type};
    const size_t at = bytes_.size();
    bytes_.resize(at + RTA_SPACE(size));
    memcpy(bytes_.data() + at, &header, sizeof header);
    memcpy(bytes_.data() + at + RTA_LENGTH(0), value, size);
  }
  const std::vector<char>& bytes() {
    const auto size = static_cast<uint32_t>(bytes_.size());
    memcpy(bytes_.data(), &size, sizeof size);
    return bytes_;
  }

 private:
  std::vector<char> bytes_;
};

/// An address of a device: how it is given to it again.
struct Address {
  ifaddrmsg header;
  std::vector<std::pair<uint16_t, std::vector<char>>> attributes;
};

/// A socket of the network namespace that this process is in.
class Link {
 public:
  explicit Link(std::string action)
      : socket_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)), action_(std::move(action)) {
    if (!socket_) throw Refused("socket").cannot(action_);
  }

  /// Returns when the kernel has done it.
  template <class Body>
  void carry_out(const char* call, Request<Body> request) {
    list(call, std::move(request), [](const nlmsghdr*) {});
  }
  /// Calls `each` with every message of the answer.
  template <class Body, class Each>
  void list(const char* call, Request<Body> request, Each each) {
    send(request.bytes());
    receive(call, each);
  }

 private:
  void send(const std::vector<char>& bytes) {
    if (::send(socket_.get(), bytes.data(), bytes.size(), 0) < 0) throw Refused("send").cannot(action_);
  }

  /// Messages up to the end of a list, or to the one that says how it went.
  template <class Each>
  void receive(const char* call, Each each) {
    alignas(nlmsghdr) char buffer[32 << 10];
    for (;;) {
      const ssize_t got = recv(socket_.get(), buffer, sizeof buffer, 0);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw Refused("recv").cannot(action_);
      auto left = static_cast<unsigned>(got);
      for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, left);
           header = NLMSG_NEXT(header, left)) {
        if (header->nlmsg_type == NLMSG_DONE) return;
        if (header->nlmsg_type != NLMSG_ERROR) {
          each(header);
          continue;
        }
        const int error = static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
        if (error == 0) return;
        throw Refused(call, -error).cannot(action_);
      }
    }
  }

  Fd socket_;
  std::string action_;
};

unsigned index_of(const std::string& name, const std::string& action) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) throw Refused("if_nametoindex").cannot(action);
  return index;
}

/// Those that are valid everywhere, and that the kernel does not make again by itself.
std::vector<Address> global_addresses(Link& link, unsigned index) {
  std::vector<Address> found;
  link.list("RTM_GETADDR", Request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}), [&](const nlmsghdr* message) {
    const auto* header = static_cast<const ifaddrmsg*>(NLMSG_DATA(message));
    if (message->nlmsg_type != RTM_NEWADDR || header->ifa_index != index) return;
    if (header->ifa_scope != RT_SCOPE_UNIVERSE || !(header->ifa_flags & IFA_F_PERMANENT)) return;
    Address address{*header, {}};
    auto left = static_cast<unsigned>(IFA_PAYLOAD(message));
    for (const auto* each = IFA_RTA(header); RTA_OK(each, left); each = RTA_NEXT(each, left)) {
      const auto* const value = static_cast<const char*>(RTA_DATA(each));
      const bool kept = each->rta_type == IFA_LOCAL || each->rta_type == IFA_ADDRESS ||
                        each->rta_type == IFA_BROADCAST || each->rta_type == IFA_FLAGS;
      if (kept) address.attributes.emplace_back(each->rta_type, std::vector(value, value + RTA_PAYLOAD(each)));
    }
    found.push_back(std::move(address));
  });
  return found;
}

/// `eth%d` as the first of eth0, eth1 … that is free; refuses a name that is taken.
std::string free_name(const std::string& pattern, const std::string& action) {
  const size_t at = pattern.find("%d");
  for (unsigned number = 0;; number++) {
    std::string name = pattern;
    if (at != std::string::npos) name.replace(at, 2, std::to_string(number));
    if (name.size() >= IFNAMSIZ || (at == std::string::npos && if_nametoindex(name.c_str()) != 0))
      throw Error("can't " + action + ": the container has a network device of that name, or the name is too long");
    if (if_nametoindex(name.c_str()) == 0) return name;
  }
}

void bring_up(Link& link, unsigned index) {
  ifinfomsg up{};
  up.ifi_index = static_cast<int>(index);
  up.ifi_flags = up.ifi_change = IFF_UP;
  link.carry_out("RTM_NEWLINK", Request(RTM_NEWLINK, NLM_F_ACK, up));
}

void give_back(Link& link, unsigned index, Address address) {
  address.header.ifa_index = index;
  Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, address.header);
  for (const auto& [type, value] : address.attributes) request.add(type, value.data(), value.size());
  link.carry_out("RTM_NEWADDR", std::move(request));
}

}  // namespace

void move_net_device(const std::string& name, const std::string& name_there, pid_t pid) {
  const std::string action = "move the network device " + name + " into the container as " + name_there;
  const Fd network = open_network(std::to_string(pid));
  Link here(action);
  ifinfomsg device{};
  device.ifi_index = static_cast<int>(index_of(name, action));
  const auto addresses = global_addresses(here, static_cast<unsigned>(device.ifi_index));
  std::string found;
  {
    const InNetwork container(network);
    found = free_name(name_there, action);
  }
  Request request(RTM_NEWLINK, NLM_F_ACK, device);
  const uint32_t target = static_cast<uint32_t>(network.get());
  request.add(IFLA_NET_NS_FD, &target, sizeof target);
  request.add(IFLA_IFNAME, found.c_str(), found.size() + 1);
  here.carry_out("RTM_NEWLINK", std::move(request));
  const InNetwork container(network);
  Link there(action);
  const unsigned index = index_of(found, action);
  // an address of version 6 is given up where the device is down
  bring_up(there, index);
  for (const Address& address : addresses) give_back(there, index, address);
}

}  // namespace chrun
