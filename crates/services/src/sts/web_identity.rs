//! The bearer of an identity provider's token: what a token must say to be taken, and how policies see its bearer.
//! Whether the provider signed it is checked elsewhere, before anything of it counts.
//!
//! Source: AWS IAM User Guide, Create an OpenID Connect (OIDC) identity provider in IAM, IAM and AWS STS condition context
//! keys, and Pass session tags in AWS STS; reference/kms-iam-sts.md §C3, "Web identity".

use std::sync::Arc;

use serde_json::{Map, Value};
use strongroom_policy::Context;

use super::refusals;
use super::role_session::{Attributes, RoleArn};
use crate::caller::{Caller, Principal, Region};
use crate::iam::oidc_provider::OidcProvider;
use crate::iam::shapes::Tag;
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};

/// How far clocks may differ. Source: AWS IAM User Guide, OIDC federation.
const SKEW_SECONDS: i64 = 5 * 60;
/// Claims that are condition keys beside `aud` and `sub`: `amr`, and what AWS documents for GitHub Actions, whose own
/// servers in a data centre are other issuers.
const CONDITION_CLAIMS: &[&str] = &[
    "actor",
    "actor_id",
    "amr",
    "enterprise_id",
    "environment",
    "job_workflow_ref",
    "ref",
    "repository",
    "repository_id",
    "repository_owner_id",
    "workflow",
];
const TAGS_CLAIM: &str = "https://aws.amazon.com/tags";
const SOURCE_IDENTITY_CLAIM: &str = "https://aws.amazon.com/source_identity";

/// What a token that was found valid says.
#[derive(Clone, Debug, Default)]
pub struct WebIdentity {
    /// The ARN of the account's provider.
    pub provider_arn: String,
    /// The provider's URL without its scheme: what condition keys start with.
    pub provider: String,
    /// `sub`
    pub subject: String,
    /// `aud`, or `azp` where the token has that.
    pub audience: String,
    /// Condition keys of the provider's: each name without the provider, with its values.
    pub claims: Vec<(String, Vec<String>)>,
    /// The tags that its session gets.
    pub tags: Vec<Tag>,
    /// The keys of those that go on to the next role of a chain.
    pub transitive_tag_keys: Vec<String>,
    /// The source identity that its session gets.
    pub source_identity: Option<String>,
}

/// Why a token isn't taken, beside what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// It is no signed token.
    NotAToken,
    /// The provider has no such key.
    UnknownKey,
    /// The provider's key didn't make its signature.
    Forged,
    /// The provider's keys can't be had.
    Unreachable,
}

impl From<Distrust> for Refusal {
    fn from(distrust: Distrust) -> Self {
        match distrust {
            Distrust::NotAToken => refusals::not_a_token(),
            Distrust::UnknownKey => refusals::no_verification_key(),
            Distrust::Forged => refusals::invalid_identity_token("Token signature invalid"),
            Distrust::Unreachable => refusals::provider_unreachable(),
        }
    }
}

/// Who would bear a token if its provider had signed it, and the issuer whose keys have to tell.
///
/// `now_seconds` is real time, since that is what providers date by.
///
/// # Refusals
/// - `InvalidIdentityToken`: the role's account has no such provider, or the provider no such client, or a claim that
///   must be there isn't;
/// - `ExpiredTokenException`
/// - `IDPRejectedClaim`: the tags or the source identity in it can't be.
pub fn accept(
    claims: &Map<String, Value>,
    role: &RoleArn,
    now_seconds: i64,
    records: &Records<'_>,
) -> Result<(Caller, String), Stop> {
    let issuer = text(claims, "iss")?;
    let provider = match issuer.strip_prefix("https://") {
        Some(url) => records.read::<OidcProvider>(Key::iam_oidc_provider(role.account(), url))?,
        None => None,
    };
    let provider = provider.ok_or_else(|| refusals::no_provider(issuer))?;
    check_times(claims, now_seconds)?;
    let identity = identity(claims, &provider, role.partition())?;
    let caller = Caller {
        account: role.account().clone(),
        region: region(role)?,
        principal: Principal::WebIdentity(Arc::new(identity)),
        session: None,
    };
    Ok((caller, issuer.to_owned()))
}

