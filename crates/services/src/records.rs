//! Records: how the domain's values are named and written in an ordered key-value store, the view of
//! them that a decision reads through, and the changes that it asks for.
//!
//! Knows no store: [`Source`] is whatever holds the bytes. Every record that a decision read is
//! remembered with its revision, so whoever commits the changes can make them conditional on exactly
//! that, and no operation can forget a condition.

use std::any::Any;
use std::cell::RefCell;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::access::explanation::Explanation;
use crate::accounts::{AccessKey, Account};
use crate::audit_seed::AuditSeed;
use crate::caller::{AccountId, Region};
use crate::cloudtrail::digest_keys::DigestKeys;
use crate::cloudtrail::label_update::LabelUpdate;
use crate::cloudtrail::service_event::ServiceEvent;
use crate::cloudtrail::told::Told;
use crate::cloudtrail::trail::{Trail, TrailDelivery};
use crate::iam::account_alias::AccountAlias;
use crate::iam::attachment::Usage;
use crate::iam::credential_report::CredentialReport;
use crate::iam::group::{Group, GroupName};
use crate::iam::instance_profile::InstanceProfile;
use crate::iam::managed_policy::{ManagedPolicy, PolicyName};
use crate::iam::mfa_device::MfaDevice;
use crate::iam::oidc_provider::OidcProvider;
use crate::iam::role::Role;
use crate::iam::unique_id::UniqueId;
use crate::iam::user::User;
use crate::job::Job;
use crate::kms::alias::Alias;
use crate::kms::due::KmsDue;
use crate::kms::grant::Grant;
use crate::kms::key::KmsKey;
use crate::lambda::code::{CodePiece, CodeUpload};
use crate::lambda::function::{Code, Function};
use crate::last_use::{LastUse, Use};
use crate::refusal::Stop;
use crate::root_key::RootKeyInUse;
use crate::rotation::job::{RotationJob, RotationStep};
use crate::rotation::plan::RotationDue;
use crate::rotation::run::RotationRun;
use crate::secretsmanager::purge::PurgeDue;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::version::SealedValue;
use crate::time::Timestamp;

/// The name of a record in the store. Docs: docs/formats.md, "Records".
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Vec<u8>);

