//! Authority that is taken away while many use it: from the moment at which the change was acknowledged, no call that
//! begins succeeds. A node on the real store, asked by many tasks at once; nobody sleeps.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

use http::Request;
use serde_json::{Value, json};
use strongroom::clock::Clock;
use strongroom::edge::{Application as _, Received, RequestId};
use strongroom::node::{Assembly, Node};
use strongroom_keys::{Keyring, RootKey, SecretBytes, SystemEntropy};
use strongroom_services::caller::AccountId;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_wire::sigv4::Signer;
use tokio::runtime::{Builder, Runtime};

use crate::random::setting;

/// Tasks that call at once.
const CLIENTS: usize = 8;
/// Calls that must have succeeded before something is taken away.
const CALLS_BEFORE: u64 = 40;
/// Calls of each task that begin after it was acknowledged.
const CALLS_AFTER: u64 = 20;

/// `STRONGROOM_WITHDRAWALS` says how often each kind of authority is given and taken away.
#[test]
fn what_was_taken_away_lets_no_later_call_through() {
    let rounds = setting("STRONGROOM_WITHDRAWALS", 1);
    let world = World::new();
    let (mut before, mut meanwhile, mut after) = (0, 0, 0);
    for round in 0..rounds {
        for kind in kinds() {
            let credentials = (kind.give)(&world);
            let counted = world.withdraw(&kind, &credentials, round);
            before += counted.before.load(SeqCst);
            meanwhile += counted.meanwhile.load(SeqCst);
            after += counted.after.load(SeqCst);
        }
    }
    let kinds = kinds().len();
    println!(
        "{rounds} times {kinds} kinds of authority: {before} calls went through before, {meanwhile} began before the \
         acknowledgement and were refused, {after} began after it and all were refused"
    );
}

/// A kind of authority.
struct Kind {
    name: &'static str,
    /// What is done by it.
    call: Call,
    /// Gives it, and says by which credentials.
    give: fn(&World) -> Credentials,
    /// Takes it away.
    take: fn(&World, &Credentials),
    /// The refusal from then on.
    code: &'static str,
}

type Call = fn(&World) -> (&'static str, &'static str, Value);

