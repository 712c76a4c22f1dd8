// Preloaded into a server that chooses its own address: binds it to loopback, on a free port, and
// says which one on a line of its own.
import { Server } from "node:net";

const listen = Server.prototype.listen;

Server.prototype.listen = function (...given) {
  const ready = given.find((argument) => typeof argument === "function");
  return listen.call(this, 0, "127.0.0.1", () => {
    console.log(`listening on ${this.address().port}`);
    ready?.();
  });
};
