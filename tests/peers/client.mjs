// Sends every file that is named after the first two arguments, one after another on one connection, by a client from npm, and
// writes each answer as a line of JSON.  node client.mjs (node-hl7-client | simple-hl7) PORT FILE...
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const [library, port, ...files] = process.argv.slice(2);
const texts = files.map((file) => readFileSync(file, "latin1"));
const say = (answer) => process.stdout.write(JSON.stringify(answer) + "\n");

const clients = {
  "node-hl7-client": async () => {
    const { Client, Message } = require("node-hl7-client");
    const client = new Client({ host: "127.0.0.1" });
    let answered;
    const connection = client.createConnection({ port: Number(port), waitAck: true, encoding: "latin1" }, (response) => {
      const answer = response.getMessage();
      say({ code: answer.get("MSA.1").toString(), id: answer.get("MSA.2").toString() });
      answered();
    });
    for (const text of texts) {
      const done = new Promise((resolve) => (answered = resolve));
      await connection.sendMessage(new Message({ text }));
      await done;
    }
    await connection.close();
  },

  "simple-hl7": async () => {
    const hl7 = require("simple-hl7");
    const client = hl7.Server.createTcpClient({ host: "127.0.0.1", port: Number(port), keepalive: true });
    const parser = new hl7.Parser({ segmentSeperator: "\r" });
    for (const text of texts) {
      await new Promise((resolve, reject) =>
        client.send(parser.parse(text), (error, answer) => {
          if (error) return reject(error);
          const msa = answer.getSegment("MSA");
          say({ code: msa.getField(1), id: msa.getField(2) });
          resolve();
        }),
      );
    }
    client.close();
  },
};

await clients[library]();
process.exit(0);