fn kinds() -> Vec<Kind> {
    let read: Call = |_| ("secretsmanager", "GetSecretValue", json!({"SecretId": "s"}));
    let make_key: Call = |world| {
        let body = json!({"KeyId": world.key, "KeySpec": "AES_256"});
        ("kms", "GenerateDataKey", body)
    };
    let kind = |name, call, give, take, code| Kind {
        name,
        call,
        give,
        take,
        code,
    };
    vec![
        kind(
            "an access key that is made inactive",
            read,
            |world| world.allow_alice(),
            |world, alice| world.set_status(&alice.id, "Inactive"),
            "UnrecognizedClientException",
        ),
        kind(
            "an access key that is deleted",
            read,
            |world| {
                world.allow_alice();
                world.new_key()
            },
            |world, another| {
                let body = json!({"UserName": "alice", "AccessKeyId": another.id});
                world.root("iam", "DeleteAccessKey", body);
            },
            "UnrecognizedClientException",
        ),
        kind(
            "a user's own policy",
            read,
            |world| world.allow_alice(),
            |world, _| world.drop_own_policy("p"),
            DENIED,
        ),
        kind(
            "a user's policy that denies",
            make_key,
            |world| world.allow_alice(),
            |world, _| world.own_policy("deny", DENY_ALL),
            DENIED,
        ),
        kind(
            "a managed policy that is attached",
            read,
            |world| {
                world.bare_alice();
                let body = json!({"UserName": "alice", "PolicyArn": world.policy});
                world.root("iam", "AttachUserPolicy", body);
                world.alice.clone()
            },
            |world, _| {
                let body = json!({"UserName": "alice", "PolicyArn": world.policy});
                world.root("iam", "DetachUserPolicy", body);
            },
            DENIED,
        ),
        kind(
            "the version of a managed policy",
            make_key,
            |world| {
                world.bare_alice();
                let body = json!({"UserName": "alice", "PolicyArn": world.policy});
                world.root("iam", "AttachUserPolicy", body);
                world.alice.clone()
            },
            |world, _| world.use_version("v2"),
            DENIED,
        ),
        kind(
            "being in a group",
            read,
            |world| {
                world.bare_alice();
                let body = json!({"UserName": "alice", "GroupName": "g"});
                world.root("iam", "AddUserToGroup", body);
                world.alice.clone()
            },
            |world, _| {
                let body = json!({"UserName": "alice", "GroupName": "g"});
                world.root("iam", "RemoveUserFromGroup", body);
            },
            DENIED,
        ),
        kind(
            "not being bounded",
            make_key,
            |world| world.allow_alice(),
            |world, _| {
                let body = json!({"UserName": "alice", "PermissionsBoundary": world.nothing});
                world.root("iam", "PutUserPermissionsBoundary", body);
            },
            DENIED,
        ),
        kind(
            "a secret's policy",
            read,
            |world| {
                world.bare_alice();
                world.secret_policy("Allow");
                world.alice.clone()
            },
            |world, _| world.drop_secret_policy(),
            DENIED,
        ),
        kind(
            "a secret's policy that denies",
            read,
            |world| world.allow_alice(),
            |world, _| world.secret_policy("Deny"),
            DENIED,
        ),
        kind(
            "the secret itself",
            read,
            |world| {
                world.root("secretsmanager", "RestoreSecret", json!({"SecretId": "s"}));
                world.allow_alice()
            },
            |world, _| {
                world.root("secretsmanager", "DeleteSecret", json!({"SecretId": "s"}));
            },
            "InvalidRequestException",
        ),
        kind(
            "a grant",
            make_key,
            |world| {
                world.bare_alice();
                let body = json!({
                    "KeyId": world.key, "GranteePrincipal": ALICE, "Operations": ["GenerateDataKey"],
                });
                world.root("kms", "CreateGrant", body);
                world.alice.clone()
            },
            |world, _| {
                let grants = world.root("kms", "ListGrants", json!({"KeyId": world.key}));
                let id = grants.json()["Grants"][0]["GrantId"].clone();
                world.root(
                    "kms",
                    "RevokeGrant",
                    json!({"KeyId": world.key, "GrantId": id}),
                );
            },
            DENIED,
        ),
        kind(
            "a key's policy",
            make_key,
            |world| {
                world.bare_alice();
                world.key_policy(&[ROOT, ALICE]);
                world.alice.clone()
            },
            |world, _| world.key_policy(&[ROOT]),
            DENIED,
        ),
        kind(
            "a key that is disabled",
            make_key,
            |world| {
                world.root("kms", "EnableKey", json!({"KeyId": world.key}));
                world.allow_alice()
            },
            |world, _| {
                world.root("kms", "DisableKey", json!({"KeyId": world.key}));
            },
            "DisabledException",
        ),
        kind(
            "the policy of a user with temporary credentials",
            read,
            |world| world.session_of_alice(),
            |world, _| world.drop_own_policy("p"),
            DENIED,
        ),
        kind(
            "the own policy of a role that is assumed",
            read,
            |world| world.session_of_role(),
            |world, _| {
                let body = json!({"RoleName": "r", "PolicyName": "p"});
                world.root("iam", "DeleteRolePolicy", body);
            },
            DENIED,
        ),
        kind(
            "a role that a secret's policy names",
            read,
            |world| {
                let alice = world.allow_alice();
                world.new_role("named");
                world.secret_policy_of("Allow", "arn:aws:iam::123456789012:role/named");
                world.session_of(&alice, "named")
            },
            |world, _| {
                world.root("iam", "DeleteRole", json!({"RoleName": "named"}));
            },
            "UnrecognizedClientException",
        ),
        kind(
            "all sessions of a role before an instant",
            make_key,
            |world| world.session_of_role(),
            |world, _| {
                let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(2);
                let older = json!({"DateLessThan": {"aws:TokenIssueTime": soon.to_string()}});
                let mut statement = json!({"Effect": "Deny", "Action": "*", "Resource": "*"});
                statement["Condition"] = older;
                let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
                let body = json!({
                    "RoleName": "r", "PolicyName": "AWSRevokeOlderSessions", "PolicyDocument": policy.to_string(),
                });
                world.root("iam", "PutRolePolicy", body);
            },
            DENIED,
        ),
    ]
}

const DENIED: &str = "AccessDeniedException";
const ROOT: &str = "arn:aws:iam::123456789012:root";
const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
const ALLOW_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
const DENY_ALL: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#;

