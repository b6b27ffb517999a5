//! CreateKey: a new key of the caller's account.
//!
//! Source: AWS KMS API Reference, CreateKey; reference/kms-iam-sts.md §A4.

use strongroom_keys::KeySpec;
use strongroom_policy::Context;

use super::key::{KeyManager, KeyState, KeyUsage, KmsKey, Origin, Tag};
use super::metadata::Described;
use super::shapes::{DESCRIPTION, POLICY};
use super::{access, policy, refusals, tags, uuid};
use crate::caller::Caller;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

/// The model's names, of which not all are made here.
const KEY_SPEC: Text = Text::one_of(&[
    "RSA_2048",
    "RSA_3072",
    "RSA_4096",
    "ECC_NIST_P256",
    "ECC_NIST_P384",
    "ECC_NIST_P521",
    "ECC_SECG_P256K1",
    "SYMMETRIC_DEFAULT",
    "HMAC_224",
    "HMAC_256",
    "HMAC_384",
    "HMAC_512",
    "SM2",
    "ML_DSA_44",
    "ML_DSA_65",
    "ML_DSA_87",
    "ECC_NIST_EDWARDS25519",
    "ML_KEM_512",
    "ML_KEM_768",
    "ML_KEM_1024",
]);
const KEY_USAGE: Text = Text::one_of(&[
    "SIGN_VERIFY",
    "ENCRYPT_DECRYPT",
    "GENERATE_VERIFY_MAC",
    "KEY_AGREEMENT",
    "ENCAPSULATE_DECAPSULATE",
]);
const ORIGIN: Text = Text::one_of(&["AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"]);
const CUSTOM_KEY_STORE_ID: Text = Text::of(1..=64);
const XKS_KEY_ID: Text = Text::of(1..=128);

/// The request.
pub struct CreateKey {
    policy: Option<String>,
    bypass: bool,
    description: String,
    usage: Option<String>,
    spec: Option<String>,
    older_spec: Option<String>,
    origin: Option<String>,
    tags: Vec<Tag>,
    multi_region: bool,
    elsewhere: Option<&'static str>,
}

impl Operation for CreateKey {
    const NAME: &'static str = "CreateKey";
    /// RSA keys take up to seconds.
    const WALKS: bool = true;
    type Output = Described;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let store = members.text("CustomKeyStoreId", &CUSTOM_KEY_STORE_ID);
        let external = members.text("XksKeyId", &XKS_KEY_ID);
        let multi_region = members.flag("MultiRegion") == Some(true);
        let elsewhere = if store.is_some() || external.is_some() {
            Some(super::KEY_STORES_ABSENT)
        } else {
            multi_region.then_some(super::MULTI_REGION_ABSENT)
        };
        CreateKey {
            policy: members.text("Policy", &POLICY),
            bypass: members.flag("BypassPolicyLockoutSafetyCheck") == Some(true),
            description: members
                .text("Description", &DESCRIPTION)
                .unwrap_or_default(),
            usage: members.text("KeyUsage", &KEY_USAGE),
            spec: members.text("KeySpec", &KEY_SPEC),
            older_spec: members.text("CustomerMasterKeySpec", &KEY_SPEC),
            origin: members.text("Origin", &ORIGIN),
            tags: tags::take(members),
            multi_region,
            elsewhere,
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        Ok(self.needs_of(caller))
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<Described>, Stop> {
        let request = allowed.into_request();
        if let Some(reason) = request.elsewhere {
            return Err(refusals::unsupported(reason).into());
        }
        let origin = origin(request.origin.as_deref())?;
        let spec = spec(request.spec.as_deref(), request.older_spec.as_deref())?;
        let usage = usage(request.usage.as_deref(), spec)?;
        let caller = given.caller;
        let mut key = KmsKey {
            account: caller.account.clone(),
            region: caller.region.clone(),
            key_id: uuid(given),
            created: given.now,
            manager: KeyManager::Customer,
            description: request.description,
            spec,
            usage,
            origin,
            state: match origin {
                Origin::AwsKms => KeyState::Enabled,
                Origin::External => KeyState::PendingImport,
            },
            policy: match request.policy {
                Some(text) => policy::checked(text, &caller.account, records)?,
                None => policy::of_account(&caller.account, &caller.region)
                    .map_err(|error| Stop::Unavailable(Box::new(error)))?,
            },
            tags: Vec::new(),
            aliases: Vec::new(),
            rotation: None,
            material: Vec::new(),
            awaited: Vec::new(),
            grants_count: 0,
        };
        tags::merge(&mut key.tags, request.tags)?;
        policy::refuse_lockout(&key, request.bypass, records, given)?;
        if origin == Origin::AwsKms {
            key.renew(None, records, &given.means())?;
        }
        let mut changes = Changes::none();
        changes.put(key.key(), &key)?;
        records.tell(|told| told.note_arn(&key.arn()));
        Ok(Decided::change(changes, Described::of(&key)))
    }
}

impl CreateKey {
    fn needs_of<'a>(&self, caller: &'a Caller) -> Vec<Need<'a>> {
        let mut actions = vec!["kms:CreateKey"];
        if !self.tags.is_empty() {
            actions.push("kms:TagResource");
        }
        let need = |action| access::need_to_make(action, self.conditions(), caller);
        actions.into_iter().map(need).collect()
    }

    /// What policies may ask about the key that is to be made. What isn't named is what it will be by default.
    ///
    /// Source: AWS KMS Developer Guide, AWS KMS permissions, CreateKey.
    fn conditions(&self) -> Context {
        let mut context = tags::conditions(&self.tags);
        policy::insert_bypass(self.bypass, &mut context);
        let spec = self.spec.as_deref().or(self.older_spec.as_deref());
        for (name, value, usual) in [
            ("kms:KeySpec", spec, KeySpec::SymmetricDefault.name()),
            (
                "kms:KeyUsage",
                self.usage.as_deref(),
                KeyUsage::EncryptDecrypt.name(),
            ),
            (
                "kms:KeyOrigin",
                self.origin.as_deref(),
                Origin::AwsKms.name(),
            ),
        ] {
            context.insert(name, value.unwrap_or(usual));
        }
        context.insert("kms:MultiRegion", self.multi_region.to_string());
        context
    }
}

