//! Who may do something: every root user, user and role of every account, by which policies, on which conditions; and who
//! may assume those roles, however many roles are in between.
//!
//! What a request alone says, such as its address, isn't known: who is listed without conditions may whatever it says, who
//! is not listed may not whatever it says.
//!
//! Source: AWS IAM User Guide, Policy evaluation logic.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::{
    self as policy, Bound, Decision, Effect, Grant, IdentityGrant, Known, Open, Policies,
    PolicyType, PossibleStatement, Reach, ResourceGrant, Saw, StatementRef, possible_statements,
};

use super::explanation::{Cited, Source, sources};
use super::subject::Subject;
use super::topic::Topic;
use super::{Problem, Question};
use crate::accounts::Account;
use crate::caller::{AccountId, Principal};
use crate::gate::{self, Asked, Guard, Need, Sought, Supposed};
use crate::iam::principals;
use crate::iam::role::Role;
use crate::kms::grant::{self, Grant as KeyGrant};
use crate::operation::{Given, Means};
use crate::records::{Key, Records};
use crate::refusal::Stop;

/// Who may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct WhoCan {
    /// What it takes: the action on the resource, and then what else.
    pub needs: Vec<AskedNeed>,
    /// How many principals there are.
    pub principals: usize,
    /// Those who may.
    pub holders: Vec<Holder>,
    /// Those who may do the action itself, but lack what else it takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacking: Vec<Holder>,
    /// Who may assume each role among the holders, and each role among those.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assumable_by: BTreeMap<String, Vec<Holder>>,
}

/// An action on a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct AskedNeed {
    /// The action.
    pub action: String,
    /// The resource's ARN, or `*`.
    pub resource: String,
}

/// Someone who may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Holder {
    /// Its ARN: of a root user, a user, a role, or the identity provider of a token.
    pub principal: String,
    /// Whether it may whatever the request says.
    pub unconditional: bool,
    /// How, for each thing that is needed.
    pub access: Vec<Access>,
}

/// How someone may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Access {
    /// The action.
    pub action: String,
    /// Whether it may at all.
    pub allowed: bool,
    /// What allows it. Where both sides of two accounts have to, some of each.
    pub by: Vec<Path>,
    /// What has to allow it as well, and does on conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub within: Vec<Path>,
    /// What denies it on conditions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unless: Vec<Path>,
}

/// What allows or denies, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Path {
    /// The statement.
    #[serde(flatten)]
    pub cited: Cited,
    /// All have to hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// Something that a request decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "Kind",
    rename_all = "PascalCase",
    rename_all_fields = "PascalCase"
)]
pub enum Condition {
    /// A condition of the statement.
    Key {
        /// The operator.
        operator: String,
        /// The key.
        key: String,
        /// What it lists.
        values: Vec<String>,
    },
    /// A variable in what the statement is about.
    Resource {
        /// What it lists.
        values: Vec<String>,
    },
    /// The session of a role.
    Session {
        /// The one that is named.
        principal: String,
    },
    /// The encryption context that a grant is constrained to.
    EncryptionContext {
        /// What it has to have.
        pairs: BTreeMap<String, String>,
    },
}

/// The account that is meant where none is named.
///
/// # Errors
/// There are several, or none.
pub(crate) fn only_account(records: &Records<'_>) -> Result<AccountId, Problem> {
    let all = Key::accounts();
    let mut found = Vec::new();
    records.scan::<Account>(all.as_bytes(), &all.end(), false, |account| {
        found.push(account.id.clone());
        if found.len() > 1 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    })?;
    match (found.pop(), found.pop()) {
        (Some(only), None) => Ok(only),
        _ => Err(Problem::Asked(
            "name the account with --account, or the resource by its ARN".to_owned(),
        )),
    }
}

