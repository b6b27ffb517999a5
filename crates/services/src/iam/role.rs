//! A role: an identity that others assume for a while. Its record and its trust policy, and how it is found.
//!
//! Source: AWS IAM User Guide, IAM roles, and IAM and AWS STS quotas.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use strongroom_policy::{Malformed, Principal, Problem};

use super::attachment::ShownBoundary;
use super::entity::{Bounded, Entity, Identity, Listable, Tagged};
use super::identity_policy::{InlinePolicies, encoded, size};
use super::managed_policy::PolicyName;
use super::refusals;
use super::shapes::{ROLE_NAME, Tag};
use crate::caller::{AccountId, Caller};
use crate::input::Text;
use crate::last_use;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::{Timestamp, iso8601};

pub use super::bound_policy::TrustPolicy;

/// Characters of a trust policy, white space not counted.
pub(super) const TRUST_MAX: usize = 2048;
/// How long a session may last where the role doesn't say.
pub(super) const SESSION_SECONDS_USUAL: u32 = 3600;

/// An IAM role.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Role {
    /// Whose.
    pub account: AccountId,
    /// As it was written; roles differ by more than letter case.
    pub name: String,
    /// `/`, or `/…/`.
    pub path: String,
    /// `AROA…`, never given again.
    pub id: String,
    /// When it was made.
    pub created: Timestamp,
    /// What it is for.
    pub description: Option<String>,
    /// How long a session may last, 3,600 to 43,200 seconds.
    pub session_seconds_max: u32,
    /// Who may assume it.
    pub trust: TrustPolicy,
    /// Its tags; its sessions have them too.
    pub tags: Vec<Tag>,
    /// Its own policies.
    pub inline: InlinePolicies,
    /// The managed policies that are attached to it, in the order of their attaching.
    pub attached: Vec<PolicyName>,
    /// What bounds what its policies may allow.
    pub boundary: Option<PolicyName>,
    /// The names of the instance profiles that it is in, in lower case.
    pub instance_profiles: Vec<String>,
}

impl Role {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(path: &str, name: &str) -> String {
        format!("role{path}{name}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.path, &self.name))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_role(&self.account, &self.name)
    }
}

impl Entity for Role {
    const NOUN: &'static str = "role";
    const MEMBER: &'static str = "RoleName";
    const NAME: Text = ROLE_NAME;

