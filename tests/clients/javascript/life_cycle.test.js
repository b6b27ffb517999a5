// The life of a secret by the AWS SDK for JavaScript v3, which finds the server by its environment:
//     python tests/support/with_server.py node --test
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, describe, test } from "node:test";

import {
  BatchGetSecretValueCommand,
  CreateSecretCommand,
  DeleteResourcePolicyCommand,
  DeleteSecretCommand,
  DescribeSecretCommand,
  GetRandomPasswordCommand,
  GetResourcePolicyCommand,
  GetSecretValueCommand,
  InvalidRequestException,
  ListSecretVersionIdsCommand,
  PutResourcePolicyCommand,
  PutSecretValueCommand,
  ResourceExistsException,
  ResourceNotFoundException,
  RestoreSecretCommand,
  RotateSecretCommand,
  SecretsManagerClient,
  SecretsManagerServiceException,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateSecretCommand,
  UpdateSecretVersionStageCommand,
  ValidateResourcePolicyCommand,
  paginateBatchGetSecretValue,
  paginateListSecrets,
} from "@aws-sdk/client-secrets-manager";

const client = new SecretsManagerClient({ maxAttempts: 1 });
after(() => client.destroy());

/** Creates a secret under a name of its own, so that the tests don't meet. */
async function created(parameters = {}) {
  const name = `js/${randomUUID()}`;
  return await client.send(new CreateSecretCommand({ Name: name, SecretString: "one", ...parameters }));
}

async function stages(id) {
  return (await client.send(new DescribeSecretCommand({ SecretId: id }))).VersionIdsToStages;
}

async function valueOf(id, more = {}) {
  return (await client.send(new GetSecretValueCommand({ SecretId: id, ...more }))).SecretString;
}

describe("the life of a secret", () => {
  test("a string is created and read", async () => {
    const made = await created({ SecretString: '{"username":"admin","password":"mypassword"}' });
    const got = await client.send(new GetSecretValueCommand({ SecretId: made.Name }));
    assert.deepEqual(JSON.parse(got.SecretString), { username: "admin", password: "mypassword" });
    assert.deepEqual(got.VersionStages, ["AWSCURRENT"]);
    assert.equal(got.VersionId, made.VersionId);
    assert.ok(got.CreatedDate instanceof Date);
    assert.ok(Math.abs(got.CreatedDate - Date.now()) < 60_000);
  });

  test("bytes are created and read", async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const made = await created({ SecretString: undefined, SecretBinary: bytes });
    const got = await client.send(new GetSecretValueCommand({ SecretId: made.ARN }));
    assert.deepEqual(Buffer.from(got.SecretBinary), Buffer.from(bytes));
    assert.equal(got.SecretString, undefined);
  });

  test("an update makes the value current and a rollback brings the old one back", async () => {
    const made = await created();
    const { VersionId: second } = await client.send(
      new UpdateSecretCommand({ SecretId: made.ARN, SecretString: "two" }),
    );
    assert.equal(await valueOf(made.ARN), "two");
    assert.deepEqual(await stages(made.ARN), { [made.VersionId]: ["AWSPREVIOUS"], [second]: ["AWSCURRENT"] });
    await client.send(
      new UpdateSecretVersionStageCommand({
        SecretId: made.ARN,
        VersionStage: "AWSCURRENT",
        MoveToVersionId: made.VersionId,
        RemoveFromVersionId: second,
      }),
    );
    assert.equal(await valueOf(made.ARN), "one");
    assert.equal(await valueOf(made.ARN, { VersionStage: "AWSPREVIOUS" }), "two");
    const versions = await client.send(new ListSecretVersionIdsCommand({ SecretId: made.ARN }));
    assert.equal(versions.Versions.length, 2);
  });

  test("a version is put under a label of its own", async () => {
    const made = await created();
    const put = await client.send(
      new PutSecretValueCommand({ SecretId: made.ARN, SecretString: "blue", VersionStages: ["blue"] }),
    );
    assert.deepEqual(put.VersionStages, ["blue"]);
    assert.equal(await valueOf(made.ARN), "one");
    assert.equal(await valueOf(made.ARN, { VersionId: put.VersionId }), "blue");
  });

  test("many are read at once, each with its own error", async () => {
    const [first, second] = [await created({ SecretString: "1" }), await created({ SecretString: "2" })];
    const answer = await client.send(
      new BatchGetSecretValueCommand({ SecretIdList: [first.Name, second.ARN, "js/nothing"] }),
    );
    assert.deepEqual(new Set(answer.SecretValues.map((value) => value.SecretString)), new Set(["1", "2"]));
    assert.deepEqual(answer.Errors, [
      {
        SecretId: "js/nothing",
        ErrorCode: "ResourceNotFoundException",
        Message: "Secrets Manager can't find the specified secret.",
      },
    ]);
  });

  test("a listing comes filtered, ordered and in pages", async () => {
    const group = `js/list/${randomUUID()}/`;
    for (const name of "cab") {
      await client.send(new CreateSecretCommand({ Name: group + name, SecretString: name }));
    }
    const Filters = [{ Key: "name", Values: [group] }];
    const pages = [];
    const options = { client, pageSize: 2 };
    for await (const page of paginateListSecrets(options, { Filters, SortBy: "name", SortOrder: "asc" })) {
      pages.push(page.SecretList.map((entry) => entry.Name.slice(group.length)));
    }
    assert.deepEqual(pages, [["a", "b"], ["c"]]);
    const values = [];
    for await (const page of paginateBatchGetSecretValue(options, { Filters })) {
      values.push(...page.SecretValues.map((value) => value.SecretString));
    }
    assert.deepEqual(values.sort(), ["a", "b", "c"]);
  });

  test("tags are set and taken away", async () => {
    const made = await created({ Tags: [{ Key: "env", Value: "prod" }] });
    await client.send(new TagResourceCommand({ SecretId: made.ARN, Tags: [{ Key: "owner", Value: "core" }] }));
    await client.send(new UntagResourceCommand({ SecretId: made.ARN, TagKeys: ["env"] }));
    const described = await client.send(new DescribeSecretCommand({ SecretId: made.ARN }));
    assert.deepEqual(described.Tags, [{ Key: "owner", Value: "core" }]);
  });

  test("a policy is checked, kept and deleted", async () => {
    const made = await created();
    const account = made.ARN.split(":")[4];
    const ResourcePolicy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        {
          Effect: "Allow",
          Principal: { AWS: `arn:aws:iam::${account}:root` },
          Action: "secretsmanager:GetSecretValue",
          Resource: "*",
        },
      ],
    });
    const checked = await client.send(new ValidateResourcePolicyCommand({ ResourcePolicy }));
    assert.equal(checked.PolicyValidationPassed, true);
    await client.send(
      new PutResourcePolicyCommand({ SecretId: made.ARN, ResourcePolicy, BlockPublicPolicy: true }),
    );
    const got = await client.send(new GetResourcePolicyCommand({ SecretId: made.ARN }));
    assert.equal(got.ResourcePolicy, ResourcePolicy);
    await client.send(new DeleteResourcePolicyCommand({ SecretId: made.ARN }));
    const gone = await client.send(new GetResourcePolicyCommand({ SecretId: made.ARN }));
    assert.equal(gone.ResourcePolicy, undefined);
  });

  test("a password is made", async () => {
    const { RandomPassword } = await client.send(
      new GetRandomPasswordCommand({ PasswordLength: 40, ExcludePunctuation: true }),
    );
    assert.match(RandomPassword, /^[A-Za-z0-9]{40}$/);
  });

  test("a secret is deleted, restored, and deleted for good", async () => {
    const made = await created();
    const deleted = await client.send(
      new DeleteSecretCommand({ SecretId: made.ARN, RecoveryWindowInDays: 7 }),
    );
    const days = (deleted.DeletionDate - Date.now()) / 86_400_000;
    assert.ok(Math.abs(days - 7) < 0.01, `${days} days`);
    await assert.rejects(valueOf(made.ARN), InvalidRequestException);
    await client.send(new RestoreSecretCommand({ SecretId: made.ARN }));
    assert.equal(await valueOf(made.ARN), "one");
    await client.send(new DeleteSecretCommand({ SecretId: made.ARN, ForceDeleteWithoutRecovery: true }));
    await assert.rejects(valueOf(made.ARN), ResourceNotFoundException);
  });
});