/// Who may do something.
///
/// # Errors
/// The question is about nothing.
pub fn who_can(
    question: &Question,
    records: &Records<'_>,
    means: &Means<'_>,
) -> Result<WhoCan, Problem> {
    let own = question
        .account
        .clone()
        .or_else(|| account_of(&question.resource));
    let own = match own {
        Some(own) => own,
        None => only_account(records)?,
    };
    let topic = Topic::of(question, &own, records)?;
    let everyone = Subject::everyone(&topic.region, records)?;
    let round = Round {
        everyone: &everyone,
        supposed: &question.supposed,
        own: &own,
        records,
        means,
    };
    round.refuse_absent(&topic, question)?;
    let mut found = WhoCan {
        needs: Vec::new(),
        principals: everyone.len(),
        holders: Vec::new(),
        lacking: Vec::new(),
        assumable_by: BTreeMap::new(),
    };
    let mut roles: Vec<Arc<Role>> = Vec::new();
    for subject in &everyone {
        let (needs, holder) = round.ask(&topic, subject)?;
        if found.needs.len() < needs.len() {
            found.needs = needs;
        }
        let Some(holder) = holder else { continue };
        if holder.access.iter().all(|access| access.allowed) {
            roles.extend(subject.role_of());
            found.holders.push(holder);
        } else {
            found.lacking.push(holder);
        }
    }
    while let Some(role) = roles.pop() {
        let topic = Topic::assuming("sts:AssumeRole", &role, &topic.region);
        let arn = arn_of(&topic, &round)?;
        if found.assumable_by.contains_key(&arn) {
            continue;
        }
        let mut holders = Vec::new();
        for subject in &everyone {
            if let (_, Some(holder)) = round.ask(&topic, subject)? {
                roles.extend(subject.role_of());
                holders.push(holder);
            }
        }
        holders.extend(round.bearers(&role, &topic)?);
        found.assumable_by.insert(arn, holders);
    }
    Ok(found)
}

/// The account of an ARN.
fn account_of(resource: &str) -> Option<AccountId> {
    let account = resource
        .starts_with("arn:")
        .then(|| resource.split(':').nth(4))??;
    AccountId::parse(account).ok()
}

fn arn_of(topic: &Topic, round: &Round<'_>) -> Result<String, Problem> {
    let subject = round.everyone.first();
    let needs =
        subject.map(|subject| topic.needs(&[], &subject.caller, round.means.now, round.records));
    let needs = needs.transpose()?.unwrap_or_default();
    Ok(needs
        .first()
        .and_then(|need| need.shown.as_deref())
        .unwrap_or_default()
        .to_owned())
}

/// What is the same for everyone who is asked about.
struct Round<'a> {
    everyone: &'a [Subject],
    supposed: &'a Supposed,
    own: &'a AccountId,
    records: &'a Records<'a>,
    means: &'a Means<'a>,
}

