//! How requests name a function: `FunctionName` and `Qualifier`, what they mean to a caller, and how the function is found.
//!
//! Source: AWS Lambda API Reference, `FunctionName` ("Name formats").

use std::borrow::Cow;
use std::sync::Arc;

use strongroom_policy::Context;

use super::function::{self, Configuration, Function, LATEST};
use super::function_arn::{self, FunctionArn};
use super::invoke_permission;
use super::refusals;
use crate::caller::{AccountId, Caller};
use crate::gate::{FunctionGuard, Guard, Need};
use crate::input::{Members, Pattern, Text};
use crate::operation::Given;
use crate::records::Records;
use crate::refusal::{Refusal, Stop};

const NAME: Text = Text::matching(
    1..=256,
    &Pattern {
        shown: "(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?\
                (function:)?([a-zA-Z0-9-_\\.]+)(:(\\$LATEST(\\.PUBLISHED)?|[a-zA-Z0-9-_]+))?",
        matches: |text| Spelled::read(text).is_some(),
    },
);

const QUALIFIER: Text = Text::matching(
    1..=128,
    &Pattern {
        shown: "\\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+",
        matches: function_arn::is_qualifier,
    },
);

/// What stands in a name.
enum Spelled {
    Whole(FunctionArn),
    Part {
        account: Option<AccountId>,
        name: String,
        qualifier: Option<String>,
    },
}

impl Spelled {
    fn read(text: &str) -> Option<Self> {
        if text.starts_with("arn:") {
            return FunctionArn::parse(text).ok().map(Spelled::Whole);
        }
        let mut parts = text.split(':').peekable();
        let account = parts.peek().and_then(|part| AccountId::parse(part).ok());
        let is_next_word = match &account {
            // Twelve digits alone are a name.
            Some(_) => parts.clone().nth(1) == Some("function"),
            None => parts.peek() == Some(&"function") && parts.clone().nth(1).is_some(),
        };
        let account = account.filter(|_| is_next_word);
        let skipped = usize::from(account.is_some()) + usize::from(is_next_word);
        let mut parts = text.split(':').skip(skipped);
        let name = parts.next().filter(|name| function_arn::is_name(name))?;
        let qualifier = parts.next();
        let is_whole = parts.next().is_none() && qualifier.is_none_or(function_arn::is_qualifier);
        is_whole.then(|| Spelled::Part {
            account,
            name: name.to_owned(),
            qualifier: qualifier.map(str::to_owned),
        })
    }
}

/// A function that a request names, with what of it.
pub(super) struct Wanted {
    given: Option<Spelled>,
    qualifier: Option<String>,
}

impl Wanted {
    /// Takes `FunctionName` out of a request, and `Qualifier`, which has to say the same as the name if that says one.
    pub(super) fn read(members: &mut Members<'_, '_>) -> Self {
        let name = members.required_text("FunctionName", &NAME);
        let given = Spelled::read(&name);
        let qualifier = members.text("Qualifier", &QUALIFIER);
        let named = match &given {
            Some(Spelled::Whole(arn)) => arn.qualifier.clone(),
            Some(Spelled::Part { qualifier, .. }) => qualifier.clone(),
            None => None,
        };
        if named.is_some() && qualifier.is_some() && named != qualifier {
            members.refuse(refusals::qualifiers_differ());
        }
        Wanted {
            given,
            qualifier: qualifier.or(named),
        }
    }

    /// The function's ARN, with the qualifier.
    pub(super) fn arn(&self, caller: &Caller) -> FunctionArn {
        let arn = match &self.given {
            Some(Spelled::Whole(arn)) => arn.clone(),
            Some(Spelled::Part { account, name, .. }) => {
                let account = account.as_ref().unwrap_or(&caller.account);
                FunctionArn::of(&caller.region, account, name, None)
            }
            // The request was refused for it.
            None => FunctionArn::of(&caller.region, &caller.account, "", None),
        };
        arn.qualified(self.qualifier())
    }

    /// What of the function is meant; `None`: itself.
    pub(super) fn qualifier(&self) -> Option<&str> {
        self.qualifier.as_deref()
    }

