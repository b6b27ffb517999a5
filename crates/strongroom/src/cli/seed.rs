//! What a development server begins with: accounts and secrets from a file, made by real calls.

use std::collections::BTreeMap;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use strongroom_keys::SecretBytes;
use strongroom_services::caller::{AccountId, Region};

use crate::edge::new_request_id;
use crate::node::Node;
use crate::pipeline::Failure;

/// The content of a seed file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// Accounts beside the one of `--account-id`.
    accounts: Vec<SeededAccount>,
    /// Secrets of any of them.
    secrets: Vec<SeededSecret>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeededAccount {
    id: AccountId,
    access_key_id: String,
    secret_access_key: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SeededSecret {
    name: String,
    /// A string is kept as it is; a table or list is kept as its JSON.
    value: Option<Value>,
    /// Base64.
    binary: Option<String>,
    description: Option<String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// By default that of `--region`.
    region: Option<Region>,
    /// By default that of `--account-id`.
    account: Option<AccountId>,
}

/// Why a seed file was not applied. Its text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum SeedProblem {
    /// It can't be read.
    #[error("the seed file {path} can't be read ({error}): check --seed")]
    Unreadable {
        /// The file.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is not what a seed file is.
    #[error("the seed file {path} is not understood: {why}\nSee \"Seeding\" in docs/operations.md")]
    NotUnderstood {
        /// The file.
        path: String,
        /// Where and why.
        why: String,
    },
    /// An account was refused.
    #[error("the seed file's account {id} was refused: {why}")]
    Account {
        /// The account.
        id: AccountId,
        /// Why.
        why: String,
    },
    /// A secret was refused.
    #[error("the seed file's secret {name} was refused: {why}")]
    Secret {
        /// The secret.
        name: String,
        /// Why.
        why: String,
    },
}

impl Seed {
    /// Reads a seed file: JSON where its name ends in `.json`, else TOML.
    ///
    /// # Errors
    /// [`SeedProblem::Unreadable`], [`SeedProblem::NotUnderstood`].
    pub fn read(path: &Path) -> Result<Self, SeedProblem> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| SeedProblem::Unreadable {
            path: name.clone(),
            error,
        })?;
        let parsed = if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            serde_json::from_str(&text).map_err(|error| error.to_string())
        } else {
            // Its whole text would show the line, and with it a value.
            toml::from_str(&text).map_err(|error: toml::de::Error| {
                let before = text
                    .get(..error.span().map_or(0, |span| span.start))
                    .unwrap_or_default();
                format!(
                    "line {}: {}",
                    before.matches('\n').count() + 1,
                    error.message()
                )
            })
        };
        let seed: Self = parsed.map_err(|why| SeedProblem::NotUnderstood {
            path: name.clone(),
            why,
        })?;
        for secret in &seed.secrets {
            let why = match (&secret.value, &secret.binary) {
                (Some(_), None) => continue,
                (None, Some(binary)) if STANDARD.decode(binary).is_ok() => continue,
                (None, Some(_)) => "its binary is not base64",
                (Some(_), Some(_)) => "it has both a value and a binary",
                (None, None) => "it has neither a value nor a binary",
            };
            let why = format!("secret {}: {why}", secret.name);
            return Err(SeedProblem::NotUnderstood { path: name, why });
        }
        Ok(seed)
    }

    /// Makes the accounts and secrets; a secret that is there already stays as it is.
    ///
    /// # Errors
    /// [`SeedProblem::Account`], [`SeedProblem::Secret`]: the first that was refused.
    pub async fn apply(
        self,
        node: &Node,
        account: &AccountId,
        region: &Region,
    ) -> Result<(), SeedProblem> {
        for SeededAccount {
            id,
            access_key_id,
            secret_access_key,
        } in self.accounts
        {
            let secret = SecretBytes::new(secret_access_key.into_bytes());
            let made = node.set_root_credentials(&id, &access_key_id, secret).await;
            made.map_err(|error| SeedProblem::Account {
                id: id.clone(),
                why: error.to_string(),
            })?;
        }
        let (mut made, mut kept) = (0, 0);
        for secret in self.secrets {
            let account = secret.account.clone().unwrap_or_else(|| account.clone());
            let region = secret.region.clone().unwrap_or_else(|| region.clone());
            let name = secret.name.clone();
            let body = SecretBytes::new(secret.into_request().to_string().into_bytes());
            let why = match node
                .run_as_root(&account, &region, "CreateSecret", body.expose())
                .await
            {
                Ok(_) => {
                    made += 1;
                    continue;
                }
                Err(Failure::Refused(refusal)) if refusal.code == "ResourceExistsException" => {
                    kept += 1;
                    continue;
                }
                Err(Failure::Refused(refusal)) => {
                    refusal.message.unwrap_or_else(|| refusal.code.to_string())
                }
                Err(Failure::Broken(why)) => why,
                Err(Failure::NotStored(fault)) => fault.to_string(),
                Err(Failure::NotAudited(fault)) => fault.to_string(),
                Err(
                    Failure::Unauthenticated(_)
                    | Failure::Distrusted(_)
                    | Failure::Unreadable(_)
                    | Failure::Contended,
                ) => "it could not be stored; try again".to_owned(),
            };
            return Err(SeedProblem::Secret { name, why });
        }
        tracing::info!(made, kept, "seeded");
        Ok(())
    }
}