fn origin(named: Option<&str>) -> Result<Origin, Refusal> {
    match named {
        None | Some("AWS_KMS") => Ok(Origin::AwsKms),
        Some("EXTERNAL") => Ok(Origin::External),
        Some(_) => Err(refusals::unsupported(super::KEY_STORES_ABSENT)),
    }
}

fn spec(named: Option<&str>, older: Option<&str>) -> Result<KeySpec, Refusal> {
    if named.is_some() && older.is_some() && named != older {
        return Err(Refusal::validation(
            "You can specify KeySpec or CustomerMasterKeySpec, but not both.",
        ));
    }
    let Some(name) = named.or(older) else {
        return Ok(KeySpec::SymmetricDefault);
    };
    KeySpec::parse(name).ok_or_else(|| {
        refusals::unsupported(format!(
            "This version of Strongroom makes no keys of {name}."
        ))
    })
}

/// What the key is for: asked for where its kind can be for several things.
fn usage(named: Option<&str>, spec: KeySpec) -> Result<KeyUsage, Refusal> {
    let possible: Vec<KeyUsage> = KeyUsage::ALL
        .iter()
        .copied()
        .filter(|usage| usage.is_of(spec))
        .collect();
    match named {
        None if spec == KeySpec::SymmetricDefault => Ok(KeyUsage::EncryptDecrypt),
        None => Err(Refusal::validation(format!(
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption \
             keys; {} can be for {}.",
            spec.name(),
            possible
                .iter()
                .map(|usage| usage.name())
                .collect::<Vec<_>>()
                .join(" or ")
        ))),
        Some(name) => possible
            .into_iter()
            .find(|usage| usage.name() == name)
            .ok_or_else(|| {
                Refusal::validation(format!(
                    "KeyUsage {name} is not compatible with KeySpec {}",
                    spec.name()
                ))
            }),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use strongroom_policy::{Caller as Principal, Document, Kind, Request, Verdict, evaluate};

    use super::*;
    use crate::caller::{self, AccountId, Region};
    use crate::gate::Guard;
    use crate::input;

    /// Whether a policy that asks for this lets such a key be made, and be tagged where it has tags.
    fn may_be_made(body: &serde_json::Value, condition: &serde_json::Value) -> bool {
        let caller = Caller {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            principal: caller::Principal::Root,
            session: None,
        };
        let request = input::read(body.to_string().as_bytes(), CreateKey::read).unwrap();
        let statement = json!({
            "Effect": "Allow",
            "Action": ["kms:CreateKey", "kms:TagResource"],
            "Resource": "*",
            "Condition": condition,
        });
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        let policy = Document::parse(&policy, Kind::Identity).unwrap();
        let principal = Principal::from_arn("arn:aws:iam::123456789012:user/alice").unwrap();
        request.needs_of(&caller).iter().all(|need| {
            let Guard::ToBeMade(context) = &need.guard else {
                return false;
            };
            let request = Request::new(&principal, need.action, "*", context);
            matches!(evaluate(&[&policy], &request), Verdict::Allow { .. })
        })
    }

    #[test]
    fn a_policy_can_ask_what_a_new_key_will_be() {
        let tag = |key: &str, value: &str| json!([{"TagKey": key, "TagValue": value}]);
        let is = |key: &str, value: &str| json!({"StringEquals": { key: value }});
        let no = json!({});
        let mac = json!({"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"});
        let older = json!({"CustomerMasterKeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"});
        let tagged = json!({"Tags": tag("team", "a")});
        for (condition, passes, fails) in [
            (is("kms:KeySpec", "SYMMETRIC_DEFAULT"), &no, &mac),
            (is("kms:KeySpec", "HMAC_256"), &older, &no),
            (is("kms:KeyUsage", "ENCRYPT_DECRYPT"), &no, &mac),
            (
                is("kms:KeyOrigin", "AWS_KMS"),
                &no,
                &json!({"Origin": "EXTERNAL"}),
            ),
            (
                json!({"Bool": {"kms:MultiRegion": "false"}}),
                &no,
                &json!({"MultiRegion": true}),
            ),
            (
                json!({"Bool": {"kms:BypassPolicyLockoutSafetyCheck": "false"}}),
                &no,
                &json!({"BypassPolicyLockoutSafetyCheck": true}),
            ),
            (is("kms:CallerAccount", "123456789012"), &no, &json!(null)),
            (
                is("aws:RequestTag/team", "a"),
                &tagged,
                &json!({"Tags": tag("team", "b")}),
            ),
            (
                json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}),
                &tagged,
                &json!({"Tags": tag("other", "a")}),
            ),
        ] {
            assert!(may_be_made(passes, &condition), "{condition} {passes}");
            if !fails.is_null() {
                assert!(!may_be_made(fails, &condition), "{condition} {fails}");
            }
        }
    }
}
