// Refuses client certificates that the authority has revoked, for an HTTP API with mutual TLS.
//
// API Gateway has verified the chain by then; it looks at no CRL. The certificate table has a row for every certificate,
// found by its serial number, and `Revoked` in the row of a revoked one. A certificate without a row is refused as well.
//
// Environment: CERTIFICATE_TABLE. Runtime: nodejs20.x or later. Its role needs dynamodb:Query on TABLE/index/serial,
// dynamodb:GetItem on TABLE, and kms:Decrypt on the table's key.

import { X509Certificate } from "node:crypto";

/** The decimal serial number of a certificate in PEM, as rows have it. */
export function serialNumber(pem) {
  return BigInt(`0x${new X509Certificate(pem).serialNumber}`).toString();
}

/** Whether the ledger knows the certificate and has not revoked it. `ledger` queries and gets: see `dynamo`. */
export async function permitted(pem, ledger) {
  const serial = serialNumber(pem);
  const own = new X509Certificate(pem).raw;
  for (const key of await ledger.keys(serial)) {
    const row = await ledger.row(key);
    const text = row?.Certificate && Buffer.from(Buffer.from(row.Certificate).toString(), "base64").toString();
    if (text && new X509Certificate(text).raw.equals(own)) {
      return row.Revoked === undefined;
    }
  }
  return false;
}

/** The ledger in DynamoDB. */
async function dynamo(table) {
  const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
  const { DynamoDBDocumentClient, GetCommand, QueryCommand } = await import("@aws-sdk/lib-dynamodb");
  const client = DynamoDBDocumentClient.from(new DynamoDBClient());
  return {
    async keys(serial) {
      const answer = await client.send(
        new QueryCommand({
          TableName: table,
          IndexName: "serial",
          KeyConditionExpression: "SerialNumber = :serial",
          ExpressionAttributeValues: { ":serial": serial },
        }),
      );
      return answer.Items.map(({ CommonName, SerialNumber }) => ({ CommonName, SerialNumber }));
    },
    async row(key) {
      return (await client.send(new GetCommand({ TableName: table, Key: key, ConsistentRead: true }))).Item;
    },
  };
}

let ledger;

export async function handler(event) {
  const pem = event.requestContext?.authentication?.clientCert?.clientCertPem;
  if (!pem) {
    return { isAuthorized: false };
  }
  ledger ??= await dynamo(process.env.CERTIFICATE_TABLE);
  return { isAuthorized: await permitted(pem, ledger) };
}
