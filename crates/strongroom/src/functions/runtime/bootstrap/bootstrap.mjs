// Runs a function in Node.js: asks Strongroom's Runtime API for an invocation, calls the handler, answers.

import fs from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import util from "node:util";

const API = "/2018-06-01/runtime/";
const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(":");
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "";

function call(method, name, body, headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { host, port, agent, method, path: API + name, headers };
    if (body !== undefined) {
      options.headers["Content-Length"] = Buffer.byteLength(body);
      options.headers["Content-Type"] = "application/json";
    }
    const request = http.request(options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(parts).toString() }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

function setUpLog() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", trace: "TRACE", warn: "WARN", error: "ERROR" };
  for (const [name, level] of Object.entries(levels)) {
    console[name] = (...parts) => {
      const text = util.format(...parts).replace(/\n/g, "\r");
      write(`${new Date().toISOString()}\t${requestId}\t${level}\t${text}\n`);
    };
  }
}

// At once and whole, also when the process ends with the next line.
function write(text) {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(fs.writeSync(1, rest));
    } catch (error) {
      if (error.code !== "EAGAIN") return;
    }
  }
}

class NotLoaded extends Error {
  constructor(kind, message) {
    super(message);
    this.name = kind;
    this.stack = `${kind}: ${message}`;
  }
}

function described(error) {
  if (error instanceof Error) {
    const trace = (error.stack ?? "").split("\n");
    return { errorType: error.name, errorMessage: error.message, trace };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

async function load(name) {
  const folder = path.dirname(name);
  const [file, ...names] = path.basename(name).split(".");
  if (name.includes("..") || names.length === 0) {
    throw new NotLoaded("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name.`);
  }
  const root = process.env.LAMBDA_TASK_ROOT;
  const found = ["", ".js", ".mjs", ".cjs"]
    .map((ending) => path.join(root, folder, file + ending))
    .find((place) => fs.statSync(place, { throwIfNoEntry: false })?.isFile());
  let module;
  try {
    if (found === undefined) {
      module = createRequire(path.join(root, "/"))(path.join(root, folder, file));
    } else if (found.endsWith(".cjs")) {
      module = createRequire(found)(found);
    } else {
      module = await import(pathToFileURL(found));
    }
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new NotLoaded("Runtime.UserCodeSyntaxError", `SyntaxError: ${error.message}`);
    }
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw new NotLoaded("Runtime.ImportModuleError", `Error: ${error.message}`);
    }
    throw error;
  }
  const pick = (from) => names.reduce((object, each) => object?.[each], from);
  // What a CommonJS module exports in ways that can't be told beforehand is in its default export alone.
  const handler = pick(module) ?? pick(module.default);
  if (handler === undefined || handler === null) {
    throw new NotLoaded("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  }
  if (typeof handler !== "function") {
    throw new NotLoaded("Runtime.HandlerNotFound", `${name} is not a function`);
  }
  return handler;
}

// What is to be done when nothing is left to be done: a callback's result waits for that.
let whenIdle;
process.on("beforeExit", () => {
  const settle = whenIdle;
  whenIdle = undefined;
  settle?.();
});

function run(handler, event, context) {
  return new Promise((resolve, reject) => {
    let isCalled = false;
    whenIdle = () => resolve(null);
    const callback = (error, result) => {
      if (isCalled) return;
      isCalled = true;
      const settle = () => (error !== undefined && error !== null ? reject(error) : resolve(result));
      if (context.callbackWaitsForEmptyEventLoop && !error) {
        whenIdle = settle;
      } else {
        settle();
      }
    };
    context.done = callback;
    context.succeed = (result) => callback(null, result);
    context.fail = (error) => callback(error ?? "handled");
    let returned;
    try {
      returned = handler(event, context, callback);
    } catch (error) {
      reject(error);
      return;
    }
    if (typeof returned?.then === "function") {
      returned.then(resolve, reject);
    }
  });
}

async function fail(place, error) {
  const told = described(error);
  write(`${new Date().toISOString()}\t${requestId}\tERROR\tInvoke Error \t${JSON.stringify({ ...told, stack: told.trace })}\n`);
  await call("POST", place, JSON.stringify(told), { "Lambda-Runtime-Function-Error-Type": "Unhandled" });
}

async function main() {
  setUpLog();
  let place = "init/error";
  // Whatever nobody catches ends the process, as in Lambda.
  const end = async (kind, error) => {
    const named = error instanceof Error ? error : new Error(String(error));
    const unhandled = kind === undefined ? named : new NotLoaded(kind, `${named.name}: ${named.message}`);
    await fail(place, unhandled).catch(() => {});
    process.exit(129);
  };
  process.on("uncaughtException", (error) => end(undefined, error));
  process.on("unhandledRejection", (reason) => end("Runtime.UnhandledPromiseRejection", reason));
  let handler;
  try {
    handler = await load(process.env._HANDLER);
  } catch (error) {
    await fail("init/error", error);
    process.exit(1);
  }
  for (;;) {
    const { headers, body } = await call("GET", "invocation/next");
    requestId = headers["lambda-runtime-aws-request-id"];
    if (requestId === undefined) process.exit(0);
    place = `invocation/${requestId}/error`;
    const deadline = Number(headers["lambda-runtime-deadline-ms"]);
    const context = {
      callbackWaitsForEmptyEventLoop: true,
      functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
      functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
      invokedFunctionArn: headers["lambda-runtime-invoked-function-arn"],
      memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
      awsRequestId: requestId,
      logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
      logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
      getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    };
    process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
    let answer;
    try {
      answer = JSON.stringify((await run(handler, JSON.parse(body), context)) ?? null);
    } catch (error) {
      await fail(place, error);
      continue;
    } finally {
      whenIdle = undefined;
    }
    await call("POST", `invocation/${requestId}/response`, answer);
  }
}

main();
