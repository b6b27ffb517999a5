//! How long a decision takes over many policies, and what a request's condition keys cost. In this process alone, with
//! the CPU time of its thread, since that is what others on the machine disturb least.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};
use strongroom_policy::{
    Caller, Context, Decision, Document, Kind, Policies, Request, ResourceRule, decide,
};

use crate::Failed;
use crate::report::{Row, median, note};

const ACCOUNT: &str = "111122223333";
const ARN: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const POLICIES: usize = 20;

/// The policy, of the twenty, that lets the caller at its team's secrets.
const TEAM: usize = 17;

/// What is asked in turn, and whether it is allowed: four of five are.
const ASKED: &[(&str, &str, bool)] = &[
    ("secretsmanager:GetSecretValue", "team-17/db-AbCdEf", true),
    (
        "secretsmanager:DescribeSecret",
        "team-17/api/key-GhIjKl",
        true,
    ),
    ("kms:Decrypt", "", true),
    ("secretsmanager:ListSecrets", "*", true),
    ("secretsmanager:PutSecretValue", "team-17/db-AbCdEf", false),
];

/// Measures.
pub(crate) fn measure(rounds: usize) -> Result<Vec<Row>, Failed> {
    let caller = Caller::from_arn("arn:aws:iam::111122223333:user/alice").ok_or("a user's ARN")?;
    let keys = context();
    let mut rows = Vec::new();
    for (statements, most) in [(10, 3.0), (50, 50.0)] {
        let documents = documents(statements)?;
        let identity: Vec<&Document> = documents.iter().collect();
        let policies = Policies {
            identity: &identity,
            ..Policies::none(ACCOUNT)
        };
        let figure = decision(&policies, &caller, &keys, rounds)?;
        let what = format!(
            "a decision over {POLICIES} policies of {statements} statements, {} in all",
            POLICIES * statements
        );
        note(&format!("{what}: {figure:.2} µs"));
        rows.push(Row::at_most(what, figure, "µs", most));
    }
    rows.push(all_types(&caller, &keys, rounds)?);
    let made = microseconds(rounds, || {
        black_box(context());
    });
    let what = format!("the context of a request with {} keys made", KEYS.len());
    rows.push(Row::stated(what, made, "µs"));
    let text = text(0, 10);
    let parsed = microseconds(rounds, || {
        black_box(Document::parse(&text, Kind::Identity).is_ok());
    });
    let what =
        "a policy of 10 statements parsed, as it is when its record is first read".to_owned();
    rows.push(Row::stated(what, parsed, "µs"));
    Ok(rows)
}

/// A decision to which every type of policy has a say.
fn all_types(caller: &Caller, keys: &Context, rounds: usize) -> Result<Row, Failed> {
    let identity = documents(10)?;
    let identity: Vec<&Document> = identity.iter().collect();
    let open = Document::parse(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"},
            {"Effect": "Deny", "Action": "secretsmanager:Delete*", "Resource": "*"}]}"#,
        Kind::Identity,
    )?;
    let resource = Document::parse(
        r#"{"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*",
             "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}"#,
        Kind::Resource,
    )?;
    let (session, level) = ([&open], [&open]);
    let levels = [level.as_slice(), level.as_slice()];
    let policies = Policies {
        identity: &identity,
        boundary: Some(&open),
        session: Some(&session),
        service_control: &levels,
        resource: Some(&resource),
        resource_rule: ResourceRule::Required,
        ..Policies::none(ACCOUNT)
    };
    let figure = decision(&policies, caller, keys, rounds)?;
    let what = "the same 200 statements, with a boundary, a session's, two service control policies and a resource's";
    Ok(Row::stated(what.to_owned(), figure, "µs"))
}

/// Microseconds of one decision, the middle of several rounds.
fn decision(
    policies: &Policies<'_>,
    caller: &Caller,
    keys: &Context,
    rounds: usize,
) -> Result<f64, Failed> {
    let asked: Vec<(&str, String, bool)> = ASKED
        .iter()
        .map(|(action, name, allowed)| {
            let resource = match *name {
                "" => KEY.to_owned(),
                "*" => "*".to_owned(),
                name => format!("{ARN}:{name}"),
            };
            (*action, resource, *allowed)
        })
        .collect();
    let is_allowed = |action: &str, resource: &str| {
        let request = Request::new(caller, action, resource, keys);
        matches!(decide(policies, &request), Decision::Allow(_))
    };
    for (action, resource, allowed) in &asked {
        if is_allowed(action, resource) != *allowed {
            return Err(format!("{action} on {resource} was decided otherwise").into());
        }
    }
    let all = microseconds(rounds, || {
        for (action, resource, _) in &asked {
            black_box(is_allowed(action, resource));
        }
    });
    Ok(all / asked.len() as f64)
}

/// Microseconds of CPU time that something takes, the middle of several rounds of about ten milliseconds.
fn microseconds(rounds: usize, mut act: impl FnMut()) -> f64 {
    let mut round = |times: u32| {
        let before = cpu_microseconds();
        (0..times).for_each(|_| act());
        (cpu_microseconds() - before) / f64::from(times)
    };
    let once = round(100).max(0.01);
    let times = (10_000.0 / once) as u32 + 1;
    median((0..rounds).map(|_| round(times)))
}