/// An unsigned request names no region; STS's global endpoint stands for the first one of the role's partition.
///
/// Source: AWS STS endpoints and quotas.
fn region(role: &RoleArn) -> Result<Region, Refusal> {
    let name = match role.partition() {
        "aws-cn" => "cn-north-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    };
    Region::parse(name).map_err(|_| refusals::invalid_role_arn())
}

fn identity(
    claims: &Map<String, Value>,
    provider: &OidcProvider,
    partition: &str,
) -> Result<WebIdentity, Refusal> {
    let audiences = values(claims.get("aud"));
    if audiences.is_empty() {
        return Err(refusals::missing_claim("aud"));
    }
    let party = values(claims.get("azp"));
    let counting = if party.is_empty() { &audiences } else { &party };
    let is_client = |audience: &&String| provider.client_ids.contains(audience);
    let audience = counting.iter().find(is_client);
    let audience = audience.ok_or_else(refusals::incorrect_audience)?;
    let subject = text(claims, "sub")?;
    let mut keys = vec![
        ("aud".to_owned(), counting.clone()),
        ("sub".to_owned(), vec![subject.to_owned()]),
    ];
    if !party.is_empty() {
        keys.push(("oaud".to_owned(), audiences.clone()));
    }
    let more = CONDITION_CLAIMS.iter();
    keys.extend(more.map(|name| ((*name).to_owned(), values(claims.get(*name)))));
    let (tags, transitive_tag_keys) = tags(claims)?;
    Ok(WebIdentity {
        provider_arn: format!(
            "arn:{partition}:iam::{}:{}",
            provider.account,
            OidcProvider::resource(&provider.url)
        ),
        provider: provider.url.clone(),
        subject: subject.to_owned(),
        audience: audience.clone(),
        claims: keys,
        tags,
        transitive_tag_keys,
        source_identity: source_identity(claims)?,
    })
}

/// Source: JSON Web Token (RFC 7519) 4.1.
fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), Refusal> {
    // Some providers write a fraction.
    let seconds = |claim: &Value| claim.as_i64().or(claim.as_f64().map(|it| it as i64));
    let at = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(claim) => match seconds(claim) {
            Some(at) => Ok(Some(at)),
            None => Err(refusals::missing_claim(name)),
        },
    };
    let expires = at("exp")?.ok_or_else(|| refusals::missing_claim("exp"))?;
    if now >= expires.saturating_add(SKEW_SECONDS) {
        return Err(refusals::token_expired(now, expires));
    }
    let not_before = at("nbf")?.max(at("iat")?);
    match not_before {
        Some(begins) if begins.saturating_sub(SKEW_SECONDS) > now => {
            Err(refusals::token_not_yet_valid(now, begins))
        }
        _ => Ok(()),
    }
}

/// A claim that must be there and be a text.
fn text<'c>(claims: &'c Map<String, Value>, name: &'static str) -> Result<&'c str, Refusal> {
    let found = claims.get(name).and_then(Value::as_str);
    found
        .filter(|text| !text.is_empty())
        .ok_or_else(|| refusals::missing_claim(name))
}

/// A claim's values as condition keys see them: texts, numbers and flags, one or several.
fn values(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(items)) => items
            .iter()
            .filter(|item| !item.is_array())
            .flat_map(|item| values(Some(item)))
            .collect(),
        Some(other @ (Value::Number(_) | Value::Bool(_))) => vec![other.to_string()],
        Some(Value::Null | Value::Object(_)) | None => Vec::new(),
    }
}

/// The session tags in a token: of `principal_tags` each key with one value, in a list or alone.
///
/// Source: AWS IAM User Guide, Pass session tags in AWS STS, "Passing session tags using AssumeRoleWithWebIdentity".
fn tags(claims: &Map<String, Value>) -> Result<(Vec<Tag>, Vec<String>), Refusal> {
    let Some(claim) = claims.get(TAGS_CLAIM) else {
        return Ok((Vec::new(), Vec::new()));
    };
    let mut tags: Vec<Tag> = Vec::new();
    for (key, value) in claim["principal_tags"].as_object().into_iter().flatten() {
        let found = values(Some(value));
        let [value] = &found[..] else {
            return Err(refusals::invalid_tags_in_token());
        };
        let fits = (1..=128).contains(&key.chars().count()) && value.chars().count() <= 256;
        let is_reserved = key
            .get(..4)
            .is_some_and(|start| start.eq_ignore_ascii_case("aws:"));
        let mut earlier = tags.iter();
        let is_twice = earlier.any(|tag| tag.key.eq_ignore_ascii_case(key));
        if !fits || is_reserved || is_twice || tags.len() >= crate::iam::shapes::TAGS_MAX {
            return Err(refusals::invalid_tags_in_token());
        }
        tags.push(Tag {
            key: key.clone(),
            value: value.clone(),
        });
    }
    let transitive = values(claim.get("transitive_tag_keys"));
    let is_passed = |key: &String| {
        let mut tags = tags.iter();
        tags.any(|tag| tag.key.eq_ignore_ascii_case(key))
    };
    if !transitive.iter().all(is_passed) {
        return Err(refusals::invalid_tags_in_token());
    }
    Ok((tags, transitive))
}

fn source_identity(claims: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(claim) = claims.get(SOURCE_IDENTITY_CLAIM) else {
        return Ok(None);
    };
    let identity = claim.as_str().filter(|text| {
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        (2..=256).contains(&text.len()) && text.bytes().all(in_name)
    });
    match identity {
        Some(identity) => Ok(Some(identity.to_owned())),
        None => Err(refusals::invalid_source_identity_in_token()),
    }
}

impl WebIdentity {
    /// How events name the bearer.
    ///
    /// Source: AWS CloudTrail User Guide, CloudTrail userIdentity element, `WebIdentityUser`.
    pub fn user_id(&self) -> String {
        format!("{}:{}:{}", self.provider_arn, self.audience, self.subject)
    }

    /// Adds its condition keys.
    pub fn add_condition_keys(&self, context: &mut Context) {
        context.insert("aws:FederatedProvider", self.provider_arn.as_str());
        for (name, values) in &self.claims {
            context.insert_all(&format!("{}:{name}", self.provider), values.iter().cloned());
        }
    }

    /// What its session gets from the token.
    pub(super) fn attributes(&self) -> Attributes {
        Attributes {
            tags: self.tags.clone(),
            transitive_tag_keys: self.transitive_tag_keys.clone(),
            source_identity: self.source_identity.clone(),
            federated_provider: Some(self.provider_arn.clone()),
        }
    }
}
