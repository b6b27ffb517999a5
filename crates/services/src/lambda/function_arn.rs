//! How a Lambda function is named. It may not know which functions there are.
//!
//! Source: AWS Lambda Developer Guide, Lambda function ARNs; AWS Lambda API Reference, Invoke, `FunctionName`.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::caller::{AccountId, PARTITIONS, Region};

/// Characters of a function's name at most.
pub const NAME_CHARACTERS_MAX: usize = 64;
/// Characters of an alias or a version at most.
const QUALIFIER_CHARACTERS_MAX: usize = 128;
/// What every built-in function's name starts with: none of an account's own has such a name.
pub const BUILT_IN_PREFIX: &str = "strongroom-";

/// A function, or a version or alias of it: `arn:aws:lambda:us-east-1:123456789012:function:name:alias`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct FunctionArn {
    partition: &'static str,
    /// Its region.
    pub region: Region,
    /// The account that owns it.
    pub account: AccountId,
    /// 1 to 64 letters, digits, hyphens and underscores.
    pub name: String,
    /// A version's number, an alias, or `$LATEST`; `None` is `$LATEST` too.
    pub qualifier: Option<String>,
}

/// A text that isn't the ARN of a function.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "'{0}' is not the ARN of a Lambda function, such as arn:aws:lambda:us-east-1:123456789012:function:name"
)]
pub struct InvalidFunctionArn(String);

impl FunctionArn {
    /// A function of an account's region. `name` and `qualifier` are taken to be well formed.
    pub fn of(region: &Region, account: &AccountId, name: &str, qualifier: Option<&str>) -> Self {
        FunctionArn {
            partition: region.partition(),
            region: region.clone(),
            account: account.clone(),
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        }
    }

    /// Reads the ARN of a function, with or without a qualifier.
    ///
    /// # Errors
    /// [`InvalidFunctionArn`]
    pub fn parse(text: &str) -> Result<Self, InvalidFunctionArn> {
        Self::read(text).ok_or_else(|| InvalidFunctionArn(text.to_owned()))
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut next = || parts.next();
        let ("arn", partition, "lambda") = (next()?, next()?, next()?) else {
            return None;
        };
        let region = Region::parse(next()?).ok()?;
        let account = AccountId::parse(next()?).ok()?;
        let ("function", name) = (next()?, next()?) else {
            return None;
        };
        let (qualifier, None) = (next(), next()) else {
            return None;
        };
        let mut known = PARTITIONS.iter().copied();
        let arn = FunctionArn {
            partition: known.find(|known| *known == partition)?,
            region,
            account,
            name: Some(name).filter(|name| is_name(name))?.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        };
        let qualified = arn.qualifier.as_deref().is_none_or(is_qualifier);
        qualified.then_some(arn)
    }

    /// The same function without a qualifier.
    #[must_use]
    pub fn unqualified(&self) -> Self {
        self.qualified(None)
    }

    /// The same function with this qualifier, which is taken to be well formed.
    #[must_use]
    pub fn qualified(&self, qualifier: Option<&str>) -> Self {
        FunctionArn {
            qualifier: qualifier.map(str::to_owned),
            ..self.clone()
        }
    }

    /// Whether it names one of the functions that are built in.
    pub fn is_built_in(&self) -> bool {
        self.name.starts_with(BUILT_IN_PREFIX)
    }
}

/// Whether a text can be a function's name.
pub fn is_name(text: &str) -> bool {
    (1..=NAME_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_name_byte)
}

/// Whether a text can be a version's number, an alias or `$LATEST`.
pub fn is_qualifier(text: &str) -> bool {
    text == "$LATEST"
        || (1..=QUALIFIER_CHARACTERS_MAX).contains(&text.len()) && text.bytes().all(is_name_byte)
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

impl fmt::Display for FunctionArn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FunctionArn {
            partition,
            region,
            account,
            name,
            qualifier,
        } = self;
        write!(
            formatter,
            "arn:{partition}:lambda:{region}:{account}:function:{name}"
        )?;
        match qualifier {
            Some(qualifier) => write!(formatter, ":{qualifier}"),
            None => Ok(()),
        }
    }
}

/// Written by hand: what serde derives would only read what lives for ever, as the partition does.
impl<'de> Deserialize<'de> for FunctionArn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl From<FunctionArn> for String {
    fn from(arn: FunctionArn) -> String {
        arn.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_of_a_function_is_read_and_written_alike() {
        for text in [
            "arn:aws:lambda:us-east-1:123456789012:function:rotate",
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:my_Function-1:live",
            "arn:aws:lambda:us-east-1:123456789012:function:rotate:$LATEST",
            "arn:aws:lambda:us-east-1:123456789012:function:rotate:17",
        ] {
            assert_eq!(FunctionArn::parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_arn_of_a_function_is_refused() {
        let long = format!(
            "arn:aws:lambda:us-east-1:123456789012:function:{}",
            "x".repeat(65)
        );
        for text in [
            "",
            "rotate",
            "arn:aws:lambda:us-east-1:123456789012:function:",
            "arn:aws:lambda:us-east-1:123456789012:layer:rotate",
            "arn:aws:lambda:us-east-1:12345678901:function:rotate",
            "arn:aws:lambda::123456789012:function:rotate",
            "arn:aws:lambda:us-east-1:123456789012:function:ro tate",
            "arn:aws:lambda:us-east-1:123456789012:function:rotate:",
            "arn:aws:lambda:us-east-1:123456789012:function:rotate:a:b",
            "arn:aws:s3:us-east-1:123456789012:function:rotate",
            "arn:moon:lambda:us-east-1:123456789012:function:rotate",
            &long,
        ] {
            assert!(FunctionArn::parse(text).is_err(), "{text}");
        }
    }
}
