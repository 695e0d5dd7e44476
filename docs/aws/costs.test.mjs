// The calculator in costs.html, against sums done by hand and the tables that both pages show. `node --test`
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import vm from "node:vm";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
const html = read("costs.html");
const script = (id) => html.match(new RegExp(`<script[^>]* ?id="${id}">([^]*?)</script>`))[1];
const price = JSON.parse(script("prices"));
const { yearly, privateCa, typical } = vm.runInNewContext(`${script("model")}; ({ yearly, privateCa, typical })`, {});

const idle = { certificates: 0, entries: 0, revoked: 0, runs: 4, key: "ecc", alarms: 19, slack: 0 };
const close = (actual, expected) => assert.ok(Math.abs(actual - expected) < 0.005, `${actual} is not ${expected}`);

test("an idle authority costs its keys, alarms, metrics, and its runs", () => {
  const { parts, total } = yearly(idle, price);
  close(parts["KMS: four keys"], 48);
  close(parts["CloudWatch: alarms"], 22.8);
  close(parts["CloudWatch: metrics"], 15 * 12 * 0.3 * 4 / 24);
  close(parts["Step Functions"], 4 * 365 * 10 * 0.000025);
  close(parts["KMS: signatures"], 4 * 365 * 2 * 0.000015);
  close(total, Object.values(parts).reduce((sum, part) => sum + part));
  assert.ok(total > 79.5 && total < 80.5, total);
});

test("a certificate costs its signature, its writes and little else", () => {
  const of = (certificates) => {
    const { parts, total } = yearly({ ...idle, certificates }, price);
    return total - parts["CloudWatch: metrics"];
  };
  const [a, b] = [of(0), of(1_000_000)];
  const by_hand =
    15 + // signatures
    12 + // encryption
    0.2 + 0.05 * 0.125 * 16.6667 + // Lambda
    40 * 0.625 + 4 * 0.125 + 4 * 6 * 0.45 + // DynamoDB: 4 GB for six months on average
    2 * 0.4 + // S3
    0.5 + // SNS
    4 * 0.5 + // logs
    5; // X-Ray
  close(b - a, by_hand);
});

test("metrics are charged by the hours in which they are told, and by no more than there are", () => {
  const of = (certificates) => yearly({ ...idle, certificates }, price).parts["CloudWatch: metrics"];
  close(of(365), 15 * 12 * 0.3 * 5 / 24);
  close(of(1_000_000), 15 * 12 * 0.3);
});

test("each entry of tls.json is asked for at every run", () => {
  const of = (entries, runs) => yearly({ ...idle, entries, runs }, price).parts["Step Functions"];
  close(of(1000, 4) - of(0, 4), 1000 * 1460 * 3 * 0.000025);
  close((of(1000, 1) - of(0, 1)) * 4, of(1000, 4) - of(0, 4));
});

test("RSA 2048 is signed with at the price of symmetric keys", () => {
  const of = (key) => yearly({ ...idle, certificates: 1e6, key }, price).parts["KMS: signatures"];
  close(of("rsa2048") * 5, of("ecc"));
  close(of("mldsa"), of("ecc"));
});

test("AWS Private CA charges each CA, and certificates by tiers of a month", () => {
  close(privateCa(0, price).general, 9600);
  close(privateCa(12 * 1000, price).general, 9600 + 12 * 750);
  close(privateCa(12 * 11000, price).general, 9600 + 12 * (750 + 9000 * 0.35 + 1000 * 0.001));
  close(privateCa(1000, price).short, 1200 + 58);
});

test("the tables of both pages are what the calculator says", () => {
  const numbers = [100, 1000, 10_000, 100_000, 1_000_000];
  const rows = [...html.match(/<table id="typical">[^]*?<\/table>/)[0].matchAll(/<tr>((?:<td>[\d,]+<\/td>)+)<\/tr>/g)];
  const shown = rows.map(([, cells]) => [...cells.matchAll(/<td>([\d,]+)<\/td>/g)].map(([, text]) => text));
  const right = numbers.map((number) => [number.toLocaleString("en-US"), ...typical(number, price)]);
  assert.deepEqual(shown, right);
  const page = read("costs.md");
  for (const row of right) {
    assert.ok(page.includes(`| ${row.join(" | ")} |`), `costs.md lacks | ${row.join(" | ")} |`);
  }
});

test("the page loads nothing", () => {
  assert.doesNotMatch(html, /(?:src|href)\s*=\s*"(?:https?:)?\/\//);
  assert.match(html, /default-src 'none'/);
});

test("the prices in costs.md are those of the page", () => {
  const page = read("costs.md");
  for (const name of Object.keys(price)) {
    assert.ok(page.includes(`\`${name}\``), `costs.md does not tell of ${name}`);
  }
});