impl Round<'_> {
    /// Of what isn't there nobody may do anything, whatever policies say.
    fn refuse_absent(&self, topic: &Topic, question: &Question) -> Result<(), Problem> {
        let mut everyone = self.everyone.iter();
        let owner = everyone.find(|subject| subject.caller.account == *self.own);
        let Some(owner) = owner else {
            return Err(Problem::Asked(format!(
                "there is no account {}; `strongroom admin account list` shows all accounts",
                self.own
            )));
        };
        let needs = topic.needs(&[], &owner.caller, self.means.now, self.records)?;
        let is_absent = needs.iter().any(|need| match &need.guard {
            Guard::Secret(guard) => match &guard.secret {
                Sought::Found(secret) => secret.is_gone(self.means.now),
                Sought::Absent(_) => true,
                Sought::ToBeMade(_) => false,
            },
            Guard::Role(guard) => guard.role.is_none(),
            Guard::Absent => true,
            Guard::Account | Guard::ToBeMade(_) | Guard::Key(_) | Guard::Function(_) => false,
        });
        if is_absent {
            let resource = &question.resource;
            return Err(Problem::Asked(format!(
                "there is no {resource} in account {}",
                self.own
            )));
        }
        Ok(())
    }

    /// What is needed, and how someone may, where they may at all.
    fn ask(
        &self,
        topic: &Topic,
        subject: &Subject,
    ) -> Result<(Vec<AskedNeed>, Option<Holder>), Problem> {
        let caller = &subject.caller;
        // What has no resource of its own is asked for in an account; and no root user assumes a role.
        let elsewhere = !topic.is_there() && caller.account != *self.own;
        let is_root = matches!(caller.principal, Principal::Root);
        if elsewhere || (topic.is_assuming() && is_root) {
            return Ok((Vec::new(), None));
        }
        let given = self.means.given(caller);
        let needs = topic.needs(self.supposed, caller, self.means.now, self.records)?;
        let mut asked = Vec::new();
        let mut holder = Holder {
            principal: caller.principal_arn(),
            unconditional: true,
            access: Vec::new(),
        };
        for (at, need) in needs.iter().enumerate() {
            let supposed = if at == 0 { self.supposed } else { &[] };
            let (resource, access, sure) = self.access(need, topic, supposed, subject, &given)?;
            asked.push(AskedNeed {
                action: need.action.to_owned(),
                resource,
            });
            holder.unconditional &= sure;
            holder.access.push(access);
        }
        let may = holder.access.first().is_some_and(|access| access.allowed);
        Ok((asked, may.then_some(holder)))
    }

    fn access(
        &self,
        need: &Need<'_>,
        topic: &Topic,
        supposed: &Supposed,
        subject: &Subject,
        given: &Given<'_>,
    ) -> Result<(String, Access, bool), Problem> {
        let known = known(need, topic, supposed, subject);
        let grants = open_grants(need, subject, self.records)?;
        let considered = gate::consider(
            need,
            supposed,
            &subject.in_force,
            given,
            |asked, policies, request| {
                let finder = Finder {
                    asked,
                    policies,
                    request,
                    known: &known,
                    grants: &grants,
                    subject,
                };
                let (access, sure) = finder.access(given);
                (asked.resource.to_string(), access, sure)
            },
        );
        Ok(considered)
    }

    /// The bearers of tokens that a role's trust policy lets in.
    fn bearers(&self, role: &Role, assuming: &Topic) -> Result<Vec<Holder>, Problem> {
        let mut holders: Vec<Holder> = Vec::new();
        let role = Arc::new(role.clone());
        let topic = Topic::assuming("sts:AssumeRoleWithWebIdentity", &role, &assuming.region);
        for principal in role.trust.document().principals() {
            let policy::Principal::Federated { provider } = principal else {
                continue;
            };
            let known = holders.iter().any(|holder| holder.principal == *provider);
            if known {
                continue;
            }
            let subject = Subject::bearer(provider, &role.account, &topic.region, self.records)?;
            let (_, holder) = self.ask(&topic, &subject)?;
            holders.extend(holder.map(|holder| Holder {
                principal: provider.clone(),
                // Who has a token of the provider isn't known here.
                unconditional: false,
                ..holder
            }));
        }
        Ok(holders)
    }
}

impl Subject {
    fn role_of(&self) -> Option<Arc<Role>> {
        match &self.caller.principal {
            Principal::Role(signer) => Some(Arc::clone(&signer.role)),
            _ => None,
        }
    }
}

/// Condition keys that are what they are, whatever a request says. All others are taken to be unknown.
fn known(need: &Need<'_>, topic: &Topic, supposed: &Supposed, subject: &Subject) -> Known {
    let mut keys = vec![
        "aws:PrincipalArn",
        "aws:PrincipalAccount",
        "aws:PrincipalType",
        "aws:PrincipalIsAWSService",
        "aws:PrincipalServiceName",
        "aws:username",
        "aws:ResourceAccount",
    ];
    let mut families = Vec::new();
    match &subject.caller.principal {
        Principal::Root | Principal::User(_) => {
            keys.push("aws:userid");
            families.push("aws:PrincipalTag/");
        }
        // A session has tags and a name of its own.
        Principal::Role(_) | Principal::WebIdentity(_) => {}
    }
    if topic.is_there() {
        families.extend(["aws:ResourceTag/", "iam:ResourceTag/"]);
    }
    match &need.guard {
        Guard::Secret(_) => {
            keys.extend(["aws:RequestedRegion", "aws:ViaAWSService"]);
            families.push("aws:CalledVia");
            if topic.is_there() {
                keys.extend([
                    "secretsmanager:SecretId",
                    "secretsmanager:SecretPrimaryRegion",
                ]);
                families.extend(["secretsmanager:ResourceTag/", "secretsmanager:resource/"]);
            }
        }
        Guard::Key(guard) => {
            keys.extend([
                "aws:RequestedRegion",
                "kms:CallerAccount",
                "kms:KeySpec",
                "kms:KeyUsage",
                "kms:KeyOrigin",
                "kms:MultiRegion",
                "kms:ResourceAliases",
            ]);
            if matches!(guard.context.get("kms:ViaService"), Saw::Values(_)) {
                keys.extend(OF_SERVICE);
                families.extend(["aws:CalledVia", "kms:EncryptionContext"]);
            }
        }
        Guard::Account
        | Guard::ToBeMade(_)
        | Guard::Absent
        | Guard::Role(_)
        | Guard::Function(_) => {}
    }
    let supposed = supposed.iter().map(|(key, _)| key.as_str());
    Known::new(keys.into_iter().chain(supposed), families)
}

