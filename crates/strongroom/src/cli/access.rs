//! `strongroom access`: why someone may do something, or may not, and who may.

use clap::{Args, Subcommand};
use http::Method;
use strongroom_services::access::who_can::WhoCan;

use super::running_server::{RunningServer, asked_for_long, region_or_that_of_environment};
use super::{Failed, say};
use crate::admin::{AskedAbout, AskedAccess, AskedDenial, Explained};
use crate::denials::DeniedRequest;

/// Ask a running server why access is allowed or denied, and who has it
///
/// Only the server's own user and root may. None of it gives a way to read a secret.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  strongroom access explain --principal arn:aws:iam::123456789012:user/alice \\
      --action secretsmanager:GetSecretValue --resource prod/db --region eu-central-1
  strongroom access explain --request-id 0b9e3c44-5d53-4f0c-8a1e-2d7b0c3a9f10
  strongroom access who-can --action secretsmanager:GetSecretValue \\
      --secret arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf

More: docs/access.md")]
pub(super) struct AccessArguments {
    #[command(flatten)]
    server: RunningServer,
    #[command(subcommand)]
    command: AccessCommand,
}

#[derive(Debug, Subcommand)]
enum AccessCommand {
    /// Tell why someone may do something or may not, and what would change it
    ///
    /// Name a principal, an action and a resource; or the id of a request that was denied, as its answer has it
    /// (x-amzn-RequestId). A node keeps the explanations of its last 1,000 denied requests in memory, until it is
    /// restarted.
    #[command(after_help = "Examples:
  strongroom access explain --principal arn:aws:iam::123456789012:user/alice \\
      --action secretsmanager:GetSecretValue --resource prod/db --region eu-central-1 \\
      --context aws:SourceIp=10.1.2.3
  strongroom access explain --principal arn:aws:iam::123456789012:role/app \\
      --action kms:Decrypt --resource arn:aws:kms:eu-central-1:210987654321:alias/payments --json
  strongroom access explain --request-id 0b9e3c44-5d53-4f0c-8a1e-2d7b0c3a9f10")]
    Explain {
        /// The ARN of a root user, a user, a role or a role's session, of any account
        #[arg(
            long,
            value_name = "ARN",
            required_unless_present = "request_id",
            requires = "action"
        )]
        principal: Option<String>,
        /// The action, such as secretsmanager:GetSecretValue
        #[arg(long, value_name = "ACTION", requires = "resource")]
        action: Option<String>,
        /// What it is done to: an ARN, a secret's name, a key's id or alias, or *
        #[arg(long, value_name = "ARN|NAME", requires = "principal")]
        resource: Option<String>,
        /// A condition key that the request holds, and its value; again for more keys, or more values of one
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair, requires = "principal")]
        context: Vec<(String, String)>,
        #[command(flatten)]
        place: Place,
        /// The id of a request that was denied
        #[arg(long, value_name = "ID", conflicts_with_all = ["principal", "action", "resource", "context", "account", "region"])]
        request_id: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List who may do something, in all accounts: root users, users and roles, and who may assume those roles
    ///
    /// What a request alone says, such as its address or the time, isn't known beforehand: who may only where it says
    /// the right thing is listed with the conditions. For GetSecretValue of a secret under a customer's key, also who
    /// may decrypt with that key.
    #[command(after_help = "Examples:
  strongroom access who-can --action secretsmanager:GetSecretValue --secret prod/db \\
      --account 123456789012 --region eu-central-1
  strongroom access who-can --action kms:Decrypt --json \\
      --resource arn:aws:kms:eu-central-1:123456789012:alias/payments
  strongroom access who-can --action sts:AssumeRole --resource arn:aws:iam::123456789012:role/app
  strongroom access who-can --action secretsmanager:GetSecretValue --context aws:SourceIp=10.1.2.3 \\
      --secret arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf")]
    WhoCan {
        /// The action, such as secretsmanager:GetSecretValue
        #[arg(long, value_name = "ACTION")]
        action: String,
        #[command(flatten)]
        what: What,
        /// A condition key that the request holds, and its value; again for more keys, or more values of one
        #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
        context: Vec<(String, String)>,
        #[command(flatten)]
        place: Place,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// What is asked about.
#[derive(Debug, Args)]
#[group(id = "what", required = true, multiple = false)]
struct What {
    /// The secret: its ARN or its name
    #[arg(long, value_name = "ARN|NAME")]
    secret: Option<String>,
    /// Anything else: an ARN, a key's id or alias, or *
    #[arg(long, value_name = "ARN|NAME")]
    resource: Option<String>,
}

/// Where a name that is no ARN is looked up.
#[derive(Debug, Args)]
struct Place {
    /// The account of a resource that is named without it; for explain, by default the principal's
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// The region of a resource that is named without it; by default AWS_REGION or AWS_DEFAULT_REGION
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

impl Place {
    fn region(&self) -> Option<String> {
        region_or_that_of_environment(self.region.as_ref())
    }
}

/// Asks, and prints the answer.
pub(super) fn run(arguments: &AccessArguments) -> Result<(), Failed> {
    let socket = arguments.server.socket()?;
    match &arguments.command {
        AccessCommand::Explain {
            request_id: Some(request_id),
            json,
            ..
        } => {
            let body = serde_json::to_vec(&AskedDenial {
                request_id: request_id.clone(),
            })?;
            let denied: DeniedRequest =
                asked_for_long(&socket, Method::POST, "/access/denied", body)?;
            if *json {
                say(&serde_json::to_string(&denied)?);
                return Ok(());
            }
            say(&format!(
                "Request {} was denied at {}.\n",
                denied.request_id, denied.at
            ));
            say(&joined(&denied.explanations));
        }
        AccessCommand::Explain {
            principal,
            action,
            resource,
            context,
            place,
            json,
            ..
        } => {
            let text = |text: &Option<String>| text.clone().unwrap_or_default();
            let body = serde_json::to_vec(&AskedAccess {
                principal: text(principal),
                about: AskedAbout {
                    action: text(action),
                    resource: text(resource),
                    account: place.account.clone(),
                    region: place.region(),
                    context: by_key(context),
                },
            })?;
            let explained: Explained =
                asked_for_long(&socket, Method::POST, "/access/explain", body)?;
            if *json {
                say(&serde_json::to_string(&explained)?);
                return Ok(());
            }
            say(&joined(&explained.explanations));
        }
        AccessCommand::WhoCan {
            action,
            what,
            context,
            place,
            json,
        } => {
            let resource = what.secret.as_ref().or(what.resource.as_ref());
            let body = serde_json::to_vec(&AskedAbout {
                action: action.clone(),
                resource: resource.cloned().unwrap_or_default(),
                account: place.account.clone(),
                region: place.region(),
                context: by_key(context),
            })?;
            let found: WhoCan = asked_for_long(&socket, Method::POST, "/access/who-can", body)?;
            if *json {
                say(&serde_json::to_string(&found)?);
            } else {
                say(found.to_string().trim_end());
            }
        }
    }
    Ok(())
}

fn joined(explanations: &[impl std::fmt::Display]) -> String {
    let texts: Vec<String> = explanations.iter().map(ToString::to_string).collect();
    texts.join("\n----\n\n").trim_end().to_owned()
}

/// The values of each key.
fn by_key(pairs: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut keys: Vec<(String, Vec<String>)> = Vec::new();
    for (key, value) in pairs {
        match keys
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(key))
        {
            Some((_, values)) => values.push(value.clone()),
            None => keys.push((key.clone(), vec![value.clone()])),
        }
    }
    keys
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if key.contains(':') => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write it as aws:SourceIp=10.1.2.3".to_owned()),
    }
}
