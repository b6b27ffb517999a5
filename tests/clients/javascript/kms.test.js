// The life of a KMS key by the AWS SDK for JavaScript v3, which finds the server by its environment:
//     python tests/support/with_server.py node --test
import assert from "node:assert/strict";
import { createCipheriv, createDecipheriv, createPublicKey, randomBytes, verify } from "node:crypto";
import { after, test } from "node:test";

import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisabledException,
  EnableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  InvalidCiphertextException,
  KMSClient,
  KMSInvalidStateException,
  NotFoundException,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  SignCommand,
  paginateListKeys,
} from "@aws-sdk/client-kms";
import { CreateSecretCommand, GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

const client = new KMSClient({ maxAttempts: 1 });
const secrets = new SecretsManagerClient({ maxAttempts: 1 });
after(() => {
  client.destroy();
  secrets.destroy();
});

async function newKey(parameters = {}) {
  return (await client.send(new CreateKeyCommand(parameters))).KeyMetadata;
}

test("a key encrypts, rotates, and is disabled, enabled and nearly deleted", async () => {
  const key = await newKey({ Description: "of the shop", Tags: [{ TagKey: "env", TagValue: "prod" }] });
  assert.equal(key.KeyState, "Enabled");
  assert.ok(key.CreationDate instanceof Date);
  await client.send(new CreateAliasCommand({ AliasName: "alias/js/shop", TargetKeyId: key.KeyId }));
  const EncryptionContext = { file: "1" };
  const Plaintext = new Uint8Array([0, 1, 255]);
  const sealed = await client.send(new EncryptCommand({ KeyId: "alias/js/shop", Plaintext, EncryptionContext }));
  assert.equal(sealed.KeyId, key.Arn);
  await client.send(new RotateKeyOnDemandCommand({ KeyId: key.KeyId }));
  const { CiphertextBlob } = sealed;
  const opened = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
  assert.deepEqual([...opened.Plaintext], [0, 1, 255]);
  await assert.rejects(client.send(new DecryptCommand({ CiphertextBlob })), InvalidCiphertextException);

  const KeyId = key.Arn;
  await client.send(new DisableKeyCommand({ KeyId }));
  await assert.rejects(client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext })), DisabledException);
  await client.send(new EnableKeyCommand({ KeyId }));
  const planned = await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
  assert.ok(planned.DeletionDate > new Date());
  await assert.rejects(client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext })), KMSInvalidStateException);
  await client.send(new CancelKeyDeletionCommand({ KeyId }));
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
  assert.equal(KeyMetadata.KeyState, "Disabled");
  const missing = new DescribeKeyCommand({ KeyId: "11111111-2222-3333-4444-555555555555" });
  await assert.rejects(client.send(missing), NotFoundException);
});

test("a data key opens an envelope of the client's", async () => {
  const { KeyId } = await newKey();
  const made = await client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: "AES_256" }));
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", made.Plaintext, nonce);
  const sealed = Buffer.concat([cipher.update("a file"), cipher.final()]);
  const opened = await client.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
  const decipher = createDecipheriv("aes-256-gcm", opened.Plaintext, nonce).setAuthTag(cipher.getAuthTag());
  assert.equal(Buffer.concat([decipher.update(sealed), decipher.final()]).toString(), "a file");
});

test("a signature verifies in Node", async () => {
  const { KeyId } = await newKey({ KeySpec: "ECC_NIST_P256", KeyUsage: "SIGN_VERIFY" });
  const Message = Buffer.from("a message");
  const { Signature } = await client.send(new SignCommand({ KeyId, Message, SigningAlgorithm: "ECDSA_SHA_256" }));
  const { PublicKey } = await client.send(new GetPublicKeyCommand({ KeyId }));
  const key = createPublicKey({ key: Buffer.from(PublicKey), format: "der", type: "spki" });
  assert.ok(verify("sha256", Message, key, Signature));
});

test("keys are listed page by page, and keep secrets", async () => {
  const made = await Promise.all([newKey(), newKey(), newKey()]);
  const listed = new Set();
  for await (const page of paginateListKeys({ client, pageSize: 2 }, {})) {
    page.Keys.forEach((key) => listed.add(key.KeyId));
  }
  assert.ok(made.every((key) => listed.has(key.KeyId)));
  const Name = `js/under-${made[0].KeyId}`;
  await secrets.send(new CreateSecretCommand({ Name, SecretString: "v", KmsKeyId: made[0].KeyId }));
  assert.equal((await secrets.send(new GetSecretValueCommand({ SecretId: Name }))).SecretString, "v");
});
