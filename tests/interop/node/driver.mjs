// SPDX-License-Identifier: Apache-2.0
// Driver for nats.js: URL and bucket as arguments, commands on stdin, one answer line each.
import { connect } from "@nats-io/transport-node";
import { Objm } from "@nats-io/obj";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const nc = await connect({ servers: process.argv[2], reconnect: false });
const store = await new Objm(nc).open(process.argv[3]);

async function run(command, [name, other]) {
  switch (command) {
    case "put":
      await store.putBlob({ name }, new Uint8Array(await readFile(other)));
      return "ok";
    case "get": {
      const data = await store.getBlob(name);
      if (data === null) throw new Error("not found");
      await writeFile(other, data);
      return "ok";
    }
    case "delete":
      await store.delete(name);
      return "ok";
    case "rename":
      await store.update(name, { name: other });
      return "ok";
    default:
      return "unsupported";
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split("\t");
  let answer;
  try {
    answer = await run(command, words);
  } catch (e) {
    answer = `error ${e}`;
  }
  console.log(answer);
}
await nc.close();