impl Key {
    /// The key's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A key that was read from the store.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Key(bytes)
    }

    /// The key's bytes, owned.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A secret's record.
    pub fn secret(account: &AccountId, region: &Region, name: &str) -> Self {
        Self::of("secret", &[account.as_str(), region.as_str(), name])
    }

    /// What every secret's record of a region starts with.
    pub fn secrets(account: &AccountId, region: &Region) -> Self {
        Self::of("secret", &[account.as_str(), region.as_str(), ""])
    }

    /// A version's sealed value. The secret is named by its name with the ARN's suffix, so that one
    /// made anew under an old name never meets the old one's values.
    pub fn version(
        account: &AccountId,
        region: &Region,
        (name, suffix): (&str, &str),
        version_id: &str,
    ) -> Self {
        Key([
            "version",
            "\0",
            account.as_str(),
            "\0",
            region.as_str(),
            "\0",
            name,
            "-",
            suffix,
            "\0",
            version_id,
        ]
        .concat()
        .into_bytes())
    }

    /// The index of a region's secrets by creation.
    pub fn created(account: &AccountId, region: &Region, at: Timestamp, name: &str) -> Self {
        let mut key = Self::created_all(account, region);
        key.0.extend(ordered(at));
        key.0.extend(name.as_bytes());
        key
    }

    /// What every entry of a region's index by creation starts with.
    pub fn created_all(account: &AccountId, region: &Region) -> Self {
        Self::of("created", &[account.as_str(), region.as_str(), ""])
    }

    /// A deletion that falls due.
    pub fn purge_due(at: Timestamp, account: &AccountId, region: &Region, name: &str) -> Self {
        let mut key = Self::purges_due(at);
        key.0.push(0);
        key.0
            .extend(Self::of(account.as_str(), &[region.as_str(), name]).0);
        key
    }

    /// Where in the index the deletions of an instant start; all that are due lie before the next.
    pub fn purges_due(at: Timestamp) -> Self {
        let mut key = Self::of("purge-due", &[""]);
        key.0.extend(ordered(at));
        key
    }

    /// A KMS key.
    pub fn kms_key(account: &AccountId, region: &Region, key_id: &str) -> Self {
        Self::of("kms-key", &[account.as_str(), region.as_str(), key_id])
    }

    /// What every KMS key's record of a region starts with.
    pub fn kms_keys(account: &AccountId, region: &Region) -> Self {
        Self::kms_key(account, region, "")
    }

    /// A KMS alias; `name` is with `alias/`.
    pub fn kms_alias(account: &AccountId, region: &Region, name: &str) -> Self {
        Self::of("kms-alias", &[account.as_str(), region.as_str(), name])
    }

    /// What every KMS alias of a region starts with.
    pub fn kms_aliases(account: &AccountId, region: &Region) -> Self {
        Self::kms_alias(account, region, "")
    }

    /// A grant of a KMS key.
    pub fn kms_grant(account: &AccountId, region: &Region, key_id: &str, grant_id: &str) -> Self {
        Self::of(
            "kms-grant",
            &[account.as_str(), region.as_str(), key_id, grant_id],
        )
    }

    /// What every grant of a KMS key starts with.
    pub fn kms_grants(account: &AccountId, region: &Region, key_id: &str) -> Self {
        Self::kms_grant(account, region, key_id, "")
    }

    /// The index of a key's grants by grantee; ends with the grant's id.
    pub fn kms_grant_to(
        account: &AccountId,
        region: &Region,
        key_id: &str,
        grantee: &str,
        grant_id: &str,
    ) -> Self {
        Self::of(
            "kms-grant-to",
            &[account.as_str(), region.as_str(), key_id, grantee, grant_id],
        )
    }

    /// What every entry of the index of a key's grants to a principal starts with.
    pub fn kms_grants_to(
        account: &AccountId,
        region: &Region,
        key_id: &str,
        grantee: &str,
    ) -> Self {
        Self::kms_grant_to(account, region, key_id, grantee, "")
    }

    /// The index of a region's grants by who may retire them, of whatever account's keys; ends with the key's
    /// account, its id, and the grant's.
    pub fn kms_retirable(
        region: &Region,
        retiring: &str,
        account: &AccountId,
        key_id: &str,
        grant_id: &str,
    ) -> Self {
        Self::of(
            "kms-retirable",
            &[
                region.as_str(),
                retiring,
                account.as_str(),
                key_id,
                grant_id,
            ],
        )
    }

    /// What every entry of the index of a region's grants that a principal may retire starts with.
    pub fn kms_retirables(region: &Region, retiring: &str) -> Self {
        Self::of("kms-retirable", &[region.as_str(), retiring, ""])
    }

    /// The index of resources that keep values under a KMS key.
    pub fn kms_dependent(account: &AccountId, region: &Region, key_id: &str, arn: &str) -> Self {
        Self::of(
            "kms-dependent",
            &[account.as_str(), region.as_str(), key_id, arn],
        )
    }

    /// Something that falls due with a KMS key.
    pub fn kms_due(at: Timestamp, account: &AccountId, region: &Region, key_id: &str) -> Self {
        let mut key = Self::kms_dues(at);
        key.0.push(0);
        key.0
            .extend(Self::of(account.as_str(), &[region.as_str(), key_id]).0);
        key
    }

    /// Where in the index that which is due with KMS keys at an instant starts.
    pub fn kms_dues(at: Timestamp) -> Self {
        let mut key = Self::of("kms-due", &[""]);
        key.0.extend(ordered(at));
        key
    }

    /// A rotation that is to begin.
    pub fn rotation_due(at: Timestamp, account: &AccountId, region: &Region, name: &str) -> Self {
        Self::rotations_due(at).of_secret(account, region, name)
    }

    /// Where in the index the rotations that are to begin at an instant start.
    pub fn rotations_due(at: Timestamp) -> Self {
        Self::of("rotation-due", &[""]).at(at)
    }

    /// A rotation under way that is to be taken up.
    pub fn rotation_step(at: Timestamp, account: &AccountId, region: &Region, name: &str) -> Self {
        Self::rotation_steps_due(at).of_secret(account, region, name)
    }

    /// Where in the index the rotations under way that are to be taken up at an instant start.
    pub fn rotation_steps_due(at: Timestamp) -> Self {
        Self::of("rotation-step", &[""]).at(at)
    }

    /// What every row of a rotation that is to be taken up starts with.
    pub fn rotation_steps() -> Self {
        Self::of("rotation-step", &[""])
    }

    /// A rotation under way.
    pub fn rotation_job(account: &AccountId, region: &Region, name: &str) -> Self {
        Self::of("rotation-job", &[account.as_str(), region.as_str(), name])
    }

    /// What every rotation under way starts with.
    pub fn rotation_jobs() -> Self {
        Self::of("rotation-job", &[""])
    }

    /// A rotation of a secret that is over. The secret is its account, region and name.
    pub fn rotation_run(
        (account, region, name): (&AccountId, &Region, &str),
        started: Timestamp,
        number: u64,
    ) -> Self {
        let mut key = Self::rotation_runs(account, region, name).at(started);
        key.0.extend(number.to_be_bytes());
        key
    }

    /// What every rotation of a secret that is over starts with.
    pub fn rotation_runs(account: &AccountId, region: &Region, name: &str) -> Self {
        let parts = [account.as_str(), region.as_str(), name, ""];
        Self::of("rotation-run", &parts)
    }

    /// What every rotation that is over starts with.
    pub fn all_rotation_runs() -> Self {
        Self::of("rotation-run", &[""])
    }

    /// Goes on with an instant.
    fn at(mut self, at: Timestamp) -> Self {
        self.0.extend(ordered(at));
        self
    }

    /// Goes on with a secret.
    fn of_secret(mut self, account: &AccountId, region: &Region, name: &str) -> Self {
        self.0.push(0);
        let secret = Self::of(account.as_str(), &[region.as_str(), name]);
        self.0.extend(secret.0);
        self
    }

    /// What every KMS key's record starts with.
    pub fn all_kms_keys() -> Self {
        Self::of("kms-key", &[""])
    }

    /// What every account's record starts with.
    pub fn all_accounts() -> Self {
        Self::of("account", &[""])
    }

    /// What every access key's record starts with.
    pub fn all_access_keys() -> Self {
        Self::of("access-key", &[""])
    }

    /// What every secret's record starts with.
    pub fn all_secrets() -> Self {
        Self::of("secret", &[""])
    }

    /// Which root key is in use.
    pub fn root_key() -> Self {
        Self::of("root-key", &[])
    }

    /// The state of a job of the operator's.
    pub fn job(name: &str) -> Self {
        Self::of("job", &[name])
    }

    /// Whether it starts with another.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        self.0.starts_with(&prefix.0)
    }

    /// An account.
    pub fn account(account: &AccountId) -> Self {
        Self::of("account", &[account.as_str()])
    }

    /// Which account an alias is for.
    pub fn account_alias(alias: &str) -> Self {
        Self::of("account-alias", &[alias])
    }

    /// Which alias an account has.
    pub fn alias_of_account(account: &AccountId) -> Self {
        Self::of("alias-of-account", &[account.as_str()])
    }

    /// What every account's record starts with.
    pub fn accounts() -> Self {
        Self::of("account", &[""])
    }

    /// An access key.
    pub fn access_key(access_key_id: &str) -> Self {
        Self::of("access-key", &[access_key_id])
    }

    /// When an access key or a role was last used.
    pub fn last_use(account: &AccountId, id: &str) -> Self {
        Self::of("last-use", &[account.as_str(), id])
    }

    /// An IAM user. Names differ by more than letter case.
    pub fn iam_user(account: &AccountId, name: &str) -> Self {
        Self::of("iam-user", &[account.as_str(), &name.to_ascii_lowercase()])
    }

    /// What every user's record of an account starts with.
    pub fn iam_users(account: &AccountId) -> Self {
        Self::iam_user(account, "")
    }

    /// An IAM group.
    pub fn iam_group(account: &AccountId, id: &str) -> Self {
        Self::of("iam-group", &[account.as_str(), id])
    }

    /// The name of an IAM group. Names differ by more than letter case.
    pub fn iam_group_name(account: &AccountId, name: &str) -> Self {
        Self::of(
            "iam-group-name",
            &[account.as_str(), &name.to_ascii_lowercase()],
        )
    }

    /// What every group's name of an account starts with.
    pub fn iam_group_names(account: &AccountId) -> Self {
        Self::iam_group_name(account, "")
    }

    /// An IAM role. Names differ by more than letter case.
    pub fn iam_role(account: &AccountId, name: &str) -> Self {
        Self::of("iam-role", &[account.as_str(), &name.to_ascii_lowercase()])
    }

    /// What every role's record of an account starts with.
    pub fn iam_roles(account: &AccountId) -> Self {
        Self::iam_role(account, "")
    }

    /// A managed policy of an account's own. Names differ by more than letter case.
    pub fn iam_policy(account: &AccountId, name: &str) -> Self {
        Self::of(
            "iam-policy",
            &[account.as_str(), &name.to_ascii_lowercase()],
        )
    }

    /// What every managed policy's record of an account starts with.
    pub fn iam_policies(account: &AccountId) -> Self {
        Self::iam_policy(account, "")
    }

    /// An instance profile. Names differ by more than letter case.
    pub fn iam_instance_profile(account: &AccountId, name: &str) -> Self {
        Self::of(
            "iam-instance-profile",
            &[account.as_str(), &name.to_ascii_lowercase()],
        )
    }

    /// What every instance profile's record of an account starts with.
    pub fn iam_instance_profiles(account: &AccountId) -> Self {
        Self::iam_instance_profile(account, "")
    }

    /// An OpenID Connect provider, by its URL without `https://`.
    pub fn iam_oidc_provider(account: &AccountId, url: &str) -> Self {
        Self::of("iam-oidc-provider", &[account.as_str(), url])
    }

    /// What every OpenID Connect provider's record of an account starts with.
    pub fn iam_oidc_providers(account: &AccountId) -> Self {
        Self::iam_oidc_provider(account, "")
    }

    /// Who has a unique id.
    pub fn iam_id(account: &AccountId, id: &str) -> Self {
        Self::of("iam-id", &[account.as_str(), id])
    }

    /// That an account's credential report was asked for.
    pub fn iam_credential_report(account: &AccountId) -> Self {
        Self::of("iam-credential-report", &[account.as_str()])
    }

    /// A virtual MFA device. Names differ by more than letter case.
    pub fn iam_mfa_device(account: &AccountId, name: &str) -> Self {
        Self::of("iam-mfa", &[account.as_str(), &name.to_ascii_lowercase()])
    }

    /// What every virtual MFA device's record of an account starts with.
    pub fn iam_mfa_devices(account: &AccountId) -> Self {
        Self::iam_mfa_device(account, "")
    }

    /// What every virtual MFA device's record starts with.
    pub fn all_mfa_devices() -> Self {
        Self::of("iam-mfa", &[""])
    }

    /// The index of a group's users.
    pub fn iam_member(account: &AccountId, group_id: &str, user: &str) -> Self {
        Self::of(
            "iam-member",
            &[account.as_str(), group_id, &user.to_ascii_lowercase()],
        )
    }

    /// What every entry of the index of a group's users starts with.
    pub fn iam_members(account: &AccountId, group_id: &str) -> Self {
        Self::iam_member(account, group_id, "")
    }

    /// The index of what uses a managed policy, by kind and name; the uses of one identity stand together.
    pub fn iam_attachment(
        account: &AccountId,
        policy: &PolicyName,
        kind: &str,
        name: &str,
        usage: Usage,
    ) -> Self {
        let mut key = Self::iam_attachments(account, policy);
        let rest = [kind, "\0", &name.to_ascii_lowercase(), "\0", usage.name()];
        key.0.extend(rest.concat().into_bytes());
        key
    }

    /// What every entry of the index of what uses a managed policy starts with.
    pub fn iam_attachments(account: &AccountId, policy: &PolicyName) -> Self {
        let (owner, name) = policy.parts();
        let name = name.to_ascii_lowercase();
        Self::of("iam-attachment", &[account.as_str(), owner, &name, ""])
    }

    /// A Lambda function.
    pub fn lambda_function(account: &AccountId, region: &Region, name: &str) -> Self {
        Self::of(
            "lambda-function",
            &[account.as_str(), region.as_str(), name],
        )
    }

    /// What every Lambda function's record of a region starts with.
    pub fn lambda_functions(account: &AccountId, region: &Region) -> Self {
        Self::lambda_function(account, region, "")
    }

    /// That a deployment package was uploaded, of which this says the account, the region, what is in it, and under
    /// which key it is sealed.
    pub fn lambda_upload(account: &AccountId, region: &Region, code: &Code) -> Self {
        Self::of_code("lambda-upload", account, region, code)
    }

    /// What every Lambda function's record starts with.
    pub fn all_lambda_functions() -> Self {
        Self::of("lambda-function", &[""])
    }

    /// What every piece of every deployment package starts with.
    pub fn all_lambda_pieces() -> Self {
        Self::of("lambda-code", &[""])
    }

    /// What every such upload's record starts with.
    pub fn all_lambda_uploads() -> Self {
        Self::of("lambda-upload", &[""])
    }

    /// What every piece of a deployment package starts with.
    pub fn lambda_pieces(account: &AccountId, region: &Region, code: &Code) -> Self {
        let mut key = Self::of_code("lambda-code", account, region, code);
        key.0.push(0);
        key
    }

    /// A piece of a deployment package, by its number.
    pub fn lambda_piece(account: &AccountId, region: &Region, code: &Code, number: u32) -> Self {
        let mut key = Self::lambda_pieces(account, region, code);
        key.0.extend(format!("{number:05}").into_bytes());
        key
    }

    /// A trail.
    pub fn trail(account: &AccountId, region: &Region, name: &str) -> Self {
        Self::of("trail", &[account.as_str(), region.as_str(), name])
    }

    /// What every trail's record of an account starts with.
    pub fn trails(account: &AccountId) -> Self {
        Self::of("trail", &[account.as_str(), ""])
    }

    /// What every trail's record starts with.
    pub fn all_trails() -> Self {
        Self::of("trail", &[""])
    }

    /// How the deliveries of a trail went.
    pub fn trail_delivery(account: &AccountId, region: &Region, name: &str) -> Self {
        Self::of("trail-delivery", &[account.as_str(), region.as_str(), name])
    }

    /// The public keys of digest files.
    pub fn digest_keys() -> Self {
        Self::of("digest-keys", &[])
    }

    fn of_code(kind: &str, account: &AccountId, region: &Region, code: &Code) -> Self {
        let parts = [
            account.as_str(),
            region.as_str(),
            &code.sha256_hex(),
            &code.key_id,
        ];
        Self::of(kind, &parts)
    }

    /// The sealed half of the key by which an audit log is signed, by the log's id in hex.
    pub fn audit_seed(log: &str) -> Self {
        Self::of("audit-seed", &[log])
    }

    /// What every such record starts with.
    pub fn all_audit_seeds() -> Self {
        Self::audit_seed("")
    }

    /// The public keys of an audit log, oldest first, as JSON that offline tools read.
    pub fn audit_keys(log: &str) -> Self {
        Self::of("audit-keys", &[log])
    }

    /// The newest signed head of an audit log.
    pub fn audit_head(log: &str) -> Self {
        Self::of("audit-head", &[log])
    }

    /// Events that were committed with what they tell of, until an audit log holds them.
    pub fn audit_outbox(log: &str, event: &str) -> Self {
        Self::of("audit-outbox", &[log, event])
    }

    /// What all that belongs to audit logs starts with: it stays with the log, whatever is restored or reset.
    pub fn all_of_audit() -> Self {
        Key(b"audit-".to_vec())
    }

    /// The first key that starts with this one and lies behind the one that goes on as `position` says.
    pub fn behind(&self, position: Option<&str>) -> Vec<u8> {
        let mut start = self.0.clone();
        if let Some(position) = position {
            start.extend(position.as_bytes());
            start.push(0);
        }
        start
    }

    /// The first key after all that start with this one.
    pub fn end(&self) -> Vec<u8> {
        let mut end = self.0.clone();
        // Every prefix starts with an ASCII letter, so some byte can always be raised.
        while let Some(last) = end.pop() {
            if last < u8::MAX {
                end.push(last + 1);
                break;
            }
        }
        end
    }

    fn of(kind: &str, parts: &[&str]) -> Self {
        let length = kind.len() + parts.iter().map(|part| part.len() + 1).sum::<usize>();
        let mut key = Vec::with_capacity(length);
        key.extend(kind.as_bytes());
        for part in parts {
            key.push(0);
            key.extend(part.as_bytes());
        }
        Key(key)
    }
}

