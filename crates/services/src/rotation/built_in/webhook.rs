//! `strongroom-webhook`: a web server is told of each step by an event, and may make the new value itself.

use core::net::Ipv4Addr;
use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use strongroom_keys::SecretBytes;
use strongroom_policy::Context;

use super::json_object::JsonObject;
use super::other_secret::{OtherSecret, need_of_key};
use super::random_value::RandomValue;
use super::{BuiltIn, Call, Created, Failure, Parameters, Post, Rotation};
use crate::caller::Caller;
use crate::gate::{Guard, Need, SecretGuard, Sought};
use crate::operation::Means;
use crate::records::{Changes, Records};
use crate::refusal::Stop;
use crate::rotation::step::Step;
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::version::Value;

/// A shorter key could be guessed from one signed event.
const SIGNING_KEY_BYTES_MIN: usize = 16;
/// The member of an answer that holds the new value.
const ANSWER: &str = "SecretString";

/// Which web server is told what.
struct Webhook {
    url: String,
    /// How the new value is made; `None`: the server makes it.
    makes: Option<RandomValue>,
    /// Whether events hold values.
    tells_values: bool,
    signed_with: Option<OtherSecret>,
}

pub(super) fn configure(parameters: &mut Parameters<'_>, secret: &Secret) -> Box<dyn BuiltIn> {
    let url = parameters.required("Url", "where events are posted to");
    if let Some(problem) = problem_of(url).filter(|_| !url.is_empty()) {
        parameters.refuse(format!("Url {problem}"));
    }
    let tells_values = parameters.flag("IncludeValue", false);
    let signed_with = OtherSecret::take("SigningSecretId", parameters, secret);
    let makes = match parameters.flag("Creates", false) {
        true => None,
        false => Some(RandomValue::read(parameters)),
    };
    Box::new(Webhook {
        url: url.to_owned(),
        makes,
        tells_values,
        signed_with,
    })
}

impl BuiltIn for Webhook {
    fn needs<'a>(
        &'a self,
        secret: &Secret,
        caller: &'a Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let mut needs = match &self.signed_with {
            Some(signed_with) => signed_with.needs(caller, records)?,
            None => Vec::new(),
        };
        if self.tells_values {
            needs.push(need_to_read(secret));
            needs.extend(need_of_key(secret, caller, records)?);
        }
        Ok(needs)
    }

    fn check(
        &self,
        secret: &Secret,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<(), Failure> {
        self.signing_key(secret, records, means).map(|_| ())
    }

    fn create(
        &self,
        rotation: &Rotation<'_>,
        records: &Records<'_>,
        means: &Means<'_>,
        _: &mut Changes,
    ) -> Result<Created, Failure> {
        match &self.makes {
            Some(makes) => Ok(Created::Value(makes.make(rotation.current, means)?)),
            None => {
                let post = self.post(Step::Create, rotation, None, records, means)?;
                Ok(Created::Asked(Call::Post(post)))
            }
        }
    }

    fn created(&self, _: &Rotation<'_>, answer: &SecretBytes) -> Result<Value, Failure> {
        let value = JsonObject::parse(answer.expose()).and_then(|object| object.secret(ANSWER));
        value.map(Value::Text).ok_or_else(|| {
            Failure::because(format!(
                "the webhook answers createSecret without a value: it must answer {{\"{ANSWER}\": \"...\"}}, or be used \
                 without the parameter Creates"
            ))
        })
    }

    fn step(
        &self,
        step: Step,
        rotation: &Rotation<'_>,
        pending: &Value,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Option<Call>, Failure> {
        let post = self.post(step, rotation, Some(pending), records, means)?;
        Ok(Some(Call::Post(post)))
    }
}

impl Webhook {
    fn post(
        &self,
        step: Step,
        rotation: &Rotation<'_>,
        pending: Option<&Value>,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Post, Failure> {
        let mut event = JsonObject::default();
        event.set("step", step.name());
        event.set("secretArn", &rotation.secret.arn());
        event.set("versionId", rotation.version_id);
        if self.tells_values {
            let values = [("current", rotation.current), ("pending", pending)];
            for (which, value) in values {
                match value {
                    None => {}
                    Some(Value::Text(text)) => {
                        event.set_bytes(&format!("{which}SecretString"), text);
                    }
                    Some(Value::Binary(bytes)) => {
                        let text = SecretBytes::new(BASE64.encode(bytes.expose()).into_bytes());
                        event.set_bytes(&format!("{which}SecretBinary"), &text);
                    }
                }
            }
        }
        Ok(Post {
            url: self.url.clone(),
            event: event.into_bytes(),
            signing_key: self.signing_key(rotation.secret, records, means)?,
        })
    }

    fn signing_key(
        &self,
        rotated: &Secret,
        records: &Records<'_>,
        means: &Means<'_>,
    ) -> Result<Option<SecretBytes>, Failure> {
        let Some(signed_with) = &self.signed_with else {
            return Ok(None);
        };
        let (Value::Text(key) | Value::Binary(key)) =
            signed_with.current(rotated, records, means)?;
        match key.len() {
            SIGNING_KEY_BYTES_MIN.. => Ok(Some(key)),
            _ => Err(signed_with.wrong(format!(
                "its value must have {SIGNING_KEY_BYTES_MIN} bytes at least"
            ))),
        }
    }
}

/// Whoever has a secret's values told must be allowed to read them.
fn need_to_read(secret: &Secret) -> Need<'static> {
    Need {
        action: "secretsmanager:GetSecretValue",
        owner: Cow::Owned(secret.account.clone()),
        shown: Some(Cow::Owned(secret.arn())),
        guard: Guard::Secret(SecretGuard {
            secret: Sought::Found(Arc::new(secret.clone())),
            request: &(),
            known: Context::new(),
        }),
    }
}

/// What is wrong with the URL of a webhook. Which hosts are allowed is the server's configuration.
fn problem_of(url: &str) -> Option<&'static str> {
    let (secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Some("must begin with https://"),
    };
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) || url.contains('#') {
        return Some(
            "must have neither spaces nor other characters than those of ASCII, and no fragment",
        );
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Some("must hold no credentials: sign events with SigningSecretId");
    }
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    if host.is_empty() {
        return Some("names no host");
    }
    let is_local = host == "localhost"
        || host == "::1"
        || host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback());
    (!secure && !is_local).then_some("must begin with https://; http:// is for this machine alone")
}
