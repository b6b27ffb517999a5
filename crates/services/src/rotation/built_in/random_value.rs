//! `strongroom-random-value`: a password by GetRandomPassword's rules, as the whole value or as one member of it.
//!
//! Source: reference/api.md §6.22.

use strongroom_keys::SecretBytes;

use super::json_object::JsonObject;
use super::{BuiltIn, Created, Failure, Parameters, Rotation};
use crate::operation::Means;
use crate::records::{Changes, Records};
use crate::secretsmanager::password::{LENGTH_DEFAULT, LENGTH_MAX, PasswordRules};
use crate::secretsmanager::secret::Secret;
use crate::secretsmanager::version::Value;

/// The member that holds the password where none is named.
const MEMBER_DEFAULT: &str = "password";

/// How a random value is made.
pub(super) struct RandomValue {
    rules: PasswordRules,
    /// The member that holds it, where one is named.
    member: Option<String>,
}

pub(super) fn configure(parameters: &mut Parameters<'_>, _: &Secret) -> Box<dyn BuiltIn> {
    Box::new(RandomValue::read(parameters))
}

impl RandomValue {
    /// Takes its parameters.
    pub(super) fn read(parameters: &mut Parameters<'_>) -> Self {
        let rules = PasswordRules {
            length: parameters.number("PasswordLength", 1..=LENGTH_MAX, LENGTH_DEFAULT),
            excluded_characters: parameters
                .text("ExcludeCharacters")
                .unwrap_or_default()
                .to_owned(),
            exclude_numbers: parameters.flag("ExcludeNumbers", false),
            exclude_punctuation: parameters.flag("ExcludePunctuation", false),
            exclude_uppercase: parameters.flag("ExcludeUppercase", false),
            exclude_lowercase: parameters.flag("ExcludeLowercase", false),
            include_space: parameters.flag("IncludeSpace", false),
            require_each_included_type: parameters.flag("RequireEachIncludedType", true),
        };
        if let Err(refusal) = rules.check() {
            let text = refusal.message.unwrap_or_default();
            parameters.refuse(text.trim_end_matches('.'));
        }
        RandomValue {
            rules,
            member: parameters.text("JsonKey").map(str::to_owned),
        }
    }

    /// A new value in the place of the current one.
    pub(super) fn make(
        &self,
        current: Option<&Value>,
        means: &Means<'_>,
    ) -> Result<Value, Failure> {
        let password = SecretBytes::new(self.rules.password(means.entropy)?);
        let object = current.and_then(JsonObject::of);
        let (mut object, member) = match (object, &self.member) {
            (None, None) => return Ok(Value::Text(password)),
            (None, Some(member)) if current.is_none() => (JsonObject::default(), member.as_str()),
            (None, Some(member)) => {
                return Err(Failure::because(format!(
                    "the current value is no JSON object, so it has no member '{member}' (JsonKey): give the secret a \
                     value that is one, or rotate it without JsonKey"
                )));
            }
            (Some(object), Some(member)) => (object, member.as_str()),
            (Some(object), None) if object.has(MEMBER_DEFAULT) => (object, MEMBER_DEFAULT),
            // To add one would leave what was meant to be rotated as it is.
            (Some(_), None) => {
                return Err(Failure::because(format!(
                    "the current value is a JSON object without a member '{MEMBER_DEFAULT}': name the member that \
                     holds what is to be rotated with the parameter JsonKey"
                )));
            }
        };
        object.set_bytes(member, &password);
        Ok(object.into_value())
    }
}

impl BuiltIn for RandomValue {
    fn create(
        &self,
        rotation: &Rotation<'_>,
        _: &Records<'_>,
        means: &Means<'_>,
        _: &mut Changes,
    ) -> Result<Created, Failure> {
        Ok(Created::Value(self.make(rotation.current, means)?))
    }
}
