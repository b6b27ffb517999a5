//! GetSecretValue by a session of a role, by a user and by root: the same server, the same secrets.

use serde_json::json;
use std::time::Duration;

use crate::client::Client;
use crate::process::{self, Server};
use crate::read::{one_round_by, prepare};
use crate::report::{Row, median, note};
use crate::requests::{Credentials, Requests, Service};
use crate::{Failed, Run};

const RATIO_MAX: f64 = 1.25;
const ACCOUNT: &str = "123456789012";

/// Measures.
pub(crate) fn measure(run: &Run, round: Duration) -> Result<Vec<Row>, Failed> {
    let data = tempfile::tempdir_in(&run.folder)?;
    let server = process::start_strongroom(&run.strongroom, data.path())?;
    let exchanges = prepare(server.address)?;
    let root = Credentials::root();
    let user = make_user(&server)?;
    let callers = [
        ("a user", user.clone()),
        ("a session of a role", assume_role(&server, &user)?),
    ];
    let mut ratios = [Vec::new(), Vec::new()];
    let mut costs = [Vec::new(), Vec::new()];
    let mut roots = Vec::new();
    // The first round is a warm-up.
    for number in 0..=run.pairs {
        let by = |credentials: &Credentials| {
            one_round_by(credentials, &server, &exchanges, run.connections, round)
        };
        let of_root = by(&root)?;
        for (at, (who, credentials)) in callers.iter().enumerate() {
            let theirs = by(credentials)?;
            if number > 0 {
                note(&format!(
                    "role {number}/{}: {who} {} against root {}",
                    run.pairs,
                    theirs.shown(),
                    of_root.shown()
                ));
                ratios[at].push(theirs.cpu_us / of_root.cpu_us);
                costs[at].push(theirs.cpu_us);
            }
        }
        if number > 0 {
            roots.push(of_root.cpu_us);
        }
    }
    server.stop()?;
    let root = median(roots.into_iter());
    let rows = callers.iter().zip(ratios).zip(costs);
    Ok(rows
        .map(|(((who, _), ratios), costs)| {
            let cost = median(costs.into_iter());
            let what = format!(
                "GetSecretValue by {who}: CPU time ({cost:.1} µs) against root's ({root:.1} µs)"
            );
            Row::at_most(what, median(ratios.into_iter()), "times", RATIO_MAX)
        })
        .collect())
}

/// What the user and the role may do: read the secrets of their team.
fn permissions() -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
            "Resource": "arn:aws:secretsmanager:*:*:secret:bench/read/*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/Team": "bench"}},
        },
        {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
    ]})
    .to_string()
}

fn make_user(server: &Server) -> Result<Credentials, Failed> {
    let root = Credentials::root();
    let ask = |operation: &str, parameters: &[(&str, &str)]| {
        ask(&root, Service::Iam, server, operation, parameters)
    };
    let tag = [
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "bench"),
    ];
    ask("CreateUser", &[("UserName", "bench"), tag[0], tag[1]])?;
    let policy = permissions();
    let named = [("PolicyName", "p"), ("PolicyDocument", policy.as_str())];
    ask(
        "PutUserPolicy",
        &[("UserName", "bench"), named[0], named[1]],
    )?;
    let trust = json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}});
    let trust = trust.to_string();
    let trust = ("AssumeRolePolicyDocument", trust.as_str());
    ask("CreateRole", &[("RoleName", "bench"), trust])?;
    ask(
        "PutRolePolicy",
        &[("RoleName", "bench"), named[0], named[1]],
    )?;
    let made = ask("CreateAccessKey", &[("UserName", "bench")])?;
    credentials(&made)
}

fn assume_role(server: &Server, user: &Credentials) -> Result<Credentials, Failed> {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/bench");
    let made = ask(
        user,
        Service::Sts,
        server,
        "AssumeRole",
        &[
            ("RoleArn", role.as_str()),
            ("RoleSessionName", "bench"),
            ("Tags.member.1.Key", "Team"),
            ("Tags.member.1.Value", "bench"),
        ],
    )?;
    credentials(&made)
}

/// One request, and its answer.
fn ask(
    credentials: &Credentials,
    service: Service,
    server: &Server,
    operation: &str,
    parameters: &[(&str, &str)],
) -> Result<String, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut client = Client::connect(server.address).await?;
        let mut requests = Requests::by(credentials, service, server.address)?;
        let request = requests.make_form(operation, parameters)?;
        let answer = client.exchange(&request).await?;
        answer.succeeded()?;
        Ok(String::from_utf8(answer.body.to_vec())?)
    })
}

/// The credentials in an answer, whose texts hold nothing that XML escapes.
fn credentials(xml: &str) -> Result<Credentials, Failed> {
    let text = |name: &str| {
        let (_, rest) = xml.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(text, _)| text.to_owned())
    };
    Ok(Credentials {
        access_key_id: text("AccessKeyId").ok_or("no access key in the answer")?,
        secret_access_key: text("SecretAccessKey").ok_or("no secret access key in the answer")?,
        session_token: text("SessionToken"),
    })
}
