//! The record of a grant: a permission to use a key, given to one principal.
//!
//! Source: AWS KMS Developer Guide, Grants in AWS KMS; AWS KMS API Reference, GrantConstraints.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde::{Deserialize, Serialize};
use strongroom_keys::{KeySpec, Sealed, SecretBytes};
use strongroom_policy::{Context, Principal};

use super::key::{KeyUsage, KmsKey};
use super::refusals;
use crate::caller::{AccountId, Caller};
use crate::iam::principals::{self, Named};
use crate::input::Text;
use crate::operation::Given;
use crate::paging::Page;
use crate::records::{Changes, Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, epoch_seconds};

const TOKEN_PURPOSE: &str = "kms grant";
const CONSTRAINT_PAIRS_MAX: usize = 8;
const CONSTRAINT_VALUE_CHARACTERS_MAX: usize = 384;

/// A grant of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Grant {
    /// The key that it belongs to.
    pub key_id: String,
    /// 64 hexadecimal digits.
    pub grant_id: String,
    /// The name that its maker gave it, so that a repeated request makes no second one.
    pub name: Option<String>,
    /// When it was made.
    pub created: Timestamp,
    /// The ARN of the principal that may use the key.
    pub grantee_principal: String,
    /// The ARN of the principal that may retire it.
    pub retiring_principal: Option<String>,
    /// The account that made it.
    pub issuing_account: AccountId,
    /// What the grantee may do, by the operations' names.
    pub operations: Vec<String>,
    /// In which cases.
    pub constraints: Constraints,
    /// Whom the grantee's ARN meant when the grant was made: nobody else who has it later is the grantee.
    pub grantee: Named,
    /// The same of the retiring principal's.
    pub retiring: Named,
}

/// In which cases a grant applies; without any, in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraints {
    /// The request's encryption context has all of these.
    pub encryption_context_subset: Option<BTreeMap<String, String>>,
    /// The request's encryption context is exactly this.
    pub encryption_context_equals: Option<BTreeMap<String, String>>,
    /// The request is made for this resource.
    pub source_arn: Option<String>,
}

impl Grant {
    /// Reads the fields of an earlier format. In the first, principals are taken by name.
    pub(crate) fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
        const BY_NAME: u8 = 0;
        if format != 1 {
            return None;
        }
        postcard::from_bytes(&[fields, &[BY_NAME, BY_NAME]].concat()).ok()
    }

    /// Whether it is to someone who has these names and ids.
    pub fn is_to(&self, names: &[String]) -> bool {
        means(&self.grantee_principal, &self.grantee, names)
    }

    /// Whether someone who has these names and ids may retire it.
    pub(super) fn is_retired_by(&self, names: &[String]) -> bool {
        let retiring = self.retiring_principal.as_ref();
        retiring.is_some_and(|retiring| means(retiring, &self.retiring, names))
    }

    /// Whether it allows an operation with an encryption context.
    pub fn allows(&self, operation: &str, context: &BTreeMap<String, String>) -> bool {
        self.operations.iter().any(|granted| granted == operation)
            && self.constraints.hold(operation, context)
    }
}

impl Grant {
    /// Writes its rows; the key's count is up to the caller.
    pub(super) fn add(&self, key: &KmsKey, changes: &mut Changes) -> Result<(), Stop> {
        for index in self.indices(key) {
            changes.put_entry(index);
        }
        changes.put(self.key(key), self)
    }

    /// Removes its rows; the key's count is up to the caller.
    pub(super) fn remove(&self, key: &KmsKey, changes: &mut Changes) {
        for index in self.indices(key) {
            changes.delete(index);
        }
        changes.delete(self.key(key));
    }

    fn key(&self, key: &KmsKey) -> Key {
        Key::kms_grant(&key.account, &key.region, &key.key_id, &self.grant_id)
    }

    fn indices(&self, key: &KmsKey) -> impl Iterator<Item = Key> {
        let (account, region, key_id) = (&key.account, &key.region, &key.key_id);
        let grantee = indexed(&self.grantee_principal, &self.grantee);
        let retiring = self.retiring_principal.as_ref();
        let retiring = retiring.map(|retiring| indexed(retiring, &self.retiring));
        let to = Key::kms_grant_to(account, region, key_id, grantee, &self.grant_id);
        [to].into_iter().chain(
            retiring.map(|retiring| {
                Key::kms_retirable(region, retiring, account, key_id, &self.grant_id)
            }),
        )
    }
}

