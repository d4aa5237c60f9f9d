// What the TypeScript of ch-image-ts may ask of the network: src/registry/network.ts.
#pragma once
#include "host/questions.h"

namespace chrun::net {

/// URL KEY=VALUE… → the number of the transfer, which has begun.
Words start_transfer(const Words& arguments);
/// MILLISECONDS → NUMBER STATUS FAILURE TEXT SIZE DIGEST BODY HEADER… of one that has ended, or nothing after that
/// time.
Words wait_for_transfer(const Words& arguments);
/// → NUMBER NOW TOTAL of each that is under way.
Words transfers_under_way(const Words& arguments);

}  // namespace chrun::net
