//! Sessions: of roles, and of users. Source: kms-iam-sts.md C; access-control.md 2, 5, 6 and 9.

mod assume_role;
mod role_sessions;
mod session_tokens;
mod web_identity;

use serde_json::{Value, json};
use strongroom_services::caller::AccountId;
use strongroom_services::iam::role::{Role, TrustPolicy};
use strongroom_services::iam::shapes::Tag;
use strongroom_services::records::Key;
use strongroom_services::refusal::Refusal;
use strongroom_services::time::Timestamp;
use strongroom_services::{iam, sts};

use crate::harness::{ACCOUNT, BEGINNING, OTHER_ACCOUNT, REGION, Service};

const ALICE: &str = "arn:aws:iam::123456789012:user/alice";
const BOB: &str = "arn:aws:iam::210987654321:user/bob";
const READER: &str = "arn:aws:iam::123456789012:role/team/reader";
const DENIED: &str = "AccessDeniedException";

/// A statement.
fn statement(effect: &str, actions: Value, resource: &str) -> Value {
    json!({"Effect": effect, "Action": actions, "Resource": resource})
}

/// A statement of a trust policy, for whoever a principal of this kind names.
fn trust(kind: &str, principal: &str, action: &str) -> Value {
    json!({"Effect": "Allow", "Principal": {kind: principal}, "Action": action})
}

/// The same under a condition.
fn under(mut statement: Value, condition: Value) -> Value {
    statement["Condition"] = condition;
    statement
}

fn document(statements: &[Value]) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

fn tags(pairs: &[(&str, &str)]) -> Value {
    let tags = pairs.iter();
    tags.map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

/// A service with the secret `s`, and the users alice (of its account) and bob (of another).
struct World {
    service: Service,
    alice: String,
    bob: String,
}

impl World {
    fn new() -> Self {
        let mut service = Service::with_secret();
        let mut made = |account, name: &str| {
            service.be(account, REGION);
            let body = json!({ "UserName": name });
            service
                .ask_of(iam::OPERATIONS, "CreateUser", &body)
                .unwrap();
            let key = service.ask_of(iam::OPERATIONS, "CreateAccessKey", &body);
            key.unwrap()["AccessKey"]["AccessKeyId"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let alice = made(ACCOUNT, "alice");
        let bob = made(OTHER_ACCOUNT, "bob");
        World {
            service,
            alice,
            bob,
        }
    }

    /// Makes the role `/team/reader`, or replaces what it says.
    fn role(&mut self, trust: &[Value], permissions: &[Value]) {
        self.role_of("/team/", "reader", trust, permissions);
    }

    fn role_of(&mut self, path: &str, name: &str, trust: &[Value], permissions: &[Value]) {
        let account = AccountId::parse(ACCOUNT).unwrap();
        let role = Role {
            name: name.to_owned(),
            path: path.to_owned(),
            id: format!("AROA{:A>17}", name.to_uppercase()),
            created: Timestamp::from_milliseconds(BEGINNING),
            description: None,
            session_seconds_max: 7200,
            trust: TrustPolicy::parse(document(trust)).unwrap(),
            tags: vec![Tag {
                key: "Team".to_owned(),
                value: "blue".to_owned(),
            }],
            inline: Default::default(),
            attached: Vec::new(),
            boundary: None,
            instance_profiles: Vec::new(),
            account,
        };
        let key = role.key();
        self.service.write(key, &role);
        if !permissions.is_empty() {
            self.permit(name, permissions);
        }
    }

    /// Gives a role these statements as its only policy.
    fn permit(&mut self, name: &str, permissions: &[Value]) {
        let mut role = Role::clone(&self.stored(name));
        // As it rests: a policy's text under its name.
        role.inline = serde_json::from_value(json!([["p", document(permissions)]])).unwrap();
        let key = role.key();
        self.service.write(key, &role);
    }

    fn stored(&self, name: &str) -> std::sync::Arc<Role> {
        let account = AccountId::parse(ACCOUNT).unwrap();
        let key = Key::iam_role(&account, name);
        self.service.read::<Role>(key).unwrap()
    }

    /// Root gives a user these statements as its only policy.
    fn give(&mut self, user: &str, statements: &[Value]) {
        let account = if user == "bob" {
            OTHER_ACCOUNT
        } else {
            ACCOUNT
        };
        self.service.be(account, REGION);
        let body = match statements {
            [] => json!({"UserName": user, "PolicyName": "p"}),
            _ => {
                json!({"UserName": user, "PolicyName": "p", "PolicyDocument": document(statements)})
            }
        };
        let operation = match statements {
            [] => "DeleteUserPolicy",
            _ => "PutUserPolicy",
        };
        let done = self.service.ask_of(iam::OPERATIONS, operation, &body);
        assert!(done.is_ok() || statements.is_empty(), "{done:?}");
    }

    fn be(&mut self, user: &str) {
        match user {
            "alice" => self.service.be_user(ACCOUNT, "alice", &self.alice),
            "bob" => self.service.be_user(OTHER_ACCOUNT, "bob", &self.bob),
            _ => self.service.be(ACCOUNT, REGION),
        }
    }

    fn sts(&mut self, operation: &str, body: &Value) -> Result<Value, Refusal> {
        self.service.ask_of(sts::OPERATIONS, operation, body)
    }

    /// Asks for a session of the role `reader`, with more members.
    fn assume(&mut self, more: Value) -> Result<Value, Refusal> {
        let mut body = json!({"RoleArn": READER, "RoleSessionName": "build-17"});
        for (member, value) in more.as_object().unwrap() {
            body[member] = value.clone();
        }
        self.sts("AssumeRole", &body)
    }

    /// Is a session of the role `reader` from now on.
    fn become_reader(&mut self, more: Value) -> Value {
        let answer = self.assume(more).unwrap();
        self.service.be_session(&answer["Credentials"]);
        answer
    }

    /// Whether the secret can be read.
    fn reads(&mut self) -> bool {
        let read = self
            .service
            .ask("GetSecretValue", &json!({"SecretId": "s"}));
        match read {
            Ok(_) => true,
            Err(refusal) if refusal.code == DENIED => false,
            Err(refusal) => panic!("{refusal:?}"),
        }
    }
}

/// The code and the text of a refusal.
fn refused(result: Result<Value, Refusal>) -> (&'static str, String) {
    match result {
        Ok(answer) => panic!("{answer}"),
        Err(refusal) => (refusal.code, refusal.message.unwrap_or_default()),
    }
}

/// How a role that is closed or absent is refused.
fn closed(caller: &str, action: &str, role: &str) -> (&'static str, String) {
    let text = format!("User: {caller} is not authorized to perform: {action} on resource: {role}");
    (DENIED, text)
}