    fn read(name: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop> {
        records.read(Key::iam_role(&caller.account, name))
    }

    fn missing(name: &str) -> Refusal {
        refusals::no_such(Self::NOUN, name)
    }

    fn arn_of_missing(name: &str, caller: &Caller) -> String {
        caller.iam_arn(&caller.account, &Self::resource("/", name))
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn key(&self) -> Key {
        Role::key(self)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn arn(&self, caller: &Caller) -> String {
        Role::arn(self, caller)
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }

    fn boundary(&self) -> Option<&PolicyName> {
        self.boundary.as_ref()
    }
}

impl Listable for Role {
    const LIST: &'static str = "Roles";
    type Shown = ShownRole;

    fn below(path: &str) -> String {
        Self::resource(path, "")
    }

    fn all(account: &AccountId) -> Key {
        Key::iam_roles(account)
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn shown(&self, caller: &Caller, records: &Records<'_>) -> Result<ShownRole, Stop> {
        ShownRole::of(self, caller, records)
    }
}

impl Tagged for Role {
    const TAGS_QUOTA: &'static str = "TagsPerRole";

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Identity for Role {
    const ATTACHED_QUOTA: &'static str = "PoliciesPerRole";
    const INLINE_MAX: usize = 10_240;

    fn inline(&self) -> &InlinePolicies {
        &self.inline
    }

    fn inline_mut(&mut self) -> &mut InlinePolicies {
        &mut self.inline
    }

    fn attached(&self) -> &[PolicyName] {
        &self.attached
    }

    fn attached_mut(&mut self) -> &mut Vec<PolicyName> {
        &mut self.attached
    }
}

impl Bounded for Role {
    fn boundary_mut(&mut self) -> &mut Option<PolicyName> {
        &mut self.boundary
    }
}

/// Reads the trust policy of a request, for a role of an account, and binds it to those whom it names now.
///
/// # Refusals
/// `MalformedPolicyDocument`, `LimitExceeded`; the texts are AWS's from experience where it has one for the problem.
pub(super) fn checked_trust(
    text: String,
    account: &AccountId,
    records: &Records<'_>,
) -> Result<TrustPolicy, Stop> {
    if size(&text) > TRUST_MAX {
        return Err(refusals::quota("ACLSizePerRole", TRUST_MAX).into());
    }
    let policy = TrustPolicy::parse(text).map_err(|malformed| malformed_trust(&malformed))?;
    refuse_other_actions(&policy)?;
    match policy.bound(account, records)? {
        (policy, None) => Ok(policy),
        (_, Some(unknown)) => Err(refusals::malformed_policy(invalid_principal(&unknown)).into()),
    }
}

/// Only STS can be asked for a role.
fn refuse_other_actions(policy: &TrustPolicy) -> Result<(), Refusal> {
    let is_of_sts =
        |service: Option<&str>| service.is_some_and(|service| service.eq_ignore_ascii_case("sts"));
    let mut actions = policy.document().actions();
    if actions.all(|action| is_of_sts(action.service())) {
        return Ok(());
    }
    Err(refusals::malformed_policy(
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ))
}

fn malformed_trust(malformed: &Malformed) -> Refusal {
    refusals::malformed_policy(match &malformed.problem {
        Problem::NotJson { .. } => "This policy contains invalid Json".to_owned(),
        Problem::Forbidden { element, .. } => format!("Has prohibited field {element}"),
        Problem::Missing { element } => format!("Missing required field {element}"),
        Problem::UnsupportedPrincipal { value } => {
            // The type of the principal is the last name on the path.
            let kind = malformed.path.rsplit('.').next().unwrap_or_default();
            let kind = kind.split('[').next().unwrap_or_default();
            let kind = if kind == "Principal" { "AWS" } else { kind };
            format!(
                "Invalid principal in policy: \"{}\":\"{value}\"",
                kind.to_uppercase()
            )
        }
        _ => format!("Syntax errors in policy. {malformed}"),
    })
}

fn invalid_principal(principal: &Principal) -> String {
    let kind = match principal {
        Principal::CanonicalUser { .. } => "CANONICALUSER",
        Principal::Service { .. } => "SERVICE",
        Principal::Federated { .. } => "FEDERATED",
        _ => "AWS",
    };
    format!("Invalid principal in policy: \"{kind}\":\"{principal}\"")
}

/// A role as answers show it. Lists leave out its tags and what bounds it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ShownRole {
    path: String,
    role_name: String,
    role_id: String,
    arn: String,
    #[serde(serialize_with = "iso8601::serialize")]
    create_date: Timestamp,
    assume_role_policy_document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_session_duration: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Tag>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<ShownBoundary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_last_used: Option<RoleLastUsed>,
}

/// When a role's credentials last signed a request; empty where they never did.
#[derive(Default, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RoleLastUsed {
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "iso8601::optional::serialize"
    )]
    last_used_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
}

impl ShownRole {
    pub(super) fn of(role: &Role, caller: &Caller, records: &Records<'_>) -> Result<Self, Stop> {
        let trust = role.trust.shown(&role.account, caller, records)?;
        Ok(ShownRole {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id.clone(),
            arn: role.arn(caller),
            create_date: role.created,
            assume_role_policy_document: encoded(&trust),
            description: role.description.clone(),
            max_session_duration: Some(role.session_seconds_max),
            tags: Vec::new(),
            permissions_boundary: None,
            role_last_used: None,
        })
    }

    /// The same with when it was last used.
    pub(super) fn with_last_use(self, role: &Role, records: &Records<'_>) -> Result<Self, Stop> {
        let last_use = last_use::of(&role.account, &role.id, records)?;
        let shown = last_use.map(|last_use| RoleLastUsed {
            last_used_date: Some(last_use.at),
            region: Some(last_use.region.clone()),
        });
        Ok(ShownRole {
            role_last_used: Some(shown.unwrap_or_default()),
            ..self
        })
    }

    /// As the account's details show it, without what is no permission.
    pub(super) fn in_details(
        role: &Role,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Self, Stop> {
        let shown = Self::whole(role, caller, records)?.with_last_use(role, records)?;
        Ok(ShownRole {
            description: None,
            max_session_duration: None,
            ..shown
        })
    }

    /// With all that there is to show.
    pub(super) fn whole(role: &Role, caller: &Caller, records: &Records<'_>) -> Result<Self, Stop> {
        Ok(ShownRole {
            tags: role.tags.clone(),
            permissions_boundary: ShownBoundary::of(role, caller, records)?,
            ..Self::of(role, caller, records)?
        })
    }
}
