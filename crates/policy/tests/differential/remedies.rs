//! What is said to let a refused request through does, and nothing of it can be left out.

use serde_json::{Value, json};
use strongroom_policy::{
    Caller, Changeable, Context, Decision, Document, Kind, Naming, Policies, PolicyType, Request,
    ResourceRule, Step, decide, remedies,
};

use crate::evaluators::Asked;
use crate::random::{self, Random};
use crate::seeds;

const OWNER: &str = "111122223333";

/// Policies as JSON, so that they can be changed.
#[derive(Clone)]
pub(crate) struct Written {
    identity: Vec<Value>,
    boundary: Option<Value>,
    session: Option<Vec<Value>>,
    control: Option<Vec<Value>>,
    resource: Option<Value>,
    required: bool,
}

impl Written {
    pub(crate) fn random(random: &mut Random) -> Self {
        let identity = |random: &mut Random| random::policy(random, Kind::Identity);
        Written {
            identity: (0..random.pick(&[0, 1, 2]))
                .map(|_| identity(random))
                .collect(),
            boundary: random.pick(&[false, false, true]).then(|| identity(random)),
            session: random
                .pick(&[false, false, true])
                .then(|| vec![identity(random)]),
            control: random
                .pick(&[false, false, true])
                .then(|| vec![identity(random)]),
            resource: random
                .pick(&[false, true])
                .then(|| random::policy(random, Kind::Resource)),
            required: random.pick(&[false, false, true]),
        }
    }

    pub(crate) fn decide<T>(
        &self,
        asked: &Asked,
        context: &Context,
        ask: impl FnOnce(&Policies<'_>, &Request<'_>) -> T,
    ) -> T {
        let parse = |kind| {
            move |value: &Value| {
                Document::parse(&value.to_string(), kind)
                    .unwrap_or_else(|problem| panic!("{problem}"))
            }
        };
        let all = |values: &[Value]| -> Vec<Document> {
            values.iter().map(parse(Kind::Identity)).collect()
        };
        let identity = all(&self.identity);
        let boundary = self.boundary.as_ref().map(parse(Kind::Identity));
        let session = self.session.as_deref().map(all);
        let control = self.control.as_deref().map(all);
        let resource = self.resource.as_ref().map(parse(Kind::Resource));
        let identity: Vec<&Document> = identity.iter().collect();
        let session: Option<Vec<&Document>> = session.as_ref().map(|all| all.iter().collect());
        let control: Option<Vec<&Document>> = control.as_ref().map(|all| all.iter().collect());
        let level = control.as_deref();
        let policies = Policies {
            identity: &identity,
            boundary: boundary.as_ref(),
            session: session.as_deref(),
            service_control: level.as_slice(),
            resource: resource.as_ref(),
            resource_rule: if self.required {
                ResourceRule::Required
            } else {
                ResourceRule::Optional
            },
            ..Policies::none(OWNER)
        };
        let request = Request::new(&asked.caller, &asked.action, &asked.resource, context);
        ask(&policies, &request)
    }

    fn allows(&self, asked: &Asked, context: &Context) -> bool {
        self.decide(asked, context, |policies, request| {
            matches!(decide(policies, request), Decision::Allow(_))
        })
    }

    fn documents(&mut self, by: PolicyType) -> Vec<&mut Value> {
        match by {
            PolicyType::Identity => self.identity.iter_mut().collect(),
            PolicyType::Boundary => self.boundary.iter_mut().collect(),
            PolicyType::Session => self.session.iter_mut().flatten().collect(),
            PolicyType::ServiceControl => self.control.iter_mut().flatten().collect(),
            PolicyType::Resource => self.resource.iter_mut().collect(),
            PolicyType::ResourceControl => Vec::new(),
        }
    }

    fn apply(&mut self, steps: &[Done], asked: &Asked, context: &mut Context) {
        for step in steps {
            match step {
                // What a policy loses is replaced, so that no place in it changes.
                Done::Remove(by, document, statement) => {
                    let mut documents = self.documents(*by);
                    let text = statements(documents[*document]).get_mut(*statement);
                    *text.unwrap() = nothing(*by);
                }
                Done::Allow(by, naming) => {
                    let mut statement = json!({"Effect": "Allow", "Action": asked.action, "Resource": asked.resource});
                    if let Some(naming) = naming {
                        statement["Principal"] = principal(&asked.caller, *naming);
                    }
                    if self.documents(*by).is_empty() {
                        let empty = json!({"Statement": []});
                        match by {
                            PolicyType::Identity => self.identity.push(empty),
                            PolicyType::Resource => self.resource = Some(empty),
                            other => panic!("there is no {other:?} to be changed"),
                        }
                    }
                    statements(self.documents(*by)[0]).push(statement);
                }
                Done::Hold(key, value) => context.replace(key, value.clone()),
            }
        }
    }
}

