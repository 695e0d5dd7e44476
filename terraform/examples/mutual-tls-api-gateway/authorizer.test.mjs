// node --test
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import { handler, permitted, serialNumber } from "./authorizer.mjs";

const SERIAL = "725732270238932467356021650679497159468001185756";

function certificate(name) {
  const folder = mkdtempSync(join(tmpdir(), "authorizer-"));
  try {
    const file = join(folder, "cert.pem");
    execFileSync("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
      ...["-subj", `/CN=${name}`, "-set_serial", SERIAL, "-keyout", join(folder, "key.pem"), "-out", file],
    ], { stdio: "pipe" });
    return readFileSync(file, "utf8");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const stored = (pem, further = {}) => ({ Certificate: new TextEncoder().encode(Buffer.from(pem).toString("base64")), ...further });

function ledger(rows) {
  return {
    keys: async (serial) => (serial === SERIAL ? rows.map((_, place) => place) : []),
    row: async (place) => rows[place],
  };
}

test("serial numbers are those of the rows", () => {
  assert.equal(serialNumber(certificate("a.example.com")), SERIAL);
});

test("only certificates that the ledger knows and has not revoked are permitted", async () => {
  const pem = certificate("a.example.com");
  const other = certificate("b.example.com");
  assert.equal(await permitted(pem, ledger([stored(pem)])), true);
  assert.equal(await permitted(pem, ledger([stored(pem, { Revoked: "2026-01-01 00:00:00" })])), false);
  assert.equal(await permitted(pem, ledger([])), false);
  assert.equal(await permitted(pem, ledger([stored(other)])), false, "another certificate of the same number");
  assert.equal(await permitted(pem, ledger([stored(other), stored(pem)])), true);
  assert.equal(await permitted(pem, ledger([undefined])), false, "a row that went away");
});

test("a request without a certificate is refused", async () => {
  assert.deepEqual(await handler({ requestContext: {} }), { isAuthorized: false });
});