/// The name under which the indices have a principal: its unique id, or its ARN where that says it all or nobody had it.
fn indexed<'a>(arn: &'a str, named: &'a Named) -> &'a str {
    match named {
        Named::There(id) => id,
        Named::ByName | Named::Absent => arn,
    }
}

fn means(arn: &str, named: &Named, names: &[String]) -> bool {
    let wanted = indexed(arn, named);
    *named != Named::Absent && names.iter().any(|name| name == wanted)
}

impl Constraints {
    /// Whether they hold. Names are compared without letter case, values with it; operations that
    /// have no encryption context aren't constrained by it.
    fn hold(&self, operation: &str, context: &BTreeMap<String, String>) -> bool {
        // No request of ours is made on behalf of a resource yet that would name itself.
        if self.source_arn.is_some() {
            return false;
        }
        if !WITH_ENCRYPTION_CONTEXT.contains(&operation) {
            return true;
        }
        let subset = self.encryption_context_subset.as_ref();
        let equals = self.encryption_context_equals.as_ref();
        subset.is_none_or(|subset| subset.iter().all(|pair| has(context, pair)))
            && equals.is_none_or(|equal| {
                equal.iter().all(|pair| has(context, pair))
                    && context.iter().all(|pair| has(equal, pair))
            })
    }

    /// Whether they let nothing through that `others` keep out.
    fn as_strict_as(&self, others: &Constraints) -> bool {
        let equals = self.encryption_context_equals.as_ref();
        let subset_holds = |wanted: &BTreeMap<String, String>| {
            self.encryption_context().is_some_and(|own| {
                wanted
                    .iter()
                    .all(|(name, value)| own.get(name) == Some(value))
            })
        };
        let wanted_equals = others.encryption_context_equals.as_ref();
        let wanted_subset = others.encryption_context_subset.as_ref();
        wanted_equals.is_none_or(|wanted| equals == Some(wanted))
            && wanted_subset.is_none_or(subset_holds)
            && (others.source_arn.is_none() || others.source_arn == self.source_arn)
    }

    /// The encryption context that they ask for, by which policies judge a request that makes a grant.
    pub(crate) fn encryption_context(&self) -> Option<&BTreeMap<String, String>> {
        let equals = self.encryption_context_equals.as_ref();
        equals.or(self.encryption_context_subset.as_ref())
    }

    /// Whether they are as long as AWS has them at most.
    ///
    /// Source: AWS KMS API Reference, CreateGrant, `Constraints`.
    pub(super) fn fit(&self) -> bool {
        let subset = self.encryption_context_subset.iter();
        let mut contexts = subset.chain(&self.encryption_context_equals);
        contexts.all(|context| {
            let mut values = context.values();
            context.len() <= CONSTRAINT_PAIRS_MAX
                && values.all(|value| value.chars().count() <= CONSTRAINT_VALUE_CHARACTERS_MAX)
        })
    }

    /// AWS's name of their kind, as conditions ask for it.
    pub(super) fn kind(&self) -> Option<&'static str> {
        if self.encryption_context_equals.is_some() {
            Some("EncryptionContextEquals")
        } else {
            self.encryption_context_subset
                .as_ref()
                .map(|_| "EncryptionContextSubset")
        }
    }

    /// Only symmetric keys have encryption contexts.
    pub(super) fn check(&self, key: &KmsKey) -> Result<(), Refusal> {
        if self.kind().is_some() && key.spec != KeySpec::SymmetricDefault {
            return Err(Refusal::validation(
                "Encryption context constraints are valid for symmetric encryption KMS keys only.",
            ));
        }
        Ok(())
    }
}

/// Whether an encryption context has a pair, as constraints see it.
fn has(context: &BTreeMap<String, String>, (name, value): (&String, &String)) -> bool {
    context
        .iter()
        .any(|(own, its)| own.eq_ignore_ascii_case(name) && its == value)
}

