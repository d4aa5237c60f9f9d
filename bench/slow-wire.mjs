// A slow link on one machine: a relay that passes bytes at a given rate and with a given delay in both directions.
// (netem would do the same for any program, but not every kernel has it.)
import { connect, createServer } from 'node:net';

/** Bytes leave in order: all connections share the link. */
class Direction {
  #free = 0; // when the link is free again, in ms
  constructor(bytesPerSecond, delay) {
    this.rate = bytesPerSecond / 1000;
    this.delay = delay;
  }

  carry(from, to) {
    const late = [];
    let waiting = false;
    const sendIn = (milliseconds) => {
      waiting = true;
      setTimeout(send, milliseconds);
    };
    const send = () => {
      waiting = false;
      while (late.length > 0 && late[0].at <= performance.now()) {
        const { bytes } = late.shift();
        if (bytes === undefined) to.end();
        else if (!to.destroyed) to.write(bytes);
      }
      if (late.length > 0) sendIn(late[0].at - performance.now());
      // in flight: what fits on the link, and a queue of some milliseconds
      if (late.length < 64) from.resume();
    };
    const put = (bytes) => {
      this.#free = Math.max(this.#free, performance.now()) + (bytes?.length ?? 0) / this.rate;
      late.push({ at: this.#free + this.delay, bytes });
      if (late.length >= 64) from.pause();
      if (!waiting) sendIn(this.delay);
    };
    from.on('data', put);
    from.on('end', () => put(undefined));
    for (const end of [from, to]) end.on('error', () => to.destroy());
  }
}

// usage: node slow-wire.mjs PORT BYTES-PER-SECOND DELAY (one way, in ms); prints the port to use in place of PORT
const [port, rate, delay] = process.argv.slice(2).map(Number);
const [there, back] = [new Direction(rate, delay), new Direction(rate, delay)];
const server = createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  there.carry(near, far);
  back.carry(far, near);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
