//! What a call tells of itself on its way, for its event: its parameters as they are read, what it is about, what came of
//! it, and what a service asked of another one for its caller.
//!
//! Nothing that is a secret gets here: `input.rs` tells no member that it reads as one, [`super::elements`] none that a
//! response discloses.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;

use crate::caller::AccountId;
use crate::json_text::push_quoted;
use crate::kms::key::KmsKey;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};
use crate::secretsmanager::secret::Secret;

/// Room for the parameters of a usual request.
const PARAMETERS_BYTES_EXPECTED: usize = 256;

/// What a call told of itself so far.
#[derive(Debug, Default)]
pub struct Told {
    /// `requestParameters`; `None`: the request could not be read.
    pub parameters: Option<Parameters>,
    /// `responseElements`, a JSON object; `None`: nothing was changed.
    pub response: Option<Vec<u8>>,
    /// `additionalEventData`, where there is any.
    pub data: Option<Value>,
    /// What the call is about.
    pub resources: Vec<Resource>,
    /// What a service asked of another one, or of itself, for the caller.
    pub calls: Vec<ServiceCall>,
}

/// Something that a call is about.
#[derive(Clone, Debug)]
pub enum Resource {
    /// A secret.
    Secret(Arc<Secret>),
    /// A KMS key.
    Key(Arc<KmsKey>),
    /// Anything else.
    Other {
        /// Its ARN.
        arn: String,
        /// Such as `AWS::IAM::Role`.
        kind: &'static str,
        /// Whose it is.
        account: AccountId,
    },
}

/// A call that a service makes for the caller of another one, or one of the many that a single call stands for.
#[derive(Debug)]
pub struct ServiceCall {
    /// The service that is asked, as in `secretsmanager.amazonaws.com`.
    pub source: &'static str,
    /// The operation.
    pub operation: &'static str,
    /// Whether it changes nothing.
    pub read_only: bool,
    /// The service that asks, as in `secretsmanager.amazonaws.com`; `None`: the caller does.
    pub invoked_by: Option<&'static str>,
    /// Its parameters.
    pub parameters: Parameters,
    /// `responseElements`, a JSON object; `None`: nothing was changed, or KMS or the batch's call tells of it.
    pub response: Option<Vec<u8>>,
    /// What it is about.
    pub resources: Vec<Resource>,
    /// Why it was refused, where it was: the code, and what is said to it.
    pub error: Option<(&'static str, Option<String>)>,
}

impl ServiceCall {
    /// A call of which no more is known yet.
    pub fn of(source: &'static str, operation: &'static str, read_only: bool) -> Self {
        ServiceCall {
            source,
            operation,
            read_only,
            invoked_by: None,
            parameters: Parameters::new(),
            response: None,
            resources: Vec::new(),
            error: None,
        }
    }

    /// Tells of the call before those that are made for it, and what it was refused for. `does` says what it is about.
    pub(crate) fn tell<T>(
        mut self,
        records: &Records<'_>,
        does: impl FnOnce(&mut Vec<Resource>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let mut before = 0;
        records.tell(|told| before = told.calls.len());
        let outcome = does(&mut self.resources);
        if let Err(Stop::Refused(Refusal { code, message, .. })) = &outcome {
            self.error = Some((*code, message.clone()));
        }
        records.tell(|told| told.calls.insert(before, self));
        outcome
    }
}

impl Told {
    /// Adds what the call is about; once, however often it is looked at.
    pub fn note_resource(&mut self, resource: Resource) {
        let is_known = self.resources.iter().any(|known| known.is(&resource));
        if !is_known {
            self.resources.push(resource);
        }
    }

    /// The same of something by its ARN, such as one that the call made.
    pub fn note_arn(&mut self, arn: &str) {
        if let Some(resource) = Resource::by_arn(arn) {
            self.note_resource(resource);
        }
    }
}

impl Resource {
    /// Something by its ARN. `None`: nothing that events name has such an ARN.
    pub fn by_arn(arn: &str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':').skip(2);
        let (service, _, account, resource) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Resource::Other {
            arn: arn.to_owned(),
            kind: kind_of(service, resource)?,
            account: AccountId::parse(account).ok()?,
        })
    }

    /// Its ARN.
    pub fn arn(&self) -> Cow<'_, str> {
        match self {
            Resource::Secret(secret) => Cow::Owned(secret.arn()),
            Resource::Key(key) => Cow::Owned(key.arn()),
            Resource::Other { arn, .. } => Cow::Borrowed(arn),
        }
    }

    /// Such as `AWS::SecretsManager::Secret`.
    pub fn kind(&self) -> &'static str {
        match self {
            Resource::Secret(_) => SECRET,
            Resource::Key(_) => KEY,
            Resource::Other { kind, .. } => kind,
        }
    }

    /// Whose it is.
    pub fn account(&self) -> &AccountId {
        match self {
            Resource::Secret(secret) => &secret.account,
            Resource::Key(key) => &key.account,
            Resource::Other { account, .. } => account,
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Resource::Secret(this), Resource::Secret(that)) if Arc::ptr_eq(this, that) => true,
            (Resource::Key(this), Resource::Key(that)) if Arc::ptr_eq(this, that) => true,
            _ => self.kind() == other.kind() && self.arn() == other.arn(),
        }
    }
}

const SECRET: &str = "AWS::SecretsManager::Secret";
const KEY: &str = "AWS::KMS::Key";