describe("errors", () => {
  test("a missing secret has AWS's class, words and request id", async () => {
    await assert.rejects(valueOf("js/nothing"), (error) => {
      assert.ok(error instanceof ResourceNotFoundException);
      assert.equal(error.message, "Secrets Manager can't find the specified secret.");
      assert.equal(error.$metadata.httpStatusCode, 400);
      assert.match(error.$metadata.requestId, /^[0-9a-f-]{36}$/);
      return true;
    });
  });

  test("a name that is taken has AWS's class and words", async () => {
    const made = await created();
    await assert.rejects(
      client.send(new CreateSecretCommand({ Name: made.Name, SecretString: "other" })),
      (error) => {
        assert.ok(error instanceof ResourceExistsException);
        assert.equal(error.message, `The operation failed because the secret ${made.Name} already exists.`);
        return true;
      },
    );
  });

  test("a value that breaks the model has the words of the validation", async () => {
    await assert.rejects(client.send(new GetRandomPasswordCommand({ PasswordLength: 5000 })), (error) => {
      assert.ok(error instanceof SecretsManagerServiceException);
      assert.equal(error.name, "ValidationException");
      assert.equal(
        error.message,
        "1 validation error detected: Value '5000' at 'passwordLength' failed to satisfy constraint: " +
          "Member must have value less than or equal to 4096",
      );
      return true;
    });
  });

  test("a wrong secret access key is told as such", async () => {
    const wrong = new SecretsManagerClient({
      maxAttempts: 1,
      credentials: { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: "wrong" },
    });
    await assert.rejects(
      wrong.send(new GetRandomPasswordCommand({})),
      (error) => error.name === "InvalidSignatureException",
    );
    wrong.destroy();
  });

  test("rotation is refused with words", async () => {
    const made = await created();
    await assert.rejects(
      client.send(new RotateSecretCommand({ SecretId: made.ARN })),
      (error) => error instanceof SecretsManagerServiceException && error.message.length > 20,
    );
  });
});
