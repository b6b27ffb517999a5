//! GetRandomPassword: a password that no request can predict.
//!
//! Source: reference/api.md §6.22.

use serde::Serialize;
use strongroom_keys::SecretBytes;

use super::access;
use super::password::{LENGTH_DEFAULT, PasswordRules};
use crate::caller::Caller;
use crate::disclosed::Disclosed;
use crate::gate::{Authorized, Need};
use crate::input::{Members, Text};
use crate::operation::{Decided, Given, Operation};
use crate::records::Records;
use crate::refusal::Stop;

/// The request.
pub struct GetRandomPassword {
    rules: PasswordRules,
}

/// The response.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RandomPassword {
    random_password: Disclosed,
}

impl Operation for GetRandomPassword {
    const NAME: &'static str = "GetRandomPassword";
    type Output = RandomPassword;

    fn read(members: &mut Members<'_, '_>) -> Self {
        const EXCLUDE_CHARACTERS: Text = Text::of(0..=4096);
        let length = members.integer("PasswordLength", 1..=4096);
        let rules = PasswordRules {
            length: length
                .and_then(|it| usize::try_from(it).ok())
                .unwrap_or(LENGTH_DEFAULT),
            excluded_characters: members
                .text("ExcludeCharacters", &EXCLUDE_CHARACTERS)
                .unwrap_or_default(),
            exclude_numbers: members.flag("ExcludeNumbers").unwrap_or(false),
            exclude_punctuation: members.flag("ExcludePunctuation").unwrap_or(false),
            exclude_uppercase: members.flag("ExcludeUppercase").unwrap_or(false),
            exclude_lowercase: members.flag("ExcludeLowercase").unwrap_or(false),
            include_space: members.flag("IncludeSpace").unwrap_or(false),
            require_each_included_type: members.flag("RequireEachIncludedType").unwrap_or(true),
        };
        GetRandomPassword { rules }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        access::need_on_account("secretsmanager:GetRandomPassword", caller)
    }

    fn decide(
        allowed: Authorized<Self>,
        _: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<RandomPassword>, Stop> {
        let password = allowed.into_request().rules.password(given.entropy)?;
        let random_password = Disclosed::Text(SecretBytes::new(password));
        Ok(Decided::answer(RandomPassword { random_password }))
    }
}
