// Run: node --test tests/conformance/node/
// Every file of tests/conformance/lane, as it is cut, in one piece, and byte by byte.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { LaneLog } from "./lane.mjs";

const folder = new URL("../lane/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

function eventsOf(chunks) {
  const log = new LaneLog();
  return [...chunks.flatMap((chunk) => log.feed(chunk)), ...log.close()];
}

test("there are cases", () => assert.ok(names.length >= 60));

for (const name of names) {
  const { description, chunks, events } = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  test(`${name}: ${description}`, () => {
    const given = chunks.map((chunk) =>
      typeof chunk === "string" ? Buffer.from(chunk, "utf8") : Buffer.from(chunk.base64, "base64"),
    );
    const whole = Buffer.concat(given);
    const bytes = Array.from(whole, (byte) => Buffer.from([byte]));
    for (const cut of [given, [whole], bytes]) assert.deepEqual(eventsOf(cut), events);
  });
}