fn cpu_microseconds() -> f64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as f64 * 1e6 + now.tv_nsec as f64 / 1e3
}

/// What a request to a secret tells of itself.
const KEYS: &[(&str, &str)] = &[
    ("aws:PrincipalArn", "arn:aws:iam::111122223333:user/alice"),
    ("aws:PrincipalAccount", ACCOUNT),
    ("aws:PrincipalType", "User"),
    ("aws:PrincipalIsAWSService", "false"),
    ("aws:PrincipalTag/team", "team-17"),
    ("aws:username", "alice"),
    ("aws:userid", "AIDACKCEVSQ6C2EXAMPLE"),
    ("aws:ResourceAccount", ACCOUNT),
    ("aws:ResourceTag/team", "team-17"),
    ("aws:SourceIp", "10.1.2.3"),
    ("aws:CurrentTime", "2026-01-02T03:04:05Z"),
    ("aws:EpochTime", "1767323045"),
    ("aws:SecureTransport", "true"),
    ("aws:RequestedRegion", "us-east-1"),
    (
        "aws:UserAgent",
        "Boto3/1.40 md/Botocore#1.40 ua/2.1 os/linux",
    ),
    ("kms:ViaService", "secretsmanager.us-east-1.amazonaws.com"),
];

fn context() -> Context {
    let mut context = Context::new();
    for (key, value) in KEYS {
        context.insert(key, *value);
    }
    context
}

fn documents(statements: usize) -> Result<Vec<Document>, Failed> {
    (0..POLICIES)
        .map(|policy| Ok(Document::parse(&text(policy, statements), Kind::Identity)?))
        .collect()
}

/// A policy as people write them: of ten statements three are about secrets and their keys, the others about other
/// services; half have conditions; some deny.
fn text(policy: usize, statements: usize) -> String {
    let statement = |index: usize| {
        let (kind, more) = (index % 10, index / 10);
        let team = if more == 0 {
            format!("team-{policy}")
        } else {
            format!("team-{policy}-{more}")
        };
        match kind {
            0 => format!(
                r#""Effect": "Allow", "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                   "Resource": ["{ARN}:{team}/*-??????", "{ARN}:shared/{team}/*-??????"],
                   "Condition": {{"StringEquals": {{"aws:ResourceTag/team": "${{aws:PrincipalTag/team}}"}}}}"#
            ),
            1 => format!(
                r#""Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:ListBucket"],
                   "Resource": ["arn:aws:s3:::{team}", "arn:aws:s3:::{team}/${{aws:username}}/*"]"#
            ),
            2 => r#""Effect": "Allow", "Action": ["ec2:Describe*", "autoscaling:Describe*", "elasticloadbalancing:Describe*"],
                   "Resource": "*""#
                .to_owned(),
            3 => format!(
                r#""Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                   "Resource": "arn:aws:logs:*:{ACCOUNT}:log-group:/{team}/*""#
            ),
            4 if policy == TEAM && more == 0 => format!(
                r#""Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey*"], "Resource": "{KEY}",
                   "Condition": {{"StringEquals": {{"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}}}"#
            ),
            4 => format!(
                r#""Effect": "Allow", "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                   "Resource": "arn:aws:kms:us-east-1:{ACCOUNT}:key/{policy:08x}-12ab-34cd-56ef-{more:012x}",
                   "Condition": {{"StringEquals": {{"kms:ViaService": "secretsmanager.us-east-1.amazonaws.com"}}}}"#
            ),
            5 => format!(
                r#""Effect": "Allow", "Action": "sqs:*", "Resource": "arn:aws:sqs:us-east-1:{ACCOUNT}:{team}-*",
                   "Condition": {{"ArnLike": {{"aws:PrincipalArn": "arn:aws:iam::{ACCOUNT}:role/{team}/*"}}}}"#
            ),
            6 => format!(
                r#""Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"],
                   "Resource": "arn:aws:dynamodb:*:{ACCOUNT}:table/{team}",
                   "Condition": {{"ForAllValues:StringEquals": {{"dynamodb:LeadingKeys": ["${{aws:username}}"]}}}}"#
            ),
            7 if policy.is_multiple_of(4) => r#""Effect": "Deny", "Action": "*", "Resource": "*",
                   "Condition": {"Bool": {"aws:SecureTransport": "false"}}"#
                .to_owned(),
            7 => r#""Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*""#.to_owned(),
            8 if policy.is_multiple_of(5) => r#""Effect": "Deny", "NotAction": ["iam:*", "sts:*"], "Resource": "*",
                   "Condition": {"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "192.168.0.0/16"]}}"#
                .to_owned(),
            8 => format!(
                r#""Effect": "Allow", "Action": ["ssm:GetParameter*", "ssm:DescribeParameters"],
                   "Resource": "arn:aws:ssm:*:{ACCOUNT}:parameter/{team}/*""#
            ),
            _ => r#""Effect": "Allow", "Action": ["secretsmanager:ListSecrets", "secretsmanager:GetRandomPassword"],
                   "Resource": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}"#
                .to_owned(),
        }
    };
    let statements: Vec<String> = (0..statements)
        .map(|index| format!("{{{}}}", statement(index)))
        .collect();
    format!(
        r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#,
        statements.join(", ")
    )
}
