// Takes messages by a server from npm, acknowledges each with AA as that server does, and writes each as a line of JSON.
// node server.mjs (node-hl7-server | simple-hl7) PORT; runs until its standard input ends.
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [library, port] = process.argv.slice(2);
const say = (found) => process.stdout.write(JSON.stringify(found) + "\n");

const servers = {
  "node-hl7-server": () => {
    const { Server } = require("node-hl7-server");
    const inbound = new Server({ bindAddress: "127.0.0.1" }).createInbound({ port: Number(port) }, async (req, res) => {
      const message = req.getMessage();
      say({ id: message.get("MSH.10").toString(), placer: message.get("ORC.2.1").toString() });
      await res.sendResponse("AA");
    });
    inbound.on("listen", () => say({ listening: true }));
  },

  "simple-hl7": () => {
    const hl7 = require("simple-hl7");
    const app = hl7.tcp();
    app.use((req, res, next) => {
      say({ id: req.msg.header.getField(8), placer: req.msg.getSegment("ORC").getComponent(2, 1) });
      next();
    });
    app.use((req, res) => res.end());
    app.use((error, req, res, next) => say({ error: error.message }));
    app.start(Number(port), "latin1");
    say({ listening: true });
  },
};

servers[library]();
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