/// An instant as eight bytes that sort as instants do.
fn ordered(at: Timestamp) -> [u8; 8] {
    (at.milliseconds() ^ i64::MIN).to_be_bytes()
}

/// A value that rests in the store under a key of its own.
pub trait Record: Serialize + DeserializeOwned + Any {
    /// The kind's name, for operators.
    const KIND: &'static str;
    /// The format's version, the first byte of the record.
    const FORMAT: u8;

    /// Into the common type.
    fn wrap(record: Arc<Self>) -> AnyRecord;
    /// Out of the common type.
    fn unwrap(record: &AnyRecord) -> Option<&Arc<Self>>;

    /// The record's bytes: the format's version, then the fields.
    ///
    /// # Errors
    /// None for the records that exist: each is made of plain fields.
    fn encode(&self) -> Result<Vec<u8>, Stop> {
        postcard::to_extend(self, vec![Self::FORMAT])
            .map_err(|error| Stop::Unavailable(Box::new(error)))
    }

    /// Whether a key is this record's own place, as far as its fields tell.
    fn is_at(&self, key: &[u8]) -> bool;

    /// Reads the record's bytes.
    ///
    /// # Errors
    /// [`Unreadable`] where the format is unknown or the fields don't parse.
    fn decode(bytes: &[u8]) -> Result<AnyRecord, Unreadable> {
        Self::fields(bytes).map(|record| Self::wrap(Arc::new(record)))
    }