#[derive(Clone)]
struct Credentials {
    id: String,
    secret: String,
    token: Option<String>,
}

/// What became of the calls of a withdrawal.
#[derive(Default)]
struct Counted {
    before: AtomicU64,
    meanwhile: AtomicU64,
    after: AtomicU64,
    /// The change is asked for: refusals may begin.
    is_asked: AtomicBool,
    /// The change is acknowledged: nothing may be let through that begins now.
    is_acknowledged: AtomicBool,
}

/// A node with a user, a group, a role, a secret and a key.
struct World {
    node: Arc<Node>,
    runtime: Runtime,
    root: Credentials,
    alice: Credentials,
    /// The key's id.
    key: String,
    /// The ARN of a managed policy that allows everything in its first version, and nothing in its second.
    policy: String,
    /// The ARN of one that allows nothing.
    nothing: String,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Embedded::open(&Options::new(folder.path())).unwrap();
        let node = Node::assemble(Assembly {
            store: Arc::new(store),
            keyring: Keyring::new(RootKey::generate(&SystemEntropy)),
            entropy: Box::new(SystemEntropy),
            clock: Clock::default(),
            record_cache_bytes: 1 << 20,
            dev: true,
            seal_file: None,
        });
        let root = Credentials {
            id: "AKIATESTTESTTESTTEST".to_owned(),
            secret: "test/secret/access/key/of/no/value/00000".to_owned(),
            token: None,
        };
        let mut world = World {
            node: node.unwrap(),
            runtime: Builder::new_multi_thread()
                .worker_threads(4)
                .enable_all()
                .build()
                .unwrap(),
            alice: root.clone(),
            root,
            key: String::new(),
            policy: String::new(),
            nothing: String::new(),
            _folder: folder,
        };
        let account = AccountId::parse("123456789012").unwrap();
        let secret = SecretBytes::copy_of(world.root.secret.as_bytes());
        let made = world
            .node
            .set_root_credentials(&account, &world.root.id, secret);
        world.runtime.block_on(made).unwrap();
        world.root(
            "secretsmanager",
            "CreateSecret",
            json!({"Name": "s", "SecretString": "v", "ClientRequestToken": "00000000-0000-4000-8000-000000000000"}),
        );
        let made = world.root("kms", "CreateKey", json!({}));
        world.key = made.json()["KeyMetadata"]["KeyId"]
            .as_str()
            .unwrap()
            .to_owned();
        world.root("iam", "CreateUser", json!({"UserName": "alice"}));
        world.alice = world.new_key();
        world.policy = world.managed_policy("p", ALLOW_ALL);
        let body = json!({"PolicyArn": world.policy, "PolicyDocument": DENY_ALL});
        world.root("iam", "CreatePolicyVersion", body);
        world.nothing = world.managed_policy("nothing", DENY_ALL);
        world.root("iam", "CreateGroup", json!({"GroupName": "g"}));
        let body = json!({"GroupName": "g", "PolicyName": "p", "PolicyDocument": ALLOW_ALL});
        world.root("iam", "PutGroupPolicy", body);
        world.new_role("r");
        world
    }

    /// Lets many call by an authority, takes it away in the middle, and looks at each call.
    fn withdraw(&self, kind: &Kind, credentials: &Credentials, round: u64) -> Arc<Counted> {
        let (service, operation, body) = (kind.call)(self);
        let received = Arc::new(received(credentials, service, operation, &body));
        let counted = Arc::new(Counted::default());
        let what = format!("round {round}: {}", kind.name);
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                let (node, received) = (Arc::clone(&self.node), Arc::clone(&received));
                let (counted, what, code) = (Arc::clone(&counted), what.clone(), kind.code);
                self.runtime.spawn(async move {
                    client(&node, &received, &counted, &what, code).await;
                })
            })
            .collect();
        while counted.before.load(SeqCst) < CALLS_BEFORE {
            assert!(!clients.iter().any(|client| client.is_finished()), "{what}");
            std::thread::yield_now();
        }
        counted.is_asked.store(true, SeqCst);
        (kind.take)(self, credentials);
        counted.is_acknowledged.store(true, SeqCst);
        for client in clients {
            self.runtime.block_on(client).unwrap();
        }
        counted
    }

    /// Carries out a call as root, which must succeed.
    fn root(&self, service: &'static str, operation: &str, body: Value) -> Answer {
        let answer = self.ask(&self.root, service, operation, &body);
        assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.body);
        answer
    }

    fn ask(&self, by: &Credentials, service: &str, operation: &str, body: &Value) -> Answer {
        let received = received(by, service, operation, body);
        let reply = self.runtime.block_on(self.node.answer(&received));
        Answer {
            status: reply.status.as_u16(),
            body: String::from_utf8(reply.body.to_vec()).unwrap(),
        }
    }

    fn new_key(&self) -> Credentials {
        self.root("iam", "CreateAccessKey", json!({"UserName": "alice"}))
            .credentials()
    }

    fn set_status(&self, id: &str, status: &str) {
        let body = json!({"UserName": "alice", "AccessKeyId": id, "Status": status});
        self.root("iam", "UpdateAccessKey", body);
    }

    fn own_policy(&self, name: &str, document: &str) {
        let body = json!({"UserName": "alice", "PolicyName": name, "PolicyDocument": document});
        self.root("iam", "PutUserPolicy", body);
    }

    fn drop_own_policy(&self, name: &str) {
        let body = json!({"UserName": "alice", "PolicyName": name});
        self.root("iam", "DeleteUserPolicy", body);
    }

    /// Alice may do nothing, and nothing is denied to her.
    fn bare_alice(&self) {
        self.set_status(&self.alice.id, "Active");
        // Of these, any may be there.
        for (service, operation, body) in [
            (
                "iam",
                "DeleteUserPolicy",
                json!({"UserName": "alice", "PolicyName": "p"}),
            ),
            (
                "iam",
                "DeleteUserPolicy",
                json!({"UserName": "alice", "PolicyName": "deny"}),
            ),
            (
                "iam",
                "DetachUserPolicy",
                json!({"UserName": "alice", "PolicyArn": self.policy}),
            ),
            (
                "iam",
                "SetDefaultPolicyVersion",
                json!({"PolicyArn": self.policy, "VersionId": "v1"}),
            ),
            (
                "iam",
                "RemoveUserFromGroup",
                json!({"UserName": "alice", "GroupName": "g"}),
            ),
            (
                "iam",
                "DeleteUserPermissionsBoundary",
                json!({"UserName": "alice"}),
            ),
            (
                "secretsmanager",
                "DeleteResourcePolicy",
                json!({"SecretId": "s"}),
            ),
            ("secretsmanager", "RestoreSecret", json!({"SecretId": "s"})),
            ("kms", "EnableKey", json!({"KeyId": self.key})),
        ] {
            self.ask(&self.root, service, operation, &body);
        }
    }

    /// Alice may do everything.
    fn allow_alice(&self) -> Credentials {
        self.bare_alice();
        self.own_policy("p", ALLOW_ALL);
        self.alice.clone()
    }

    fn session_of_alice(&self) -> Credentials {
        let alice = self.allow_alice();
        let answer = self.ask(&alice, "sts", "GetSessionToken", &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.credentials()
    }

    /// A role that may do everything, assumed by Alice.
    fn session_of_role(&self) -> Credentials {
        let alice = self.allow_alice();
        let revoked = json!({"RoleName": "r", "PolicyName": "AWSRevokeOlderSessions"});
        self.ask(&self.root, "iam", "DeleteRolePolicy", &revoked);
        let body = json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": ALLOW_ALL});
        self.root("iam", "PutRolePolicy", body);
        self.session_of(&alice, "r")
    }

    fn session_of(&self, by: &Credentials, role: &str) -> Credentials {
        let arn = format!("arn:aws:iam::123456789012:role/{role}");
        let body = json!({"RoleArn": arn, "RoleSessionName": "by-alice"});
        let answer = self.ask(by, "sts", "AssumeRole", &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.credentials()
    }

    /// A role that the account's users may assume.
    fn new_role(&self, name: &str) {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"},
        });
        let body = json!({"RoleName": name, "AssumeRolePolicyDocument": trust.to_string()});
        self.root("iam", "CreateRole", body);
    }

    fn managed_policy(&self, name: &str, document: &str) -> String {
        let body = json!({"PolicyName": name, "PolicyDocument": document});
        self.root("iam", "CreatePolicy", body).xml("Arn").unwrap()
    }

    fn use_version(&self, version: &str) {
        let body = json!({"PolicyArn": self.policy, "VersionId": version});
        self.root("iam", "SetDefaultPolicyVersion", body);
    }

    fn secret_policy(&self, effect: &str) {
        self.secret_policy_of(effect, ALICE);
    }

    fn secret_policy_of(&self, effect: &str, principal: &str) {
        let statement = json!({
            "Effect": effect, "Principal": {"AWS": principal}, "Action": "secretsmanager:*", "Resource": "*",
        });
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let body = json!({"SecretId": "s", "ResourcePolicy": policy});
        self.root("secretsmanager", "PutResourcePolicy", body);
    }

    fn drop_secret_policy(&self) {
        self.root(
            "secretsmanager",
            "DeleteResourcePolicy",
            json!({"SecretId": "s"}),
        );
    }

    fn key_policy(&self, principals: &[&str]) {
        let statement = json!({
            "Effect": "Allow", "Principal": {"AWS": principals}, "Action": "kms:*", "Resource": "*",
        });
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        self.root(
            "kms",
            "PutKeyPolicy",
            json!({"KeyId": self.key, "Policy": policy}),
        );
    }
}

