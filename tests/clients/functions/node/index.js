// A rotation function as AWS documents one, by the AWS SDK for JavaScript v3: four steps, each safe to repeat.
//
// It does what ../python/lambda_function.py does.

"use strict";

const { readFile, writeFile } = require("node:fs/promises");
const {
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} = require("@aws-sdk/client-secrets-manager");

const steps = { createSecret, setSecret, testSecret, finishSecret };

exports.handler = async (event) => {
  const { SecretId: arn, ClientRequestToken: token, Step: step } = event;
  const client = new SecretsManagerClient({ endpoint: process.env.SECRETS_MANAGER_ENDPOINT });
  console.log(`${step} of version ${token} of ${arn}`);

  // Someone else's mistake, or a leftover of an earlier rotation, must not change anything.
  const metadata = await client.send(new DescribeSecretCommand({ SecretId: arn }));
  if (!metadata.RotationEnabled) {
    throw new Error(`Secret ${arn} is not enabled for rotation.`);
  }
  const stages = metadata.VersionIdsToStages[token];
  if (stages === undefined) {
    throw new Error(`Secret version ${token} has no stage for rotation of secret ${arn}.`);
  }
  if (stages.includes("AWSCURRENT")) {
    console.log(`Secret version ${token} is current already.`);
    return;
  }
  if (!stages.includes("AWSPENDING")) {
    throw new Error(`Secret version ${token} is not set as AWSPENDING for rotation of secret ${arn}.`);
  }
  if (!Object.hasOwn(steps, step)) {
    throw new Error(`Invalid step parameter ${step}.`);
  }
  await steps[step](client, arn, token);
};

// Makes a new value and keeps it as the pending version, unless an earlier attempt has.
async function createSecret(client, arn, token) {
  const current = await client.send(new GetSecretValueCommand({ SecretId: arn, VersionStage: "AWSCURRENT" }));
  try {
    await pending(client, arn, token);
    return;
  } catch (error) {
    if (error.name !== "ResourceNotFoundException") throw error;
  }
  const random = await client.send(new GetRandomPasswordCommand({ ExcludeCharacters: "/@\"'\\" }));
  await client.send(
    new PutSecretValueCommand({
      SecretId: arn,
      ClientRequestToken: token,
      SecretString: withPassword(current.SecretString, random.RandomPassword),
      VersionStages: ["AWSPENDING"],
    }),
  );
}

// Has the system take the pending password.
async function setSecret(client, arn, token) {
  const target = process.env.TARGET_FILE;
  if (target) {
    await writeFile(target, passwordOf(await pending(client, arn, token)));
  }
}

// Tries whether the system lets the pending password in.
async function testSecret(client, arn, token) {
  const password = passwordOf(await pending(client, arn, token));
  const target = process.env.TARGET_FILE;
  if (target && (await readFile(target, "utf8")) !== password) {
    throw new Error(`The system does not take the pending value of secret ${arn}.`);
  }
}

// Makes the pending version the current one.
async function finishSecret(client, arn, token) {
  const { VersionIdsToStages: versions } = await client.send(new DescribeSecretCommand({ SecretId: arn }));
  const current = Object.keys(versions).find((version) => versions[version].includes("AWSCURRENT"));
  if (current === token) return;
  await client.send(
    new UpdateSecretVersionStageCommand({
      SecretId: arn,
      VersionStage: "AWSCURRENT",
      MoveToVersionId: token,
      RemoveFromVersionId: current,
    }),
  );
}

async function pending(client, arn, token) {
  const command = new GetSecretValueCommand({ SecretId: arn, VersionId: token, VersionStage: "AWSPENDING" });
  return (await client.send(command)).SecretString;
}

function withPassword(value, password) {
  const members = membersOf(value);
  return members === null ? password : JSON.stringify({ ...members, password });
}

function passwordOf(value) {
  const members = membersOf(value);
  return members === null ? value : members.password;
}

// The members of a JSON object, or null where the value is none.
function membersOf(value) {
  try {
    const members = JSON.parse(value);
    return typeof members === "object" && !Array.isArray(members) ? members : null;
  } catch {
    return null;
  }
}