    /// Reads the record's bytes, which were found at a key: a record that was moved to another's place
    /// must not pass for it.
    ///
    /// # Errors
    /// [`Unreadable`]; also where the record belongs elsewhere.
    fn decode_at(key: &[u8], bytes: &[u8]) -> Result<AnyRecord, Unreadable> {
        let record = Self::fields(bytes)?;
        if record.is_at(key) {
            Ok(Self::wrap(Arc::new(record)))
        } else {
            Err(Unreadable::Elsewhere { kind: Self::KIND })
        }
    }

    /// Reads the fields of an earlier format; `None` where there is no such format, or they don't parse.
    fn earlier(_format: u8, _fields: &[u8]) -> Option<Self> {
        None
    }

    /// Reads the record's fields.
    ///
    /// # Errors
    /// As [`Record::decode`].
    fn fields(bytes: &[u8]) -> Result<Self, Unreadable> {
        match bytes.split_first() {
            Some((format, fields)) if *format == Self::FORMAT => {
                postcard::from_bytes(fields).map_err(|_| Unreadable::Fields { kind: Self::KIND })
            }
            Some((format, fields)) => Self::earlier(*format, fields).ok_or(Unreadable::Format {
                kind: Self::KIND,
                found: *format,
                known: Self::FORMAT,
            }),
            None => Err(Unreadable::Fields { kind: Self::KIND }),
        }
    }
}