impl SeededSecret {
    fn into_request(self) -> Value {
        let mut request =
            json!({ "Name": self.name, "ClientRequestToken": new_request_id().as_str() });
        match self.value {
            Some(Value::String(text)) => request["SecretString"] = text.into(),
            Some(value) => request["SecretString"] = value.to_string().into(),
            None => request["SecretBinary"] = self.binary.into(),
        }
        if let Some(description) = self.description {
            request["Description"] = description.into();
        }
        if !self.tags.is_empty() {
            let tags = self
                .tags
                .into_iter()
                .map(|(key, value)| json!({ "Key": key, "Value": value }));
            request["Tags"] = tags.collect();
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Result<Seed, SeedProblem> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Seed::read(&path)
    }

    #[test]
    fn values_are_kept_as_they_are_and_tables_as_their_json() {
        let seed = read(
            "seed.toml",
            "[[secrets]]\nname = \"a\"\nvalue = \"text\"\n\
             [[secrets]]\nname = \"b\"\nvalue = { username = \"u\", port = 5432 }\ntags = { team = \"t\" }\n\
             [[secrets]]\nname = \"c\"\nbinary = \"AAEC\"\ndescription = \"d\"\n",
        );
        let requests: Vec<Value> = seed
            .unwrap()
            .secrets
            .into_iter()
            .map(SeededSecret::into_request)
            .collect();
        assert_eq!(requests[0]["SecretString"], "text");
        assert_eq!(
            requests[1]["SecretString"],
            "{\"port\":5432,\"username\":\"u\"}"
        );
        assert_eq!(
            requests[1]["Tags"],
            json!([{ "Key": "team", "Value": "t" }])
        );
        assert_eq!(
            (&requests[2]["SecretBinary"], &requests[2]["Description"]),
            (&json!("AAEC"), &json!("d"))
        );
        assert!(requests[2].get("SecretString").is_none());
    }

    #[test]
    fn json_says_the_same() {
        let seed = read(
            "seed.json",
            r#"{"secrets": [{"name": "a", "value": {"k": "v"}, "region": "eu-west-1"}]}"#,
        )
        .unwrap();
        assert_eq!(
            seed.secrets[0].region.as_ref().map(Region::as_str),
            Some("eu-west-1")
        );
    }

    #[test]
    fn mistakes_are_told_and_no_value_is() {
        for (text, expected) in [
            (
                "[[secrets]]\nname = \"a\"",
                "secret a: it has neither a value nor a binary",
            ),
            (
                "[[secrets]]\nname = \"a\"\nvalue = \"v\"\nbinary = \"AA==\"",
                "it has both",
            ),
            ("[[secrets]]\nname = \"a\"\nbinary = \"no\"", "not base64"),
            (
                "[[secrets]]\nname = \"a\"\nvalu = \"v\"",
                "unknown field `valu`",
            ),
            ("[[accounts]]\nid = \"12\"", "12"),
        ] {
            let why = read("seed.toml", text).unwrap_err().to_string();
            assert!(
                why.contains(expected) && why.contains("docs/operations.md"),
                "{why}"
            );
        }
        assert!(matches!(
            Seed::read(Path::new("/nowhere/seed.toml")),
            Err(SeedProblem::Unreadable { .. })
        ));
    }
}