/// What is known of a request that a service makes for its caller.
const OF_SERVICE: [&str; 8] = [
    "kms:ViaService",
    "kms:EncryptionAlgorithm",
    "kms:RequestAlias",
    "aws:ViaAWSService",
    "aws:SourceIp",
    "aws:SecureTransport",
    "aws:UserAgent",
    "aws:Referer",
];

/// Grants of a key that may let someone in, where the request is such or the session has that name.
fn open_grants(
    need: &Need<'_>,
    subject: &Subject,
    records: &Records<'_>,
) -> Result<Vec<(Arc<KeyGrant>, Condition)>, Stop> {
    let Guard::Key(guard) = &need.guard else {
        return Ok(Vec::new());
    };
    if guard.granted.is_some() || guard.key.grants_count == 0 {
        return Ok(Vec::new());
    }
    let operation = need.action.strip_prefix("kms:").unwrap_or(need.action);
    let names = subject.caller.grantee_names();
    let session = match subject.caller.principal {
        Principal::Role(_) => Some(subject.caller.arn()),
        _ => None,
    };
    let by_service = matches!(guard.context.get("kms:ViaService"), Saw::Values(_));
    let mut open = Vec::new();
    for grant in grant::all_for(&guard.key, operation, records)? {
        let pairs = grant
            .constraints
            .encryption_context()
            .cloned()
            .unwrap_or_default();
        let grantee = grant.grantee_principal.clone();
        // The encryption context that a service gives is known: the grant isn't for that one.
        let is_to = grant.is_to(&names);
        if is_to && !by_service {
            open.push((grant, Condition::EncryptionContext { pairs }));
        } else if session
            .as_deref()
            .is_some_and(|session| grantee.starts_with(session))
        {
            open.push((grant, Condition::Session { principal: grantee }));
        }
    }
    Ok(open)
}

/// Finds how someone may do something.
struct Finder<'a> {
    asked: &'a Asked<'a>,
    policies: &'a Policies<'a>,
    request: &'a policy::Request<'a>,
    known: &'a Known,
    grants: &'a [(Arc<KeyGrant>, Condition)],
    subject: &'a Subject,
}

impl<'a> Finder<'a> {
    fn access(&self, given: &Given<'_>) -> (Access, bool) {
        let mut access = Access {
            action: self.asked.action.to_owned(),
            allowed: true,
            by: Vec::new(),
            within: Vec::new(),
            unless: Vec::new(),
        };
        let least = self.request.bounded(self.known, Bound::Least);
        if let Decision::Allow(grant) = self.asked.answer(self.policies, &least, given) {
            let sources = self.sources();
            access.by = self.by(&grant, &sources, true);
            return (access, true);
        }
        let policies = Policies {
            granted: self
                .policies
                .granted
                .or((!self.grants.is_empty()).then_some(Reach::Caller)),
            ..*self.policies
        };
        let most = self.request.bounded(self.known, Bound::Most);
        let Decision::Allow(grant) = self.asked.answer(&policies, &most, given) else {
            access.allowed = false;
            return (access, false);
        };
        let sources = self.sources();
        access.by = self.by(&grant, &sources, false);
        let levels: Vec<(PolicyType, usize)> = self
            .policies
            .sets()
            .map(|(by, level, _)| (by, level))
            .collect();
        for (by, level) in levels {
            let limits = matches!(
                by,
                PolicyType::ServiceControl
                    | PolicyType::ResourceControl
                    | PolicyType::Boundary
                    | PolicyType::Session
            );
            if limits {
                let allowing = self.possible((by, level), Effect::Allow);
                if !allowing.iter().any(is_sure) {
                    access
                        .within
                        .extend(self.paths(by, &allowing, None, &sources));
                }
            }
            let denying = self.possible((by, level), Effect::Deny);
            access
                .unless
                .extend(self.paths(by, &denying, None, &sources));
        }
        (access, false)
    }