/// Bytes that are no record of the expected kind.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The record's format is not one that this program knows.
    #[error(
        "a {kind} record has format {found}, this program reads {known}: run the version that wrote it"
    )]
    Format {
        /// What the record should be.
        kind: &'static str,
        /// The format's version in the record.
        found: u8,
        /// The one that is known.
        known: u8,
    },
    /// The record's fields don't parse.
    #[error("a {kind} record is damaged: run `strongroom doctor` and restore it from a backup")]
    Fields {
        /// What the record should be.
        kind: &'static str,
    },
    /// No record of this program has such a key.
    #[error("there is no kind of record {0:?} here: run the version that wrote it")]
    Kind(String),
    /// The record is another one's.
    #[error(
        "a {kind} record was put into the place of another: run `strongroom doctor` and restore it \
         from a backup"
    )]
    Elsewhere {
        /// What the record is.
        kind: &'static str,
    },
}

/// Declares the kinds of records. `at` says whether a key is a record's place.
macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, format $format:literal, at $at:expr $(, earlier $earlier:expr)?;)*) => {
        /// A record of any kind, shared between readers.
        #[derive(Clone)]
        pub enum AnyRecord { $($(#[$doc])* $kind(Arc<$kind>),)* }

        $(impl Record for $kind {
            const KIND: &'static str = $name;
            const FORMAT: u8 = $format;
            $(fn earlier(format: u8, fields: &[u8]) -> Option<Self> {
                let earlier: fn(u8, &[u8]) -> Option<$kind> = $earlier;
                earlier(format, fields)
            })?
            fn is_at(&self, key: &[u8]) -> bool {
                let at: fn(&$kind, &[u8]) -> bool = $at;
                at(self, key)
            }
            fn wrap(record: Arc<Self>) -> AnyRecord { AnyRecord::$kind(record) }
            fn unwrap(record: &AnyRecord) -> Option<&Arc<Self>> {
                match record { AnyRecord::$kind(record) => Some(record), _ => None }
            }
        })*
    };
}

records! {
    /// A secret with its versions and labels, but no value.
    Secret = "secret", format 3, at |secret, key| secret.key().as_bytes() == key, earlier Secret::earlier;
    /// A version's value, sealed.
    SealedValue = "version", format 1, at anywhere;
    /// A KMS key.
    KmsKey = "KMS key", format 2, at KmsKey::is_at, earlier KmsKey::earlier;
    /// A KMS alias.
    Alias = "KMS alias", format 1, at |alias, key| ends_with(key, &[&alias.name]);
    /// A grant of a KMS key.
    Grant = "KMS grant", format 2, at |grant, key| ends_with(key, &[&grant.key_id, &grant.grant_id]),
        earlier Grant::earlier;
    /// Something that falls due with a KMS key.
    KmsDue = "KMS due", format 1, at KmsDue::is_at;
    /// A deletion that falls due.
    PurgeDue = "purge", format 1, at PurgeDue::is_at;
    /// A rotation that is to begin.
    RotationDue = "rotation due", format 1, at RotationDue::is_at;
    /// A rotation under way that is to be taken up.
    RotationStep = "rotation step", format 1, at RotationStep::is_at;
    /// A rotation under way.
    RotationJob = "rotation job", format 1, at |job, key| job.key().as_bytes() == key;
    /// A rotation that is over.
    RotationRun = "rotation run", format 1, at |run, key| run.key().as_bytes() == key;
    /// Which root key is in use.
    RootKeyInUse = "root key", format 1, at |_, key| Key::root_key().as_bytes() == key;
    /// The state of a job of the operator's.
    Job = "job", format 1, at |job, key| Key::job(&job.name).as_bytes() == key;
    /// An account.
    Account = "account", format 2, at |account, key| Key::account(&account.id).as_bytes() == key,
        earlier Account::earlier;
    /// Another name for an account.
    AccountAlias = "account alias", format 1, at AccountAlias::is_at;
    /// An access key.
    AccessKey = "access key", format 2, at |access_key, key| Key::access_key(&access_key.access_key_id).as_bytes() == key,
        earlier AccessKey::earlier;
    /// When an access key or a role was last used.
    LastUse = "last use", format 1, at |last_use, key| last_use.key().as_bytes() == key;
    /// An IAM user with its own policies.
    User = "IAM user", format 2, at User::is_at, earlier User::earlier;
    /// An IAM group with its own policies.
    Group = "IAM group", format 1, at |group, key| group.key().as_bytes() == key;
    /// Which IAM group has a name.
    GroupName = "IAM group name", format 1, at |name, key| name.key().as_bytes() == key;
    /// An IAM role with its own policies.
    Role = "IAM role", format 1, at |role, key| role.key().as_bytes() == key;
    /// That an account's credential report was asked for.
    CredentialReport = "credential report", format 1, at
        |report, key| Key::iam_credential_report(&report.account).as_bytes() == key;
    /// A virtual MFA device.
    MfaDevice = "MFA device", format 1, at |device, key| device.key().as_bytes() == key;
    /// A managed policy of an account's own, with its versions.
    ManagedPolicy = "IAM policy", format 1, at |policy, key| policy.key().as_bytes() == key;
    /// Who has a unique id.
    UniqueId = "IAM unique id", format 1, at |entry, key| Key::iam_id(&entry.account, &entry.id).as_bytes() == key;
    /// What hands a role to a machine.
    InstanceProfile = "IAM instance profile", format 1, at |profile, key| Key::iam_instance_profile(&profile.account, &profile.name).as_bytes() == key;
    /// An OpenID Connect provider.
    OidcProvider = "IAM OIDC provider", format 1, at |provider, key| provider.key().as_bytes() == key;
    /// A Lambda function with its versions, aliases and policies, but without its code.
    Function = "Lambda function", format 1, at |function, key| function.key().as_bytes() == key;
    /// That a deployment package was uploaded.
    CodeUpload = "Lambda upload", format 1, at |upload, key| upload.key().as_bytes() == key;
    /// A trail.
    Trail = "trail", format 1, at |trail, key| trail.arn.key().as_bytes() == key;
    /// How the deliveries of a trail went.
    TrailDelivery = "trail delivery", format 1, at |delivery, key| delivery.arn.delivery_key().as_bytes() == key;
    /// The public keys of digest files.
    DigestKeys = "digest keys", format 1, at |_, key| Key::digest_keys().as_bytes() == key;
    /// A piece of a deployment package, sealed.
    CodePiece = "Lambda code", format 1, at anywhere;
    /// What an audit log is signed by, sealed.
    AuditSeed = "audit seed", format 1, at |seed, key| Key::audit_seed(&seed.log).as_bytes() == key;
}

impl AnyRecord {
    /// How many bytes of memory a byte of the record takes once it is decoded, roughly.
    ///
    /// A policy takes nine: its text, and eight for what it is compiled to, as counted for policies from 80 bytes to
    /// 7 KiB. Everything else takes two at most.
    pub fn bytes_decoded_for_each(&self) -> u64 {
        let holds_policies = match self {
            AnyRecord::User(_)
            | AnyRecord::Group(_)
            | AnyRecord::Role(_)
            | AnyRecord::ManagedPolicy(_)
            | AnyRecord::KmsKey(_) => true,
            AnyRecord::Secret(secret) => secret.resource_policy.is_some(),
            AnyRecord::Function(function) => !function.policies.is_empty(),
            AnyRecord::Account(account) => !account.service_control.is_empty(),
            _ => false,
        };
        if holds_policies { 9 } else { 2 }
    }
}

/// Whether bytes are a record that this program reads, at its own place; for whoever checks a copy.
///
/// # Errors
/// [`Unreadable`]
pub fn examine(key: &[u8], bytes: &[u8]) -> Result<(), Unreadable> {
    let kind = key.split(|byte| *byte == 0).next().unwrap_or_default();
    let decode: Decode = match kind {
        b"secret" => Secret::decode_at,
        b"version" => SealedValue::decode_at,
        b"kms-key" => KmsKey::decode_at,
        b"kms-alias" => Alias::decode_at,
        b"kms-grant" => Grant::decode_at,
        b"kms-due" => KmsDue::decode_at,
        b"purge-due" => PurgeDue::decode_at,
        b"rotation-due" => RotationDue::decode_at,
        b"rotation-step" => RotationStep::decode_at,
        b"rotation-job" => RotationJob::decode_at,
        b"rotation-run" => RotationRun::decode_at,
        b"root-key" => RootKeyInUse::decode_at,
        b"job" => Job::decode_at,
        b"account" => Account::decode_at,
        b"account-alias" | b"alias-of-account" => AccountAlias::decode_at,
        b"access-key" => AccessKey::decode_at,
        b"last-use" => LastUse::decode_at,
        b"iam-user" => User::decode_at,
        b"iam-group" => Group::decode_at,
        b"iam-group-name" => GroupName::decode_at,
        b"iam-role" => Role::decode_at,
        b"iam-policy" => ManagedPolicy::decode_at,
        b"iam-mfa" => MfaDevice::decode_at,
        b"iam-credential-report" => CredentialReport::decode_at,
        b"iam-instance-profile" => InstanceProfile::decode_at,
        b"iam-oidc-provider" => OidcProvider::decode_at,
        b"iam-id" => UniqueId::decode_at,
        b"lambda-function" => Function::decode_at,
        b"lambda-upload" => CodeUpload::decode_at,
        b"lambda-code" => CodePiece::decode_at,
        b"trail" => Trail::decode_at,
        b"trail-delivery" => TrailDelivery::decode_at,
        b"digest-keys" => DigestKeys::decode_at,
        b"audit-seed" => AuditSeed::decode_at,
        b"created" | b"kms-grant-to" | b"kms-retirable" | b"kms-dependent" | b"iam-member"
        | b"iam-attachment" | b"development-clock" | b"audit-keys" | b"audit-head"
        | b"audit-outbox" => return Ok(()),
        _ => return Err(Unreadable::Kind(String::from_utf8_lossy(kind).into_owned())),
    };
    decode(key, bytes).map(|_| ())
}

/// Of a record that names no place: what is sealed in it is bound to its own.
fn anywhere<T>(_: &T, _: &[u8]) -> bool {
    true
}

/// Whether a key's last parts are these.
pub(crate) fn ends_with(key: &[u8], parts: &[&str]) -> bool {
    let mut rest = key;
    for part in parts.iter().rev() {
        match rest
            .strip_suffix(part.as_bytes())
            .and_then(|rest| rest.strip_suffix(b"\0"))
        {
            Some(before) => rest = before,
            None => return false,
        }
    }
    true
}

/// A record as its holder found it.
#[derive(Clone)]
pub struct Found {
    /// The record.
    pub record: AnyRecord,
    /// The revision of the store that last wrote it.
    pub modified: u64,
}

/// How a source turns a record's key and bytes into the record.
pub type Decode = fn(&[u8], &[u8]) -> Result<AnyRecord, Unreadable>;

/// What is done with each key and its bytes while a source is scanned.
pub type Visit<'a> = dyn FnMut(&[u8], &[u8]) -> ControlFlow<Result<(), Stop>> + 'a;

/// Where records come from: one consistent state of a store.
pub trait Source: Sync {
    /// The record at a key, if there is one.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where it can't be read or is damaged.
    fn get(&self, key: &[u8], decode: Decode) -> Result<Option<Found>, Stop>;

    /// Visits keys and bytes of `start..end` in order, or in reverse.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where they can't be read; what `visit` breaks with is passed on.
    fn scan(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        visit: &mut Visit<'_>,
    ) -> Result<(), Stop>;

    /// A scanned record as it is to be shown: with uses of it that were noted and aren't written down yet.
    fn shown(&self, _key: &[u8], record: AnyRecord) -> AnyRecord {
        record
    }

    /// How many secrets a region of an account has, scheduled deletions included.
    ///
    /// # Errors
    /// [`Stop::Unavailable`] where they can't be counted.
    fn secrets_count(&self, account: &AccountId, region: &Region) -> Result<u64, Stop>;
}

/// The records as one decision sees them.
pub struct Records<'a> {
    source: &'a dyn Source,
    seen: RefCell<Vec<Seen>>,
    refused: RefCell<Vec<Explanation>>,
    told: RefCell<Told>,
}

/// A record that was read: a commit of the decision's changes holds only while it is unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which record.
    pub key: Key,
    /// The revision that last wrote it; 0 where it isn't there.
    pub modified: u64,
}

