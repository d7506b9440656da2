// SPDX-License-Identifier: Apache-2.0
// Driver for nats.js; see README.md.
import { connect } from "@nats-io/transport-node";
import { Objm } from "@nats-io/obj";
import { readFile, writeFile } from "node:fs/promises";
import { createInterface } from "node:readline";

const nc = await connect({ servers: process.argv[2], reconnect: false });
const store = await new Objm(nc).open(process.argv[3]);
const seen = [];

// A stream in pieces that are no multiple of anything.
function pieces(data) {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= data.length) return controller.close();
      controller.enqueue(data.subarray(at, at + 50000));
      at += 50000;
    },
  });
}

const commands = {
  async put(name, path) {
    await store.putBlob({ name }, new Uint8Array(await readFile(path)));
  },
  async pipe(name, path) {
    await store.put({ name }, pieces(new Uint8Array(await readFile(path))));
  },
  async get(name, path) {
    const data = await store.getBlob(name);
    if (data === null) throw new Error("not found");
    await writeFile(path, data);
  },
  async info(name) {
    const info = await store.info(name);
    if (info === null || info.deleted) throw new Error("not found");
    return { size: info.size, chunks: info.chunks, description: info.description };
  },
  async list() {
    return (await store.list()).filter((o) => !o.deleted).map((o) => o.name);
  },
  async delete(name) {
    await store.delete(name);
  },
  async rename(name, other) {
    await store.update(name, { name: other });
  },
  async describe(name, text) {
    const info = await store.info(name);
    await store.update(name, { ...info, description: text });
  },
  async link(name, target) {
    const info = await store.info(target);
    await store.link(name, info);
  },
  async watch() {
    const updates = await store.watch();
    (async () => {
      for await (const info of updates) if (info) seen.push([info.name, info.deleted === true]);
    })();
  },
  async seen() {
    return seen;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [command, ...words] = line.split("\t");
  let answer;
  try {
    const result = await commands[command](...words);
    answer = result === undefined ? "ok" : `ok ${JSON.stringify(result)}`;
  } catch (e) {
    answer = `error ${e}`.replaceAll("\n", " ");
  }
  console.log(answer);
}
await nc.close();