    fn sources(&self) -> Vec<Source> {
        let caller = &self.subject.caller;
        sources(self.asked, &self.subject.in_force, self.policies, caller)
    }

    /// What allows it on each side that has to: what does for sure, or else all that may.
    fn by(&self, grant: &Grant, sources: &[Source], sure: bool) -> Vec<Path> {
        let mut paths = Vec::new();
        match grant.identity {
            Some(IdentityGrant::Root) => {
                paths.push(whole(
                    "the account's root user, who needs no policy".to_owned(),
                ));
            }
            Some(IdentityGrant::Statement(at)) => {
                paths.extend(self.like(PolicyType::Identity, at, sources, sure));
            }
            None => {}
        }
        match grant.resource {
            Some(ResourceGrant::Granted) => match self.asked.granted {
                Some(id) => paths.push(whole(format!("grant {id}"))),
                None => paths.extend(self.grants.iter().map(|(grant, condition)| Path {
                    conditions: vec![condition.clone()],
                    ..whole(format!("grant {}", grant.grant_id))
                })),
            },
            Some(ResourceGrant::Statement(at)) => {
                paths.extend(self.like(PolicyType::Resource, at, sources, sure));
                paths.extend(
                    self.grants
                        .iter()
                        .filter(|_| !sure)
                        .map(|(grant, condition)| Path {
                            conditions: vec![condition.clone()],
                            ..whole(format!("grant {}", grant.grant_id))
                        }),
                );
            }
            None => {}
        }
        paths
    }

    /// The statement, or all that may do as much.
    fn like(&self, by: PolicyType, at: StatementRef, sources: &[Source], sure: bool) -> Vec<Path> {
        let possible = self.possible((by, 0), Effect::Allow);
        let chosen = possible.iter().find(|statement| statement.at == at);
        let reach = chosen.map(|statement| {
            if sure {
                statement.reach
            } else {
                Some(statement.reach_max)
            }
        });
        let reach = reach.flatten();
        let certain = possible.iter().find(|statement| {
            let closely = statement.reach >= reach && statement.reach.is_some();
            closely && is_sure(statement)
        });
        if let Some(certain) = certain {
            return self.paths(by, std::slice::from_ref(certain), reach, sources);
        }
        let alike = possible
            .into_iter()
            .filter(|statement| Some(statement.reach_max) >= reach);
        self.paths(by, &alike.collect::<Vec<_>>(), reach, sources)
    }

    fn possible(&self, which: (PolicyType, usize), effect: Effect) -> Vec<PossibleStatement<'a>> {
        possible_statements(self.policies, which, effect, self.request, self.known)
    }

    fn paths(
        &self,
        by: PolicyType,
        statements: &[PossibleStatement<'_>],
        needed: Option<Reach>,
        sources: &[Source],
    ) -> Vec<Path> {
        let paths = statements.iter().map(|statement| {
            let mut of_type = sources.iter().filter(|source| source.by == by);
            let source = of_type.nth(statement.at.document);
            // A closer naming than is needed is no condition.
            let named = statement.reach.is_some() && statement.reach >= needed;
            let open = statement.open.iter();
            let open = open.filter(|open| !(named && matches!(open, Open::Session(_))));
            Path {
                cited: Cited {
                    source: source.map_or_else(String::new, |source| source.text.clone()),
                    statement: Some(statement.at.statement + 1),
                    sid: statement.statement.sid().map(str::to_owned),
                },
                conditions: open.map(condition).collect(),
            }
        });
        paths.collect()
    }
}

fn is_sure(statement: &PossibleStatement<'_>) -> bool {
    let open = statement.open.iter();
    let mut open = open.filter(|open| !matches!(open, Open::Session(_)));
    statement.reach.is_some() && open.next().is_none()
}

fn whole(source: String) -> Path {
    Path {
        cited: Cited {
            source,
            statement: None,
            sid: None,
        },
        conditions: Vec::new(),
    }
}