impl<'a> Records<'a> {
    /// A view for one decision.
    pub fn of(source: &'a dyn Source) -> Self {
        Records {
            source,
            seen: RefCell::new(Vec::with_capacity(4)),
            refused: RefCell::default(),
            told: RefCell::default(),
        }
    }

    /// A view of the same records whose reads set no conditions here: for what is only to be shown.
    pub(crate) fn apart(&self) -> Records<'a> {
        Records::of(self.source)
    }

    /// Notes why the gate refused something, for whoever runs the deployment.
    pub(crate) fn note_refused(&self, why: Explanation) {
        self.refused.borrow_mut().push(why);
    }

    /// Why the gate refused what it refused so far, of which a caller is told less.
    pub fn take_refused(&self) -> Vec<Explanation> {
        self.refused.take()
    }

    /// Adds to what the call tells of itself.
    pub(crate) fn tell(&self, add: impl FnOnce(&mut Told)) {
        add(&mut self.told.borrow_mut());
    }

    /// What the call told of itself so far, for its events; of a refused one, too.
    pub fn take_told(&self) -> Told {
        self.told.take()
    }

    /// Reads a record.
    pub fn read<T: Record>(&self, key: Key) -> Result<Option<Arc<T>>, Stop> {
        let found = self.source.get(key.as_bytes(), T::decode_at)?;
        let modified = found.as_ref().map_or(0, |found| found.modified);
        let mut seen = self.seen.borrow_mut();
        if !seen.iter().any(|earlier| earlier.key == key) {
            seen.push(Seen { key, modified });
        }
        Ok(found.and_then(|found| T::unwrap(&found.record).cloned()))
    }

    /// Reads a record that no change will be grounded on.
    pub fn peek<T: Record>(&self, key: &Key) -> Result<Option<Arc<T>>, Stop> {
        let found = self.source.get(key.as_bytes(), T::decode_at)?;
        Ok(found.and_then(|found| T::unwrap(&found.record).cloned()))
    }

    /// Visits the records of `start..end` in order, or in reverse, until `visit` breaks. Scans set no
    /// conditions: what they return is a listing, never the ground of a change.
    pub fn scan<T: Record>(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        mut visit: impl FnMut(Arc<T>) -> ControlFlow<()>,
    ) -> Result<(), Stop> {
        self.source.scan(
            start,
            end,
            reverse,
            &mut |key, bytes| match T::decode_at(key, bytes) {
                Err(unreadable) => ControlFlow::Break(Err(Stop::Unavailable(Box::new(unreadable)))),
                Ok(record) => match T::unwrap(&self.source.shown(key, record))
                    .cloned()
                    .map(&mut visit)
                {
                    Some(ControlFlow::Break(())) => ControlFlow::Break(Ok(())),
                    _ => ControlFlow::Continue(()),
                },
            },
        )
    }

    /// Visits the keys of an index in `start..end`, in order or in reverse, until `visit` breaks.
    pub fn scan_keys(
        &self,
        start: &[u8],
        end: &[u8],
        reverse: bool,
        mut visit: impl FnMut(&[u8]) -> ControlFlow<Result<(), Stop>>,
    ) -> Result<(), Stop> {
        self.source
            .scan(start, end, reverse, &mut |key, _| visit(key))
    }

    /// How many secrets a region of an account has.
    pub fn secrets_count(&self, account: &AccountId, region: &Region) -> Result<u64, Stop> {
        self.source.secrets_count(account, region)
    }

    /// What was read so far: the conditions of a commit.
    pub fn into_seen(self) -> Vec<Seen> {
        self.seen.into_inner()
    }
}

