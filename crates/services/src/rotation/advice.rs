//! What to do about a step that failed, from what is known of the failure.
//!
//! Source: AWS Secrets Manager User Guide, Troubleshoot rotation; reference/rotation.md §8.

use super::function::NotRun;
use super::step::Step;

/// Words of a function about its failure, and what helps. The first that is found counts.
const KNOWN: &[(&str, &str)] = &[
    (
        "is not enabled for rotation",
        "turn rotation on with RotateSecret",
    ),
    (
        "has no stage for rotation",
        "the pending version is gone; start the rotation again with RotateSecret",
    ),
    (
        "not set as AWSPENDING for rotation",
        "somebody moved AWSPENDING while the rotation ran; look at it with `strongroom rotation show` and start again",
    ),
    (
        "Database engine must be set to",
        "set engine in the secret's JSON to what the function is for",
    ),
    (
        "key is missing from secret JSON",
        "add the missing key to the secret's JSON with PutSecretValue",
    ),
    (
        "Unable to clone user",
        "use a shorter user name, or a function for a single user",
    ),
    (
        "Attempting to modify user",
        "the pending version names another user or host than the current one; `strongroom rotation repair` abandons it, \
         then rotate again",
    ),
    (
        "Unable to log into database",
        "none of the secret's credentials open the database: put one that does in with PutSecretValue, and see that \
         the database can be reached",
    ),
    (
        "Task timed out",
        "give the function more time with UpdateFunctionConfiguration, or see what it waits for in its log",
    ),
    (
        "OutOfMemory",
        "give the function more memory with UpdateFunctionConfiguration",
    ),
    (
        "signal: killed",
        "the function was killed, most likely for memory: give it more with UpdateFunctionConfiguration",
    ),
    (
        "ImportModuleError",
        "the function's zip lacks a module or its handler: build it with all that it imports, for the runtime that it names",
    ),
    (
        "No module named",
        "the function's zip lacks a module: build it with all that it imports",
    ),
    (
        "AccessDenied",
        "allow the function's execution role what its log says it was denied; `strongroom access explain` tells why",
    ),
    (
        "Could not connect to the endpoint",
        "the function can't reach this server: set SECRETS_MANAGER_ENDPOINT or AWS_ENDPOINT_URL in its environment",
    ),
    (
        "NotImplementedError",
        "the function's setSecret or testSecret isn't written yet",
    ),
    (
        "Invalid step parameter",
        "the function doesn't know all four steps",
    ),
];

/// What to do about a function that failed in a step.
pub(super) fn on_failure(step: Step, error: &str) -> String {
    let known = KNOWN.iter().find(|(words, _)| error.contains(words));
    known.map_or_else(
        || {
            format!(
                "see the function's log of {} and mend what it says; the rotation is tried again",
                step.name()
            )
        },
        |(_, remedy)| (*remedy).to_owned(),
    )
}

/// What to do about a function that didn't run.
pub(super) fn on_not_run(why: NotRun) -> &'static str {
    match why {
        NotRun::Missing => {
            "create the function, or give the secret another one with RotateSecret and RotationLambdaARN"
        }
        NotRun::Denied => {
            "let secretsmanager.amazonaws.com invoke the function: aws lambda add-permission --action \
             lambda:InvokeFunction --principal secretsmanager.amazonaws.com"
        }
        NotRun::Busy => "nothing, as long as it is seldom: it is tried again",
        NotRun::Failed => "mend what the function says; the rotation is tried again",
        NotRun::Unfit => "see the function's configuration",
        NotRun::Unreachable => {
            "see that whoever runs the function is up and can be reached from here"
        }
    }
}