fn condition(open: &Open<'_>) -> Condition {
    let texts = |wanted: &[policy::Wanted<'_>]| {
        wanted
            .iter()
            .map(|wanted| wanted.written.to_owned())
            .collect()
    };
    match open {
        Open::Condition(condition, wanted) => Condition::Key {
            operator: condition.operator().to_owned(),
            key: condition.key().to_owned(),
            values: texts(wanted),
        },
        Open::Resource(wanted) => Condition::Resource {
            values: texts(wanted),
        },
        Open::Session(principal) => Condition::Session {
            principal: principal.to_string(),
        },
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Condition::Key {
                operator,
                key,
                values,
            } => write!(f, "{operator} {key} {}", values.join(", ")),
            Condition::Resource { values } => {
                write!(f, "the resource is among {}", values.join(", "))
            }
            Condition::Session { principal } => write!(f, "the session is {principal}"),
            Condition::EncryptionContext { pairs } => {
                let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
                let pairs: Vec<String> = pairs.collect();
                write!(f, "the encryption context has {}", pairs.join(", "))
            }
        }
    }
}

/// Lines of a role's assumers beyond which only JSON has all.
const ASSUMERS_SHOWN: usize = 20;

/// For a person: narrow, since ARNs are long already.
impl fmt::Display for WhoCan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, need) in self.needs.iter().enumerate() {
            let word = if at == 0 {
                ""
            } else {
                "and, as it is encrypted so, "
            };
            writeln!(f, "{word}{}\n  on {}", need.action, need.resource)?;
        }
        let conditional = self
            .holders
            .iter()
            .filter(|holder| !holder.unconditional)
            .count();
        let of_them = match conditional {
            0 => String::new(),
            some => format!(", {some} of them on conditions"),
        };
        writeln!(
            f,
            "\n{} of {} principals may{of_them}.",
            self.holders.len(),
            self.principals
        )?;
        for holder in &self.holders {
            writeln!(f)?;
            self.holder(holder, f)?;
        }
        if !self.lacking.is_empty() {
            writeln!(
                f,
                "\n{} more may do the first, but not the second:",
                self.lacking.len()
            )?;
            for holder in &self.lacking {
                writeln!(f, "  {}", holder.principal)?;
            }
        }
        Ok(())
    }
}

impl WhoCan {
    fn holder(&self, holder: &Holder, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let condition = if holder.unconditional {
            ""
        } else {
            ", on conditions"
        };
        writeln!(f, "{}{condition}", holder.principal)?;
        for access in &holder.access {
            if holder.access.len() > 1 {
                writeln!(f, "  {}", access.action)?;
            }
            write!(f, "{access}")?;
        }
        if self.assumable_by.contains_key(&holder.principal) {
            writeln!(f, "  assumed by")?;
            let mut lines = Vec::new();
            self.chains(
                &holder.principal,
                &mut vec![holder.principal.clone()],
                &mut lines,
            );
            for line in lines.iter().take(ASSUMERS_SHOWN) {
                writeln!(f, "    {line}")?;
            }
            match lines.len() {
                0 => writeln!(f, "    nobody")?,
                all if all > ASSUMERS_SHOWN => {
                    writeln!(
                        f,
                        "    and {} more, which --json tells",
                        all - ASSUMERS_SHOWN
                    )?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Every way to a role; cycles are cut.
    fn chains(&self, role: &str, path: &mut Vec<String>, lines: &mut Vec<String>) {
        for assumer in self.assumable_by.get(role).into_iter().flatten() {
            if path.contains(&assumer.principal) || lines.len() > LINES_MAX {
                continue;
            }
            let condition = if assumer.unconditional {
                ""
            } else {
                " (on conditions)"
            };
            let via = path
                .iter()
                .skip(1)
                .rev()
                .map(|role| format!(" → {}", principals::resource(role)));
            lines.push(format!(
                "{}{condition}{}",
                assumer.principal,
                via.collect::<String>()
            ));
            if self.assumable_by.contains_key(&assumer.principal) {
                path.push(assumer.principal.clone());
                self.chains(&assumer.principal, path, lines);
                path.pop();
            }
        }
    }
}

/// Ways to a role that are looked for.
const LINES_MAX: usize = 10_000;

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths = |word: &str, paths: &[Path]| {
            for path in paths {
                writeln!(f, "  {word} {}", path.cited)?;
                for condition in &path.conditions {
                    writeln!(f, "    if {condition}")?;
                }
            }
            Ok(())
        };
        paths("by", &self.by)?;
        paths("within", &self.within)?;
        paths("unless", &self.unless)
    }
}