/// The type of a resource as CloudFormation names it; `None`: an ARN that names none by itself, such as a pattern.
fn kind_of(service: &str, resource: &str) -> Option<&'static str> {
    if resource.contains(['*', '?']) || resource.ends_with('/') {
        return None;
    }
    let (noun, _) = resource.split_once(['/', ':'])?;
    Some(match (service, noun) {
        ("secretsmanager", "secret") => SECRET,
        ("kms", "key") => KEY,
        ("kms", "alias") => "AWS::KMS::Alias",
        ("cloudtrail", "trail") => "AWS::CloudTrail::Trail",
        ("lambda", "function") => "AWS::Lambda::Function",
        ("iam", "user") => "AWS::IAM::User",
        ("iam", "group") => "AWS::IAM::Group",
        ("iam", "role") => "AWS::IAM::Role",
        ("iam", "policy") => "AWS::IAM::Policy",
        ("iam", "mfa") => "AWS::IAM::VirtualMFADevice",
        ("iam", "instance-profile") => "AWS::IAM::InstanceProfile",
        ("iam", "oidc-provider") => "AWS::IAM::OIDCProvider",
        _ => return None,
    })
}

/// A call's parameters, written as they are read: a JSON object.
#[derive(Debug)]
pub struct Parameters {
    /// Without its closing brace.
    json: Vec<u8>,
    /// Whether what comes is left out.
    muted: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self::new()
    }
}

impl Parameters {
    /// None yet.
    pub fn new() -> Self {
        let mut json = Vec::with_capacity(PARAMETERS_BYTES_EXPECTED);
        json.push(b'{');
        Parameters { json, muted: false }
    }

    /// Whether what comes is left out from now on; what was so before.
    pub fn mute(&mut self, muted: bool) -> bool {
        std::mem::replace(&mut self.muted, muted)
    }

    /// Whether what comes is left out.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// Writes the JSON object.
    pub fn write(&self, json: &mut Vec<u8>) {
        json.extend_from_slice(&self.json);
        json.push(b'}');
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.json == b"{"
    }

    /// How many bytes that takes.
    pub fn bytes(&self) -> usize {
        self.json.len() + 1
    }

    /// Adds a text.
    pub fn text(&mut self, name: &str, value: &str) {
        self.member(name, |json| push_quoted(value, json));
    }

    /// Adds a number.
    pub fn number(&mut self, name: &str, value: i64) {
        let digits = value.to_string();
        self.member(name, |json| json.extend_from_slice(digits.as_bytes()));
    }

    /// Adds a yes or no.
    pub fn flag(&mut self, name: &str, value: bool) {
        let text: &[u8] = if value { b"true" } else { b"false" };
        self.member(name, |json| json.extend_from_slice(text));
    }

    /// Adds a list of texts.
    pub fn texts<'t>(&mut self, name: &str, values: impl Iterator<Item = &'t str>) {
        self.member(name, |json| {
            json.push(b'[');
            for value in values {
                separate(json);
                push_quoted(value, json);
            }
            json.push(b']');
        });
    }

    /// Adds a map, whose keys stay as they are.
    pub fn map<'t>(&mut self, name: &str, entries: impl Iterator<Item = (&'t str, &'t str)>) {
        self.member(name, |json| {
            json.push(b'{');
            for (key, value) in entries {
                separate(json);
                push_quoted(key, json);
                json.push(b':');
                push_quoted(value, json);
            }
            json.push(b'}');
        });
    }

    /// Begins a structure, which [`Self::end`] ends.
    pub fn begin(&mut self, name: &str) {
        self.member(name, |json| json.push(b'{'));
    }

    /// Begins a list of structures, which [`Self::end_list`] ends.
    pub fn begin_list(&mut self, name: &str) {
        self.member(name, |json| json.push(b'['));
    }

    /// Begins a structure in a list, which [`Self::end`] ends.
    pub fn begin_item(&mut self) {
        if !self.muted {
            separate(&mut self.json);
            self.json.push(b'{');
        }
    }

    /// Ends a structure.
    pub fn end(&mut self) {
        if !self.muted {
            self.json.push(b'}');
        }
    }

    /// Ends a list.
    pub fn end_list(&mut self) {
        if !self.muted {
            self.json.push(b']');
        }
    }

    fn member(&mut self, name: &str, value: impl FnOnce(&mut Vec<u8>)) {
        if !self.muted {
            separate(&mut self.json);
            push_member_name(name, &mut self.json);
            self.json.push(b':');
            value(&mut self.json);
        }
    }
}

fn separate(json: &mut Vec<u8>) {
    if !matches!(json.last(), Some(b'{' | b'[')) {
        json.push(b',');
    }
}

/// Writes a member's name as CloudTrail has it: `SecretId` as `secretId`, `ARN` as `arn`.
///
/// Source: reference/integrations.md §1.1, "Names" and "responseElements".
pub(super) fn push_member_name(name: &str, json: &mut Vec<u8>) {
    json.push(b'"');
    let start = json.len();
    json.extend_from_slice(name.as_bytes());
    let written = &mut json[start..];
    if written.iter().all(u8::is_ascii_uppercase) {
        written.make_ascii_lowercase();
    } else if let Some(first) = written.first_mut() {
        first.make_ascii_lowercase();
    }
    json.push(b'"');
}
