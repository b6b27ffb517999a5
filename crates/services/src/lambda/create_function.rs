//! CreateFunction: a function from a deployment package.
//!
//! Source: AWS Lambda API Reference, CreateFunction.

use std::borrow::Cow;

use strongroom_keys::SecretBytes;
use strongroom_policy::Context;

use super::environment::ShownEnvironment;
use super::function::{Configuration, Function, LATEST, Published};
use super::function_arn::BUILT_IN_PREFIX;
use super::name::Wanted;
use super::shapes::{self, Settings, ShownConfiguration};
use super::tags::{self, Tags};
use super::{code, environment, execution_role, function, package, refusals, version};
use crate::caller::Caller;
use crate::gate::{Authorized, Guard, Need};
use crate::input::{Members, Text};
use crate::kms::uuid;
use crate::operation::{Decided, Given, Operation};
use crate::records::{Changes, Records};
use crate::refusal::{Refusal, Stop};

const PACKAGE_TYPE: Text = Text::one_of(&["Zip", "Image"]);

/// The request.
pub struct CreateFunction {
    function: Wanted,
    settings: Settings,
    package: Option<SecretBytes>,
    architecture: Option<String>,
    publish: bool,
    tags: Tags,
}

impl Operation for CreateFunction {
    const NAME: &'static str = "CreateFunction";
    // Unpacks what may be large.
    const WALKS: bool = true;
    type Output = ShownConfiguration;

    fn read(members: &mut Members<'_, '_>) -> Self {
        let function = Wanted::read(members);
        members.require("Role");
        let is_image = members
            .text("PackageType", &PACKAGE_TYPE)
            .is_some_and(|kind| kind == "Image");
        if is_image {
            let why = "functions are ZIP archives.";
            members.object(refusals::unsupported("PackageType Image", why));
        }
        members.require("Code");
        let package = members.structure("Code", take_package).flatten();
        let settings = Settings::read(members);
        if settings.runtime.is_none() || settings.handler.is_none() {
            members.object(refusals::parameter(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        }
        CreateFunction {
            function,
            settings,
            package,
            architecture: shapes::architecture(members),
            publish: members.flag("Publish").unwrap_or_default(),
            tags: tags::take(members).unwrap_or_default(),
        }
    }

    fn needs<'a>(&'a self, caller: &'a Caller, _: &Records<'_>) -> Result<Vec<Need<'a>>, Stop> {
        let arn = self.function.arn(caller).unqualified();
        let context = tags::condition_keys(&self.tags);
        let need = |action, context| Need {
            action,
            owner: Cow::Owned(arn.account.clone()),
            shown: Some(Cow::Owned(arn.to_string())),
            guard: Guard::ToBeMade(context),
        };
        let mut needs = vec![match arn.account == caller.account {
            true => need("lambda:CreateFunction", context.clone()),
            // Nobody makes functions for another account, whatever a policy of one that is there says.
            false => Need {
                guard: Guard::Absent,
                ..need("lambda:CreateFunction", Context::new())
            },
        }];
        if !self.tags.is_empty() {
            needs.push(need("lambda:TagResource", context));
        }
        let role = self.settings.role.as_deref();
        needs.extend(role.and_then(execution_role::need_to_pass));
        Ok(needs)
    }

    fn decide(
        allowed: Authorized<Self>,
        records: &Records<'_>,
        given: &Given<'_>,
    ) -> Result<Decided<ShownConfiguration>, Stop> {
        let request = allowed.into_request();
        let arn = request.function.arn(given.caller).unqualified();
        if arn.region != given.caller.region {
            return Err(refusals::other_region(&arn, given.caller.region.as_str()).into());
        }
        refuse_name(&request.function)?;
        if arn.is_built_in() {
            return Err(refusals::parameter(format!(
                "Names that start with {BUILT_IN_PREFIX} are those of built-in functions"
            ))
            .into());
        }
        if records.read::<Function>(function::key_of(&arn))?.is_some() {
            return Err(refusals::function_exists(&arn.name).into());
        }
        let settings = &request.settings;
        let role = settings.role.clone().unwrap_or_default();
        execution_role::check(&role, &arn, records)?;
        let package = request.package.ok_or_else(missing_code)?;
        package::check(&package)?;
        let mut changes = Changes::none();
        let variables = settings.environment.clone().unwrap_or_default();
        let usual = settings.usual();
        let latest = Configuration {
            description: settings.description.clone().unwrap_or_default(),
            runtime: settings.runtime.clone().unwrap_or_default(),
            handler: settings.handler.clone().unwrap_or_default(),
            role,
            timeout_seconds: usual.timeout_seconds,
            memory_mib: usual.memory_mib,
            storage_mib: usual.storage_mib,
            architecture: request.architecture.unwrap_or_else(|| "x86_64".to_owned()),
            environment: environment::seal(&arn, &variables, records, given, &mut changes)?,
            code: code::keep(&package, records, given, &mut changes)?,
            modified: given.now,
            revision_id: uuid(given),
        };
        let mut function = Function {
            arn,
            latest,
            published: Vec::<Published>::new(),
            published_count: 0,
            aliases: Vec::new(),
            policies: Vec::new(),
            tags: request.tags,
        };
        let version = match request.publish {
            true => version::publish(&mut function, None, given)?,
            false => LATEST.to_owned(),
        };
        function::put(&function, &mut changes)?;
        let qualifier = request.publish.then_some(version.as_str());
        let shown = (version.as_str(), &function.latest);
        let environment = ShownEnvironment::of(variables);
        let shown = ShownConfiguration::with(environment, &function, shown, qualifier);
        Ok(Decided::change(changes, shown))
    }
}

/// Takes the package out of a request's code.
pub(super) fn take_package(code: &mut Members<'_, '_>) -> Option<SecretBytes> {
    for (member, why) in [
        ("S3Bucket", "give the archive itself as ZipFile."),
        ("S3Key", "give the archive itself as ZipFile."),
        ("S3ObjectVersion", "give the archive itself as ZipFile."),
        ("ImageUri", "functions are ZIP archives."),
        (
            "SourceKMSKeyArn",
            "code is encrypted with the key alias/aws/lambda.",
        ),
    ] {
        if code.is_there(member) {
            code.object(refusals::unsupported(member, why));
            return None;
        }
    }
    code.secret_blob("ZipFile", 0..=usize::MAX)
}

/// No package, of whatever kind.
pub(super) fn missing_code() -> Refusal {
    refusals::parameter("Please provide a source for function code.")
}

/// A function's name is without a qualifier where the function is only to be made.
fn refuse_name(function: &Wanted) -> Result<(), Refusal> {
    match function.qualifier() {
        None => Ok(()),
        Some(_) => Err(refusals::parameter(
            "A qualifier can't be specified when a function is created.",
        )),
    }
}
