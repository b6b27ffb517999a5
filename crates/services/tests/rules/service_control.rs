//! Service control policies: what bounds an account. Source: AWS Organizations User Guide, Service control policies.

use serde_json::{Value, json};
use strongroom_services::accounts::AccountProblem;
use strongroom_services::accounts::service_control::{self, PolicyProblem};
use strongroom_services::caller::AccountId;
use strongroom_services::iam;

use crate::harness::{ACCOUNT, DENIED, OTHER_ACCOUNT, REGION, Service};

fn id(account: &str) -> AccountId {
    AccountId::parse(account).unwrap()
}

fn document(effect: &str, action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": "*"}}).to_string()
}

impl Service {
    fn bound(&mut self, account: &str, name: &str, text: &str) -> Result<bool, AccountProblem> {
        self.change(|records| service_control::put(&id(account), name, text, records))
    }

    fn unbound(&mut self, account: &str, name: &str) -> Result<(), AccountProblem> {
        self.change(|records| Ok((service_control::delete(&id(account), name, records)?, ())))
    }

    fn reads(&mut self, secret: &str) -> Result<(), (&'static str, String)> {
        let asked = self.ask("GetSecretValue", &json!({"SecretId": secret}));
        asked
            .map(drop)
            .map_err(|refusal| (refusal.code, refusal.message.unwrap_or_default()))
    }
}

/// Two accounts with a secret `s` each, and alice in the first one, who may do everything.
fn two_accounts() -> (Service, strongroom_services::caller::Caller) {
    let mut service = Service::new();
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        service.make_account(account);
        service.be(account, REGION);
        service.ok(
            "CreateSecret",
            json!({"Name": "s", "SecretString": "v", "ClientRequestToken": "-".repeat(32)}),
        );
    }
    service.be(ACCOUNT, REGION);
    let mut ask =
        |operation: &str, body: Value| service.ask_of(iam::OPERATIONS, operation, &body).unwrap();
    ask("CreateUser", json!({"UserName": "alice"}));
    ask(
        "PutUserPolicy",
        json!({"UserName": "alice", "PolicyName": "p", "PolicyDocument": document("Allow", "*")}),
    );
    let key = ask("CreateAccessKey", json!({"UserName": "alice"}));
    let key = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
    service.be_user(ACCOUNT, "alice", &key);
    let alice = service.caller();
    (service, alice)
}

#[test]
fn what_is_denied_no_one_of_the_account_may_not_even_root_and_others_are_untouched() {
    let (mut service, alice) = two_accounts();
    let first = service.bound(
        ACCOUNT,
        "NoReads",
        &document("Deny", "secretsmanager:GetSecretValue"),
    );
    assert!(first.unwrap(), "full access comes with the first one");
    let denied = "with an explicit deny in a service control policy";
    for caller in ["root", "alice"] {
        match caller {
            "root" => service.be(ACCOUNT, REGION),
            _ => service.be_caller(alice.clone()),
        }
        let (code, told) = service.reads("s").unwrap_err();
        assert!(code == DENIED && told.ends_with(denied), "{caller}: {told}");
        let why = service.explained.pop().unwrap();
        let by = why.refused_by.clone().unwrap().denied_by.unwrap();
        assert_eq!(
            by.source,
            format!("service control policy NoReads of account {ACCOUNT}")
        );
        service.ok("DescribeSecret", json!({"SecretId": "s"}));
    }
    service.be(OTHER_ACCOUNT, REGION);
    service.reads("s").unwrap();
    service.unbound(ACCOUNT, "NoReads").unwrap();
    service.be(ACCOUNT, REGION);
    service.reads("s").unwrap();
    service.be_caller(alice);
    service.reads("s").unwrap();
}

#[test]
fn what_no_policy_of_the_account_allows_is_denied_until_the_last_is_gone() {
    let (mut service, _) = two_accounts();
    service.be(ACCOUNT, REGION);
    service
        .bound(ACCOUNT, "Kms", &document("Allow", "kms:*"))
        .unwrap();
    service.reads("s").unwrap();
    service.unbound(ACCOUNT, "FullAWSAccess").unwrap();
    let (_, told) = service.reads("s").unwrap_err();
    assert!(
        told.contains("because no service control policy allows"),
        "{told}"
    );
    assert!(
        !service
            .bound(ACCOUNT, "Reads", &document("Allow", "secretsmanager:Get*"))
            .unwrap()
    );
    service.reads("s").unwrap();
    service.unbound(ACCOUNT, "Reads").unwrap();
    service.unbound(ACCOUNT, "Kms").unwrap();
    service.reads("s").unwrap();
}

#[test]
fn a_caller_is_bound_by_its_own_account_s_policies_wherever_the_resource_is() {
    let (mut service, _) = two_accounts();
    service.be(OTHER_ACCOUNT, REGION);
    let policy = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT},
        "Action": "secretsmanager:DescribeSecret", "Resource": "*"}});
    service.ok(
        "PutResourcePolicy",
        json!({"SecretId": "s", "ResourcePolicy": policy.to_string()}),
    );
    let arn = json!({"SecretId": service.arn()});
    let deny = document("Deny", "secretsmanager:DescribeSecret");
    for (bound, allowed) in [(OTHER_ACCOUNT, true), (ACCOUNT, false)] {
        service.bound(bound, "No", &deny).unwrap();
        service.be(ACCOUNT, REGION);
        assert_eq!(
            service.ask("DescribeSecret", &arn).is_ok(),
            allowed,
            "{bound}"
        );
        service.unbound(bound, "No").unwrap();
        service.ok("DescribeSecret", arn.clone());
    }
}

#[test]
fn what_can_be_no_service_control_policy_is_refused_with_the_reason() {
    let (mut service, _) = two_accounts();
    let good = document("Deny", "a:B");
    let resource = json!({"Statement": {"Effect": "Deny", "Principal": "*", "Action": "a:B", "Resource": "*"}});
    let long = format!("{good}{}", " ".repeat(5_121 - good.len()));
    for (account, name, text, told) in [
        (
            "333333333333",
            "p",
            &good,
            "there is no account 333333333333",
        ),
        (ACCOUNT, "a b", &good, "can't be a policy's name"),
        (ACCOUNT, "", &good, "can't be a policy's name"),
        (ACCOUNT, "p", &"{".to_owned(), "the policy is malformed"),
        (ACCOUNT, "p", &resource.to_string(), "Principal"),
        (ACCOUNT, "p", &long, "at most 5120"),
    ] {
        let problem = service.bound(account, name, text).unwrap_err().to_string();
        assert!(problem.contains(told), "{problem}");
    }
    service.bound(ACCOUNT, "p", &long[..5_120]).unwrap();
    for name in ["q", "r", "s"] {
        service.bound(ACCOUNT, name, &good).unwrap();
    }
    let sixth = service.bound(ACCOUNT, "t", &good).unwrap_err();
    assert!(matches!(
        sixth,
        AccountProblem::Policy(PolicyProblem::Many(_))
    ));
    // In the place of one that is there.
    service.bound(ACCOUNT, "s", &good).unwrap();
    let absent = service.unbound(ACCOUNT, "t").unwrap_err().to_string();
    assert!(
        absent.contains("has no service control policy t"),
        "{absent}"
    );
}
