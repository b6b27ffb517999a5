//! Credentials for other servers that check AWS's signatures: another KMS, servers that run functions.

use std::fmt;
use std::path::Path;

use strongroom_keys::SecretBytes;
use strongroom_wire::sigv4::Signer;

/// An access key of another server.
pub struct Credentials {
    /// Its id.
    pub access_key_id: String,
    /// Its secret.
    pub secret_access_key: SecretBytes,
    /// With temporary credentials.
    pub session_token: Option<String>,
}

impl Credentials {
    /// Reads them from a file with lines `NAME=value`, or from the environment where none is given. The names are
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, with temporary ones, `AWS_SESSION_TOKEN`. `setting` is what
    /// names the file, for whoever has to correct it.
    ///
    /// # Errors
    /// What to do about it.
    pub fn read(file: Option<&Path>, setting: &str) -> Result<Self, String> {
        let kept = match file {
            Some(path) => Some(std::fs::read(path).map(SecretBytes::new).map_err(|error| {
                let path = path.display();
                format!("{setting} {path} can't be read ({error}): check its path and owner")
            })?),
            None => None,
        };
        let found = match &kept {
            Some(kept) => Self::among(|name| assigned(kept.expose(), name)),
            None => Self::among(variable),
        };
        found.map_err(|name| {
            format!(
                "there is no {name}: set it in the environment, or in the file that {setting} names"
            )
        })
    }

    /// Those of the environment, where there are any.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        Self::among(variable).ok()
    }

    /// Those among named values, or the name that is missing.
    fn among(value: impl Fn(&str) -> Option<SecretBytes>) -> Result<Self, &'static str> {
        let value = |name| value(name).filter(|value| !value.is_empty());
        let text = |value: SecretBytes| String::from_utf8_lossy(value.expose()).into_owned();
        Ok(Credentials {
            access_key_id: value(ACCESS_KEY_ID).map(text).ok_or(ACCESS_KEY_ID)?,
            secret_access_key: value(SECRET_ACCESS_KEY).ok_or(SECRET_ACCESS_KEY)?,
            session_token: value(SESSION_TOKEN).map(text),
        })
    }

    /// What signs requests to a service in a region with them.
    ///
    /// # Errors
    /// They can't be those of a region or a service.
    pub fn signer(&self, region: &str, service: &str) -> Result<Signer, String> {
        Signer::new(
            self.access_key_id.as_str(),
            SecretBytes::copy_of(self.secret_access_key.expose()),
            self.session_token.clone(),
            region,
            service,
        )
        .map_err(|error| error.to_string())
    }
}

fn variable(name: &str) -> Option<SecretBytes> {
    let value = std::env::var(name).ok()?;
    Some(SecretBytes::new(value.into_bytes()))
}

/// The value of a line `NAME=value`, as an env file has it.
fn assigned(text: &[u8], name: &str) -> Option<SecretBytes> {
    text.split(|byte| *byte == b'\n').find_map(|line| {
        let line = line.trim_ascii();
        let line = line.strip_prefix(b"export ").unwrap_or(line);
        let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
        let quoted = value
            .strip_prefix(b"'")
            .and_then(|value| value.strip_suffix(b"'"));
        Some(SecretBytes::copy_of(quoted.unwrap_or(value)))
    })
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

const ACCESS_KEY_ID: &str = "AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "AWS_SESSION_TOKEN";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Credentials, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("credentials");
        std::fs::write(&path, text).unwrap();
        Credentials::read(Some(&path), "a.setting")
    }

    #[test]
    fn a_file_has_them_as_a_shell_does() {
        for text in [
            "AWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=a/secret+=\n",
            "# a comment\r\nexport AWS_SECRET_ACCESS_KEY='a/secret+='\r\n  AWS_ACCESS_KEY_ID=AKIAEXAMPLE",
            "AWS_SESSION_TOKEN=\nAWS_ACCESS_KEY_ID=AKIAEXAMPLE\nAWS_SECRET_ACCESS_KEY=a/secret+=",
        ] {
            let credentials = read(text).unwrap();
            assert_eq!(credentials.access_key_id, "AKIAEXAMPLE", "{text}");
            assert_eq!(credentials.secret_access_key.expose(), b"a/secret+=");
            assert_eq!(credentials.session_token, None);
            assert!(!format!("{credentials:?}").contains("a/secret"));
        }
        let temporary = "AWS_ACCESS_KEY_ID=A\nAWS_SECRET_ACCESS_KEY=B\nAWS_SESSION_TOKEN=C";
        assert_eq!(read(temporary).unwrap().session_token.unwrap(), "C");
    }

    #[test]
    fn what_is_missing_is_told_with_the_setting() {
        for (text, name) in [
            ("", "AWS_ACCESS_KEY_ID"),
            ("AWS_ACCESS_KEY_ID=", "AWS_ACCESS_KEY_ID"),
            ("AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY"),
            (
                "AWS_ACCESS_KEY_ID_2=A\nAWS_SECRET_ACCESS_KEY=B",
                "AWS_ACCESS_KEY_ID",
            ),
        ] {
            let why = read(text).unwrap_err();
            assert!(
                why.contains(&format!("there is no {name}:")) && why.contains("a.setting"),
                "{why}"
            );
        }
        let nowhere = Credentials::read(Some(Path::new("/nowhere/at/all")), "a.setting");
        assert!(nowhere.unwrap_err().contains("a.setting /nowhere/at/all"));
    }
}