/// Operations that take an encryption context; that of CreateGrant is what the new grant is constrained to.
const WITH_ENCRYPTION_CONTEXT: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "CreateGrant",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
];

/// The operations that a grant may allow.
pub(super) const OPERATION: Text = Text::one_of(OPERATIONS);

const OPERATIONS: &[&str] = &[
    "Decrypt",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncryptFrom",
    "ReEncryptTo",
    "Sign",
    "Verify",
    "GetPublicKey",
    "CreateGrant",
    "RetireGrant",
    "DescribeKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateMac",
    "VerifyMac",
    "DeriveSharedSecret",
    "Encapsulate",
    "Decapsulate",
];

/// Whether a grant may allow an operation.
pub(crate) fn is_grantable(operation: &str) -> bool {
    OPERATIONS.contains(&operation)
}

/// Operations must be such as the key has.
///
/// # Refusals
/// `ValidationException`
pub(super) fn check_operations(operations: &[String], key: &KmsKey) -> Result<(), Refusal> {
    let possible = |operation: &str| match operation {
        "CreateGrant" | "RetireGrant" | "DescribeKey" => true,
        "GetPublicKey" => key.is_key_pair(),
        "Encrypt" | "Decrypt" | "ReEncryptFrom" | "ReEncryptTo" => {
            key.usage == KeyUsage::EncryptDecrypt
        }
        "Sign" | "Verify" => key.usage == KeyUsage::SignVerify,
        "GenerateMac" | "VerifyMac" => key.usage == KeyUsage::GenerateVerifyMac,
        "DeriveSharedSecret" | "Encapsulate" | "Decapsulate" => false,
        _ => key.spec == KeySpec::SymmetricDefault,
    };
    if operations.is_empty() {
        return Err(Refusal::validation("Operations must not be empty."));
    }
    match operations.iter().find(|operation| !possible(operation)) {
        None => Ok(()),
        Some(operation) => Err(Refusal::validation(format!(
            "The operation {operation} is not supported by a key of {} for {}.",
            key.spec.name(),
            key.usage.name()
        ))),
    }
}

/// The condition of a request about grants that comes from no service on behalf of its caller.
///
/// Source: AWS KMS Developer Guide, Condition keys for AWS KMS, `kms:GrantIsForAWSResource`.
pub(super) fn insert_for_no_service(conditions: &mut Context) {
    conditions.insert("kms:GrantIsForAWSResource", "false");
}

/// Whom an ARN means; it must be someone whom a grant can name. Whether another account has them isn't told.
///
/// # Refusals
/// `InvalidArnException`
pub(super) fn principal(arn: &str, records: &Records<'_>, caller: &Caller) -> Result<Named, Stop> {
    let own = &caller.account;
    let principal = Principal::parse_aws(arn).filter(|_| arn.starts_with("arn:"));
    let Some(principal) = principal else {
        return Err(refusals::invalid_principal(arn).into());
    };
    let named = principals::named(&principal, own, records)?;
    // Of its own, an account has no federated users.
    let is_absent = named == Named::Absent || matches!(principal, Principal::FederatedUser { .. });
    if is_absent && !principals::is_foreign(principal.account(), own) {
        return Err(refusals::invalid_principal(arn).into());
    }
    Ok(named)
}

