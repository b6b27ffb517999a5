//! An OpenID Connect provider: whose tokens are taken for a role. Its record, and how it is found.
//!
//! Source: AWS IAM User Guide, Create an OpenID Connect (OIDC) identity provider in IAM, and IAM and AWS STS quotas.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entity::{Entity, Tagged};
use super::refusals;
use super::shapes::{ARN, Tag};
use crate::caller::{AccountId, Caller};
use crate::input::{Members, Text};
use crate::records::{Key, Records};
use crate::refusal::{Refusal, Stop};
use crate::time::Timestamp;

const CLIENT_IDS_MAX: usize = 100;
const THUMBPRINTS_MAX: usize = 5;
const SCHEME: &str = "https://";
pub(super) const URL: Text = Text::of(1..=255);
pub(super) const CLIENT_ID: Text = Text::of(1..=255);
const THUMBPRINT: Text = Text::of(40..=40);

/// An OpenID Connect provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OidcProvider {
    /// Whose.
    pub account: AccountId,
    /// Its URL without `https://`, as it was written; tokens' `iss` is that behind `https://`.
    pub url: String,
    /// When it was made.
    pub created: Timestamp,
    /// Which `aud` its tokens may have, in the order of their adding.
    pub client_ids: Vec<String>,
    /// SHA-1 of certificates of its server, 40 hexadecimal digits each.
    pub thumbprints: Vec<String>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

impl OidcProvider {
    /// Its ARN without partition and account: what is behind them.
    pub fn resource(url: &str) -> String {
        format!("oidc-provider/{url}")
    }

    /// Its ARN, as a caller sees it.
    pub fn arn(&self, caller: &Caller) -> String {
        caller.iam_arn(&self.account, &Self::resource(&self.url))
    }

    /// Its place.
    pub fn key(&self) -> Key {
        Key::iam_oidc_provider(&self.account, &self.url)
    }

    /// Adds a client id, unless it is there.
    ///
    /// # Refusals
    /// `LimitExceeded`
    pub(super) fn add_client_id(&mut self, client_id: String) -> Result<(), Refusal> {
        if self.client_ids.contains(&client_id) {
            return Ok(());
        }
        if self.client_ids.len() >= CLIENT_IDS_MAX {
            return Err(refusals::quota(
                "ClientIdsPerOpenIdConnectProvider",
                CLIENT_IDS_MAX,
            ));
        }
        self.client_ids.push(client_id);
        Ok(())
    }
}

impl Entity for OidcProvider {
    const NOUN: &'static str = "OpenID Connect provider";
    const MEMBER: &'static str = "OpenIDConnectProviderArn";
    const NAME: Text = ARN;

    /// Requests name it by its ARN.
    fn read(arn: &str, caller: &Caller, records: &Records<'_>) -> Result<Option<Arc<Self>>, Stop> {
        let start = caller.iam_arn(&caller.account, &Self::resource(""));
        match arn.strip_prefix(&start) {
            Some(url) => records.read(Key::iam_oidc_provider(&caller.account, url)),
            None => Ok(None),
        }
    }

    fn missing(arn: &str) -> Refusal {
        refusals::no_such_oidc_provider(arn)
    }

    fn arn_of_missing(arn: &str, _: &Caller) -> String {
        arn.to_owned()
    }

    fn account(&self) -> &AccountId {
        &self.account
    }

    fn key(&self) -> Key {
        OidcProvider::key(self)
    }

    fn name(&self) -> &str {
        &self.url
    }

    fn id(&self) -> &str {
        &self.url
    }

    fn arn(&self, caller: &Caller) -> String {
        OidcProvider::arn(self, caller)
    }

    fn tags(&self) -> &[Tag] {
        &self.tags
    }
}

impl Tagged for OidcProvider {
    const TAGS_QUOTA: &'static str = "TagsPerOpenIdConnectProvider";

    fn tags_mut(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

/// Takes the `Url` of a request, without its scheme. Unlike AWS's, it may have a port: in a data centre, issuers do.
///
/// Source: AWS IAM API Reference, CreateOpenIDConnectProvider (`Url`).
pub(super) fn url(members: &mut Members<'_, '_>) -> String {
    let url = members.required_text("Url", &URL);
    let Some(rest) = url
        .strip_prefix(SCHEME)
        .filter(|rest| is_host_and_path(rest))
    else {
        members.object(refusals::invalid_input(
            "Invalid Open ID Connect Provider URL",
        ));
        return String::new();
    };
    rest.to_owned()
}

/// Whether it is a host, maybe with a port, and maybe a path, without query and fragment; what ARNs and policies can name.
fn is_host_and_path(text: &str) -> bool {
    let (authority, _) = text.split_once('/').unwrap_or((text, ""));
    let (host, port) = authority.split_once(':').unwrap_or((authority, "0"));
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"*?#\"<>\\^`{|}".contains(&byte);
    !host.is_empty()
        && host.bytes().all(in_host)
        && port.parse::<u16>().is_ok()
        && text.bytes().all(plain)
}

/// Takes the `ThumbprintList` of a request.
///
/// Source: AWS IAM API Reference, CreateOpenIDConnectProvider (`ThumbprintList`).
pub(super) fn thumbprints(members: &mut Members<'_, '_>) -> Vec<String> {
    let most = 0..=THUMBPRINTS_MAX;
    let all = members.texts("ThumbprintList", 0..=usize::MAX, &THUMBPRINT);
    let all = all.unwrap_or_default();
    if !most.contains(&all.len()) {
        members.object(refusals::invalid_input(format!(
            "Thumbprint list must contain fewer than {} entries.",
            THUMBPRINTS_MAX + 1
        )));
    }
    let is_hexadecimal = |text: &String| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !all.iter().all(is_hexadecimal) {
        members.object(refusals::invalid_input(
            "Thumbprint must be the SHA-1 of a certificate, in 40 hexadecimal digits.",
        ));
    }
    all
}