    /// What the caller must be allowed to do with what is named.
    pub(super) fn need<'a>(
        &self,
        action: &'static str,
        context: Context,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Need<'a>, Stop> {
        need(action, &self.arn(caller), context, caller, records)
    }

    /// The need, where nothing but the function counts.
    pub(super) fn needs<'a>(
        &self,
        action: &'static str,
        caller: &Caller,
        records: &Records<'_>,
    ) -> Result<Vec<Need<'a>>, Stop> {
        let need = self.need(action, Context::new(), caller, records)?;
        Ok(vec![need])
    }

    /// The function.
    ///
    /// # Refusals
    /// `ResourceNotFoundException`
    pub(super) fn find(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Arc<Function>, Stop> {
        find(&self.arn(given.caller), records, given)
    }

    /// The function, of which nothing else may be named than itself, and its `$LATEST`.
    ///
    /// # Refusals
    /// `ResourceNotFoundException`; `InvalidParameterValueException`.
    pub(super) fn find_latest(
        &self,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Function, Stop> {
        let function = self.find(records, given)?;
        match self.qualifier() {
            None | Some(LATEST) => Ok(Function::clone(&function)),
            Some(_) => Err(refusals::parameter(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this \
                 operation. Please specify either a function name or an unqualified function ARN.",
            )
            .into()),
        }
    }

    /// The version that is meant, with its name.
    ///
    /// # Refusals
    /// `ResourceNotFoundException`
    pub(super) fn version<'a>(
        &'a self,
        function: &'a Function,
        given: &Given<'_>,
    ) -> Result<(&'a str, &'a Configuration), Refusal> {
        let version = function.qualified(self.qualifier());
        version.ok_or_else(|| refusals::function_not_found(&self.arn(given.caller)))
    }
}

/// What a caller must be allowed to do with a function, or a version or alias of it.
pub(crate) fn need<'a>(
    action: &'a str,
    arn: &FunctionArn,
    context: Context,
    caller: &Caller,
    records: &Records<'_>,
) -> Result<Need<'a>, Stop> {
    // Functions of other regions aren't looked up: whoever asks is told so once it may ask.
    let found = match arn.region == caller.region {
        true => records.read::<Function>(function::key_of(arn))?,
        false => None,
    };
    let guard = match found {
        Some(function) => Guard::Function(Box::new(FunctionGuard {
            function,
            qualifier: arn.qualifier.clone(),
            context,
        })),
        None => Guard::Absent,
    };
    Ok(Need {
        action,
        owner: Cow::Owned(arn.account.clone()),
        shown: Some(Cow::Owned(invoke_permission::resource(arn))),
        guard,
    })
}

/// A function by its ARN.
///
/// # Refusals
/// `ResourceNotFoundException`
pub(super) fn find(
    arn: &FunctionArn,
    records: &Records<'_>,
    given: &Given<'_>,
) -> Result<Arc<Function>, Stop> {
    let here = &given.caller.region;
    if arn.region != *here {
        return Err(refusals::other_region(arn, here.as_str()).into());
    }
    let function = records.read::<Function>(function::key_of(arn))?;
    function.ok_or_else(|| refusals::function_not_found(arn).into())
}

/// What a caller must be allowed to do that is about no function in particular.
pub(super) fn need_on_none<'a>(action: &'static str, caller: &'a Caller) -> Need<'a> {
    Need {
        action,
        owner: Cow::Borrowed(&caller.account),
        shown: Some(Cow::Borrowed("*")),
        guard: Guard::Account,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::{Principal, Region};

    #[test]
    fn a_function_is_named_by_its_name_or_by_all_or_some_of_its_arn() {
        let caller = Caller {
            account: AccountId::parse("123456789012").unwrap(),
            region: Region::parse("us-east-1").unwrap(),
            principal: Principal::Root,
            session: None,
        };
        for (text, expected) in [
            ("f", Some("us-east-1:123456789012:function:f")),
            ("f:live", Some("us-east-1:123456789012:function:f:live")),
            (
                "f:$LATEST",
                Some("us-east-1:123456789012:function:f:$LATEST"),
            ),
            ("function:f", Some("us-east-1:123456789012:function:f")),
            ("function", Some("us-east-1:123456789012:function:function")),
            (
                "210987654321:function:f",
                Some("us-east-1:210987654321:function:f"),
            ),
            (
                "210987654321:function:f:1",
                Some("us-east-1:210987654321:function:f:1"),
            ),
            (
                "210987654321",
                Some("us-east-1:123456789012:function:210987654321"),
            ),
            (
                "arn:aws:lambda:eu-west-1:210987654321:function:f",
                Some("eu-west-1:210987654321:function:f"),
            ),
            ("", None),
            ("f:", None),
            ("f:a:b", None),
            ("a b", None),
            ("arn:aws:lambda:us-east-1:1:function:f", None),
            ("arn:aws:s3:::f", None),
        ] {
            let wanted = Spelled::read(text).map(|given| Wanted {
                qualifier: match &given {
                    Spelled::Whole(arn) => arn.qualifier.clone(),
                    Spelled::Part { qualifier, .. } => qualifier.clone(),
                },
                given: Some(given),
            });
            let found = wanted.map(|wanted| wanted.arn(&caller).to_string());
            let expected = expected.map(|end| format!("arn:aws:lambda:{end}"));
            assert_eq!(found, expected, "{text}");
        }
    }
}