/// What a decision wants written, all of it or nothing.
#[derive(Debug, Default)]
pub struct Changes {
    /// In the order in which they were asked for.
    pub writes: Vec<Change>,
    /// What is too large for one commit and is written before it, under no condition. Nothing refers to it until the
    /// rest holds; where that fails, it is garbage, which a sweep finds.
    pub ahead: Vec<Change>,
    /// What is to be written down later, for which no response waits.
    pub uses: Vec<Use>,
    /// What the service tells of itself, once the changes hold.
    pub events: Vec<ServiceEvent>,
    /// Labels that come to other versions, which EventBridge is told of.
    pub label_updates: Vec<LabelUpdate>,
}

/// One change of the store.
#[derive(Debug)]
pub enum Change {
    /// Write these bytes under this key.
    Put(Key, Vec<u8>),
    /// Remove the key.
    Delete(Key),
}

impl Change {
    /// What it changes.
    pub fn key(&self) -> &Key {
        match self {
            Change::Put(key, _) | Change::Delete(key) => key,
        }
    }
}

impl Changes {
    /// No change.
    pub fn none() -> Self {
        Self::default()
    }

    /// How much is to be written.
    pub fn bytes(&self) -> usize {
        let length = |change: &Change| match change {
            Change::Put(key, value) => key.0.len() + value.len(),
            Change::Delete(key) => key.0.len(),
        };
        self.writes.iter().map(length).sum()
    }

