//! How long a decision takes: `cargo run --release -p strongroom-policy --example evaluate_speed`.
//! Medians of many rounds, in nanoseconds a decision.

#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "an example prints what it finds and stops where it can't"
)]

use std::hint::black_box;
use std::time::Instant;

use strongroom_policy::{
    Caller, Context, Decision, Document, Kind, Policies, Request, Verdict, decide, evaluate,
};

const SECRET: &str = "arn:aws:secretsmanager:us-east-1:111122223333:secret:prod/app-7/db-AbCdEf";

fn main() {
    let caller = Caller::from_arn("arn:aws:iam::111122223333:user/alice").unwrap();
    let mut context = Context::new();
    for (key, value) in [
        ("aws:PrincipalArn", "arn:aws:iam::111122223333:user/alice"),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:PrincipalType", "User"),
        ("aws:PrincipalTag/team", "red"),
        ("aws:ResourceTag/team", "red"),
        ("aws:username", "alice"),
        ("aws:userid", "AIDAALICE00000000"),
        ("aws:SourceIp", "10.1.2.3"),
        ("aws:CurrentTime", "2026-01-02T03:04:05Z"),
        ("aws:EpochTime", "1767323045"),
        ("aws:SecureTransport", "true"),
        ("aws:RequestedRegion", "us-east-1"),
        ("aws:UserAgent", "Boto3/1.40"),
        ("secretsmanager:SecretId", SECRET),
    ] {
        context.insert(key, value);
    }
    println!("{:<44} {:>10}", "case", "ns");
    for (name, policies, statements) in [
        ("1 policy of 1 statement", 1, 1),
        ("20 statements in 1 policy", 1, 20),
        ("200 statements in 20 policies", 20, 10),
        ("1,000 statements in 20 policies", 20, 50),
    ] {
        let documents: Vec<Document> = (0..policies)
            .map(|policy| document(policy, statements))
            .collect();
        let set: Vec<&Document> = documents.iter().collect();
        let request = Request::new(&caller, "secretsmanager:GetSecretValue", SECRET, &context);
        assert!(matches!(evaluate(&set, &request), Verdict::Allow { .. }));
        report(name, || {
            matches!(evaluate(&set, &request), Verdict::Allow { .. })
        });
    }
    let identity = document(0, 20);
    let boundary = document(0, 5);
    let resource = Document::parse(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*",
            "Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}"#,
        Kind::Resource,
    )
    .unwrap();
    let policies = Policies {
        identity: &[&identity],
        boundary: Some(&boundary),
        resource: Some(&resource),
        ..Policies::none("111122223333")
    };
    report("identity, boundary and resource policy", || {
        let request = Request::new(&caller, "secretsmanager:GetSecretValue", SECRET, &context);
        matches!(decide(&policies, &request), Decision::Allow(_))
    });
    let text = text(0, 20);
    report("parse 20 statements", || {
        Document::parse(&text, Kind::Identity).is_ok()
    });
}

/// Statements as people write them: most are for other services or resources, some look at
/// conditions, one in twenty allows the request.
fn document(policy: usize, statements: usize) -> Document {
    Document::parse(&text(policy, statements), Kind::Identity).unwrap()
}

fn text(policy: usize, statements: usize) -> String {
    let arn = "arn:aws:secretsmanager:us-east-1:111122223333:secret";
    let statement = |index: usize| {
        let name = policy * statements + index;
        match index % 10 {
            0 if index == 0 => format!(
                r#"{{"Effect":"Allow","Action":["secretsmanager:Get*","kms:Decrypt"],"Resource":"{arn}:prod/*",
                    "Condition":{{"StringEquals":{{"aws:ResourceTag/team":"${{aws:PrincipalTag/team}}"}}}}}}"#
            ),
            1 => r#"{"Effect":"Allow","Action":["s3:GetObject","s3:ListBucket"],"Resource":"arn:aws:s3:::b/*"}"#.into(),
            2 => r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#.into(),
            3 => r#"{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#.into(),
            4 => format!(r#"{{"Effect":"Allow","Action":"secretsmanager:*","Resource":"{arn}:test/*-??????"}}"#),
            5 => r#"{"Effect":"Deny","Action":"secretsmanager:Delete*","Resource":"*"}"#.into(),
            6 => r#"{"Effect":"Allow","Action":["ec2:Describe*","logs:*","sns:Publish"],"Resource":"*"}"#.into(),
            7 => r#"{"Effect":"Deny","NotAction":["iam:*","secretsmanager:*"],"Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}}"#.into(),
            _ => format!(
                r#"{{"Effect":"Allow","Action":["secretsmanager:GetSecretValue","secretsmanager:DescribeSecret"],"Resource":["{arn}:app-{name}/a-??????","{arn}:app-{name}/b-??????"]}}"#
            ),
        }
    };
    let statements: Vec<String> = (0..statements).map(statement).collect();
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
        statements.join(",")
    )
}

fn report(name: &str, mut decision: impl FnMut() -> bool) {
    const ROUNDS: usize = 41;
    let batch = {
        let start = Instant::now();
        (0..100).for_each(|_| assert!(black_box(decision())));
        let each = start.elapsed().as_nanos() / 100 + 1;
        (2_000_000 / each).max(10) as u32
    };
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..batch {
                black_box(decision());
            }
            start.elapsed().as_nanos() as f64 / f64::from(batch)
        })
        .collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<44} {:>10.0}", rounds[ROUNDS / 2]);
}