/// A new grant's id.
pub(super) fn fresh_id(given: &Given<'_>) -> String {
    let mut random = [0; 32];
    given.entropy.fill(&mut random);
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The token of a grant. Grants are in force at once, so a token is only a name for its grant.
pub(super) fn token(key: &KmsKey, grant_id: &str, given: &Given<'_>) -> String {
    let content = format!("{} {} {grant_id}", key.account, key.key_id);
    let sealed = given
        .keyring
        .seal_token(TOKEN_PURPOSE, content.as_bytes(), given.entropy);
    BASE64.encode(sealed.as_bytes())
}

/// The grant of a token, with its key.
///
/// # Refusals
/// `InvalidGrantTokenException`; `NotFoundException` where it is gone.
pub(super) fn by_token(
    token: &str,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<(Arc<KmsKey>, Arc<Grant>), Stop> {
    let content = open_token(token, given)?;
    let text = std::str::from_utf8(content.expose()).unwrap_or_default();
    let parts: Vec<&str> = text.split(' ').collect();
    let &[account, key_id, grant_id] = parts.as_slice() else {
        return Err(refusals::invalid_grant_token().into());
    };
    let account = AccountId::parse(account).map_err(|_| refusals::invalid_grant_token())?;
    let place = Key::kms_key(&account, &given.caller.region, key_id);
    let Some(key) = records.read::<KmsKey>(place)? else {
        return Err(refusals::grant_not_found(grant_id).into());
    };
    let grant = find(&key, grant_id, records)?;
    Ok((key, grant))
}

/// Refuses what is no grant's token.
///
/// # Refusals
/// `InvalidGrantTokenException`
pub(super) fn check_token(token: &str, given: &Given<'_>) -> Result<(), Refusal> {
    open_token(token, given).map(drop)
}

fn open_token(token: &str, given: &Given<'_>) -> Result<SecretBytes, Refusal> {
    let content = BASE64.decode(token).ok().and_then(|bytes| {
        let sealed = Sealed::from_bytes(bytes);
        given.keyring.open_token(TOKEN_PURPOSE, &sealed).ok()
    });
    content.ok_or_else(refusals::invalid_grant_token)
}

/// A key's grant.
///
/// # Refusals
/// `NotFoundException`
pub(super) fn find(
    key: &KmsKey,
    grant_id: &str,
    records: &Records<'_>,
) -> Result<Arc<Grant>, Stop> {
    let place = Key::kms_grant(&key.account, &key.region, &key.key_id, grant_id);
    records
        .read::<Grant>(place)?
        .ok_or_else(|| refusals::grant_not_found(grant_id).into())
}

/// Whom only a grant lets make grants hands on no more than it has: no further operation, and no
/// looser constraint.
///
/// Source: AWS KMS Developer Guide, Creating grants, "Grants with CreateGrant permission".
pub(super) fn may_hand_on(
    key: &KmsKey,
    grantor: &Caller,
    operations: &[String],
    constraints: &Constraints,
    records: &Records<'_>,
) -> Result<bool, Stop> {
    let own = to_caller(key, grantor, records)?;
    Ok(own.iter().any(|own| {
        let has = |operation: &String| own.operations.contains(operation);
        has(&"CreateGrant".to_owned())
            && operations.iter().all(has)
            && constraints.as_strict_as(&own.constraints)
    }))
}

/// Ends a grant.
pub(super) fn end(key: &KmsKey, grant: &Grant) -> Result<Changes, Stop> {
    let mut key = key.clone();
    key.grants_count = key.grants_count.saturating_sub(1);
    let mut changes = Changes::none();
    grant.remove(&key, &mut changes);
    changes.put(key.key(), &key)?;
    Ok(changes)
}

/// The id of a grant that says the same under the same name.
pub(super) fn same(
    key: &KmsKey,
    wanted: &Grant,
    records: &Records<'_>,
) -> Result<Option<String>, Stop> {
    let grantee = indexed(&wanted.grantee_principal, &wanted.grantee);
    let found = to(key, grantee, records)?;
    let same = found.into_iter().find(|grant| {
        grant.name == wanted.name
            && grant.grantee == wanted.grantee
            && grant.retiring_principal == wanted.retiring_principal
            && grant.retiring == wanted.retiring
            && grant.issuing_account == wanted.issuing_account
            && grant.operations.len() == wanted.operations.len()
            && wanted
                .operations
                .iter()
                .all(|each| grant.operations.contains(each))
            && grant.constraints == wanted.constraints
    });
    Ok(same.map(|grant| grant.grant_id.clone()))
}

/// A list of grants, as responses have it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Grants {
    grants: Vec<ListedGrant>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

/// A grant, as responses have it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListedGrant {
    key_id: String,
    grant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(serialize_with = "epoch_seconds::serialize")]
    creation_date: Timestamp,
    pub(super) grantee_principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_principal: Option<String>,
    issuing_account: String,
    operations: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<ListedConstraints>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ListedConstraints {
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_context_subset: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_context_equals: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_arn: Option<String>,
}

impl Grants {
    pub(super) fn of(page: Page<ListedGrant>) -> Self {
        Grants {
            truncated: page.marker.is_some(),
            grants: page.items,
            next_marker: page.marker,
        }
    }
}

/// A grant, as responses have it. Principals of the key's account are shown as policies show them; see
/// [`crate::iam::bound_policy`].
pub(super) fn listed(
    grant: &Grant,
    key: &KmsKey,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<ListedGrant, Stop> {
    let Constraints {
        encryption_context_subset,
        encryption_context_equals,
        source_arn,
    } = grant.constraints.clone();
    let any = grant.constraints != Constraints::default();
    let shown = |arn: &String, named: &Named| -> Result<String, Stop> {
        let owner = &key.account;
        let id = match named {
            Named::There(id) if !principals::is_foreign(principals::account_of(arn), owner) => id,
            _ => return Ok(arn.clone()),
        };
        let now = principals::name_now(arn, id, owner, caller, records)?;
        Ok(now.unwrap_or_else(|| arn.clone()))
    };
    let retiring = grant.retiring_principal.as_ref();
    let retiring = retiring.map(|retiring| shown(retiring, &grant.retiring));
    Ok(ListedGrant {
        key_id: key.arn(),
        grant_id: grant.grant_id.clone(),
        name: grant.name.clone(),
        creation_date: grant.created,
        grantee_principal: shown(&grant.grantee_principal, &grant.grantee)?,
        retiring_principal: retiring.transpose()?,
        issuing_account: format!(
            "arn:{}:iam::{}:root",
            key.region.partition(),
            grant.issuing_account
        ),
        operations: grant.operations.clone(),
        constraints: any.then_some(ListedConstraints {
            encryption_context_subset,
            encryption_context_equals,
            source_arn,
        }),
    })
}

/// The id of a grant of a key that lets a caller do an operation.
pub fn grants(
    key: &KmsKey,
    caller: &Caller,
    operation: &str,
    context: &BTreeMap<String, String>,
    records: &Records<'_>,
) -> Result<Option<String>, Stop> {
    if key.grants_count == 0 {
        return Ok(None);
    }
    let mut grants = to_caller(key, caller, records)?.into_iter();
    let allowing = grants.find(|grant| grant.allows(operation, context));
    Ok(allowing.map(|grant| grant.grant_id.clone()))
}

/// All grants of a key that may allow an operation.
pub(crate) fn all_for(
    key: &KmsKey,
    operation: &str,
    records: &Records<'_>,
) -> Result<Vec<Arc<Grant>>, Stop> {
    let mut grants = Vec::new();
    if key.grants_count > 0 {
        let all = Key::kms_grants(&key.account, &key.region, &key.key_id);
        records.scan::<Grant>(all.as_bytes(), &all.end(), false, |grant| {
            if grant.operations.iter().any(|each| each == operation) {
                grants.push(grant);
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(grants)
}

/// The grants of a key to a caller.
fn to_caller(
    key: &KmsKey,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Vec<Arc<Grant>>, Stop> {
    let names = caller.grantee_names();
    let mut grants = Vec::new();
    for name in &names {
        grants.extend(to(key, name, records)?);
    }
    grants.retain(|grant| grant.is_to(&names));
    Ok(grants)
}

/// The grants of a key to a principal, by the name under which the index has it.
fn to(key: &KmsKey, principal: &str, records: &Records<'_>) -> Result<Vec<Arc<Grant>>, Stop> {
    let index = Key::kms_grants_to(&key.account, &key.region, &key.key_id, principal);
    let mut grant_ids = Vec::new();
    records.scan_keys(index.as_bytes(), &index.end(), false, |row| {
        grant_ids.push(String::from_utf8_lossy(&row[index.as_bytes().len()..]).into_owned());
        ControlFlow::Continue(())
    })?;
    let mut grants = Vec::with_capacity(grant_ids.len());
    for grant_id in grant_ids {
        let record = Key::kms_grant(&key.account, &key.region, &key.key_id, &grant_id);
        grants.extend(records.peek::<Grant>(&record)?);
    }
    Ok(grants)
}