fn statements(policy: &mut Value) -> &mut Vec<Value> {
    let all = &mut policy["Statement"];
    if all.is_object() {
        *all = json!([all.clone()]);
    }
    all.as_array_mut().unwrap()
}

fn nothing(by: PolicyType) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": "no:Thing", "Resource": "*"});
    if by == PolicyType::Resource {
        statement["Principal"] = json!({"AWS": "999999999999"});
    }
    statement
}

fn principal(caller: &Caller, naming: Naming) -> Value {
    let account = caller.account();
    match (naming, caller) {
        (Naming::Account, _) => json!({"AWS": account}),
        (_, Caller::Root { account }) => json!({"AWS": account}),
        (_, Caller::User { arn, .. } | Caller::FederatedUser { arn }) => json!({"AWS": arn}),
        (_, Caller::RoleSession { role_arn, .. }) => json!({"AWS": role_arn}),
        (_, Caller::Service { name }) => json!({"Service": name}),
        (_, Caller::WebIdentity { provider }) => json!({"Federated": provider}),
        (_, Caller::Anonymous) => json!("*"),
    }
}

/// A step without what it borrows.
#[derive(Debug, Clone)]
enum Done {
    Remove(PolicyType, usize, usize),
    Allow(PolicyType, Option<Naming>),
    Hold(String, Option<String>),
}

fn owned(step: &Step<'_>) -> Done {
    match step {
        Step::Remove { by, at, .. } => Done::Remove(*by, at.document, at.statement),
        Step::Allow { by, naming, .. } => Done::Allow(*by, *naming),
        Step::Hold {
            condition, value, ..
        } => Done::Hold(condition.key().to_owned(), value.clone()),
    }
}

#[test]
fn each_way_out_of_a_refusal_is_enough_and_has_nothing_to_spare() {
    let (mut ways_seen, mut by_value, mut helpless) = (0, 0, 0);
    for seed in seeds().take(2_000) {
        let mut random = Random::new(seed);
        let written = Written::random(&mut random);
        let asked = random::asked(&mut random);
        let context = asked.context();
        let resource_policy = random.pick(&[true, true, true, false]) || written.resource.is_some();
        let changeable = Changeable {
            resource_policy,
            key: &|key| key != "aws:username",
        };
        let ways: Vec<Vec<Done>> = written.decide(&asked, &context, |policies, request| {
            let ways = remedies(policies, request, &changeable);
            ways.iter()
                .map(|way| way.iter().map(owned).collect())
                .collect()
        });
        if written.allows(&asked, &context) {
            assert!(ways.is_empty(), "seed {seed}: {ways:?}");
            continue;
        }
        // Another account's root, user or role can always be let in where the resource can have a policy.
        helpless += u32::from(ways.is_empty());
        assert!(
            !ways.is_empty() || !resource_policy,
            "seed {seed}: no way, {asked:?}"
        );
        for way in ways {
            let outcome = |steps: &[Done]| {
                let (mut changed, mut context) = (written.clone(), context.clone());
                changed.apply(steps, &asked, &mut context);
                changed.allows(&asked, &context)
            };
            assert!(
                outcome(&way),
                "seed {seed}: {way:?} is not enough, {asked:?}"
            );
            for without in 0..way.len() {
                let mut fewer = way.clone();
                fewer.remove(without);
                assert!(
                    !outcome(&fewer),
                    "seed {seed}: {way:?} without {without}, {asked:?}"
                );
            }
            ways_seen += 1;
            by_value += u32::from(way.iter().any(|step| matches!(step, Done::Hold(..))));
        }
    }
    if std::env::var("POLICY_SEED").is_err() {
        assert!(
            ways_seen > 1_000 && by_value > 100 && helpless > 2,
            "{ways_seen} {by_value} {helpless}"
        );
    }
}