    /// Writes a record.
    pub fn put<T: Record>(&mut self, key: Key, record: &T) -> Result<(), Stop> {
        if let Some(secret) = (record as &dyn Any).downcast_ref::<Secret>() {
            self.note_labels(secret);
        }
        let bytes = record.encode()?;
        self.write(Change::Put(key, bytes));
        Ok(())
    }

    /// Notes which labels of a secret come to other versions. Where a secret is written twice, the later counts.
    fn note_labels(&mut self, secret: &Secret) {
        for update in LabelUpdate::of(secret) {
            self.label_updates
                .retain(|earlier| !earlier.is_of_same_label(&update));
            self.label_updates.push(update);
        }
    }

    /// Notes that something was used.
    pub fn note(&mut self, used: Use) {
        self.uses.push(used);
    }

    /// Tells of something that the service does by itself.
    pub fn tell(&mut self, event: ServiceEvent) {
        self.events.push(event);
    }

    /// The same of several things.
    pub fn tell_all(&mut self, events: impl Iterator<Item = ServiceEvent>) {
        self.events.extend(events);
    }

    /// Writes a record ahead of the rest.
    pub(crate) fn put_ahead<T: Record>(&mut self, key: Key, record: &T) -> Result<(), Stop> {
        let bytes = record.encode()?;
        self.ahead.push(Change::Put(key, bytes));
        Ok(())
    }

    /// Writes an index' entry, which says all by its key.
    pub fn put_entry(&mut self, key: Key) {
        self.write(Change::Put(key, Vec::new()));
    }

    /// A record that these changes will write; what a later part of the same decision must not make again.
    pub fn pending<T: Record>(&self, key: &Key) -> Result<Option<Arc<T>>, Stop> {
        let bytes = self.writes.iter().find_map(|change| match change {
            Change::Put(written, bytes) if written == key => Some(bytes),
            _ => None,
        });
        match bytes.map(|bytes| T::decode(bytes)) {
            None => Ok(None),
            Some(Ok(record)) => Ok(T::unwrap(&record).cloned()),
            Some(Err(unreadable)) => Err(Stop::Unavailable(Box::new(unreadable))),
        }
    }

    /// Removes a record.
    pub fn delete(&mut self, key: Key) {
        self.write(Change::Delete(key));
    }

    /// A later change of a key takes the place of an earlier one: no store has to order them.
    fn write(&mut self, change: Change) {
        self.writes.retain(|earlier| earlier.key() != change.key());
        self.writes.push(change);
    }
}