/// Calls until enough calls were refused that began after the acknowledgement.
async fn client(node: &Node, received: &Received, counted: &Counted, what: &str, code: &str) {
    let mut after = 0;
    while after < CALLS_AFTER {
        let was_acknowledged = counted.is_acknowledged.load(SeqCst);
        let reply = node.answer(received).await;
        let body = String::from_utf8_lossy(&reply.body);
        if reply.status == 200 {
            assert!(
                !was_acknowledged,
                "{what}: a later call was let through: {body}"
            );
            counted.before.fetch_add(1, SeqCst);
        } else {
            assert!(
                counted.is_asked.load(SeqCst),
                "{what}: refused too early: {body}"
            );
            assert!(body.contains(code), "{what}: {body}");
            if was_acknowledged {
                after += 1;
                counted.after.fetch_add(1, SeqCst);
            } else {
                counted.meanwhile.fetch_add(1, SeqCst);
            }
        }
        tokio::task::yield_now().await;
    }
}

/// A signed request.
fn received(by: &Credentials, service: &str, operation: &str, body: &Value) -> Received {
    let target = match service {
        "secretsmanager" => Some(format!("secretsmanager.{operation}")),
        "kms" => Some(format!("TrentService.{operation}")),
        _ => None,
    };
    let request = Request::post("/").header("host", "localhost");
    let (request, body) = match target {
        Some(target) => (
            request
                .header("content-type", "application/x-amz-json-1.1")
                .header("x-amz-target", target),
            body.to_string(),
        ),
        None => (
            request.header("content-type", "application/x-www-form-urlencoded"),
            form(service, operation, body),
        ),
    };
    let (mut parts, ()) = request.body(()).unwrap().into_parts();
    let secret = SecretBytes::copy_of(by.secret.as_bytes());
    let mut signer =
        Signer::new(&*by.id, secret, by.token.clone(), "us-east-1", service).expect("a service");
    let now = jiff::Timestamp::now().as_second();
    signer.sign(&mut parts, body.as_bytes(), now).unwrap();
    Received {
        parts,
        body: body.into(),
        peer: None,
        secure: true,
        tls: None,
        request_id: RequestId::from_bytes([0; 16]),
    }
}

/// A request of the query protocol whose members are texts.
fn form(service: &str, operation: &str, members: &Value) -> String {
    let version = if service == "iam" {
        "2010-05-08"
    } else {
        "2011-06-15"
    };
    let mut form = format!("Action={operation}&Version={version}");
    for (name, value) in members.as_object().unwrap() {
        let value = value.as_str().unwrap();
        let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
        form += &format!("&{name}={value}");
    }
    form
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// The text of the first element with a name.
    fn xml(&self, name: &str) -> Option<String> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let rest = self.body.split(&open).nth(1)?;
        rest.split(&close).next().map(str::to_owned)
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            id: self.xml("AccessKeyId").unwrap(),
            secret: self.xml("SecretAccessKey").unwrap(),
            token: self.xml("SessionToken"),
        }
    }
}
