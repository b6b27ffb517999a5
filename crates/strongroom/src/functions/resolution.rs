//! Who runs a function: itself built in, this server, or one outside.

use std::sync::OnceLock;

use strongroom_services::lambda::elsewhere::{Elsewhere, FunctionPattern};
use strongroom_services::lambda::function_arn::FunctionArn;

use super::outside::Endpoint;
use super::runtime::Runtime;
use super::webhook::Webhooks;
use super::{Invocation, NotInvoked, Outcome, local};
use crate::node::Node;

/// Which servers outside run functions, as the operator says.
#[derive(Debug, Default)]
pub struct FunctionSettings {
    /// Those for the functions of a pattern; the first whose pattern matches is asked.
    pub endpoints: Vec<(FunctionPattern, Endpoint)>,
    /// The one for every function that nothing else answers for.
    pub everything_else: Option<Endpoint>,
    /// The web servers that built-in functions may tell of rotations.
    pub webhooks: Webhooks,
}

/// Whoever runs functions.
#[derive(Debug)]
pub struct Functions {
    settings: FunctionSettings,
    elsewhere: Elsewhere,
    /// What runs those of this server, where it runs any.
    runtime: OnceLock<Runtime>,
}

impl Functions {
    /// Those that servers outside run, beside those of this server.
    #[must_use]
    pub fn new(settings: FunctionSettings) -> Self {
        let patterns = settings.endpoints.iter();
        let patterns = patterns.map(|(pattern, _)| pattern.clone()).collect();
        Functions {
            elsewhere: Elsewhere::of(patterns, settings.everything_else.is_some()),
            settings,
            runtime: OnceLock::new(),
        }
    }

    /// Runs functions of this server from now on; the first runtime counts.
    pub fn run_by(&self, runtime: Runtime) {
        self.runtime.get_or_init(|| runtime);
    }

    /// What runs functions of this server, where it runs any.
    #[must_use]
    pub fn runtime(&self) -> Option<&Runtime> {
        self.runtime.get()
    }

    /// The web servers that built-in functions may tell of rotations.
    #[must_use]
    pub fn webhooks(&self) -> &Webhooks {
        &self.settings.webhooks
    }

    /// Which functions servers outside answer for.
    #[must_use]
    pub fn elsewhere(&self) -> &Elsewhere {
        &self.elsewhere
    }

    /// Invokes a function, wherever it is, and waits for what it answers.
    ///
    /// # Errors
    /// [`NotInvoked`]
    pub async fn invoke(&self, node: &Node, invocation: Invocation) -> Outcome {
        let function = &invocation.function;
        if let Some(endpoint) = self.named(function) {
            return endpoint.invoke(&invocation, node.real_seconds()).await;
        }
        if let Some(outcome) = local::invoke(node, self.runtime(), &invocation).await {
            return outcome;
        }
        match self.default_for(function) {
            Some(endpoint) => endpoint.invoke(&invocation, node.real_seconds()).await,
            None => Err(NotInvoked::Missing(function.to_string())),
        }
    }

    /// The server that a pattern gives a function to: it is asked even where there is one of this name here.
    fn named(&self, function: &FunctionArn) -> Option<&Endpoint> {
        let mut endpoints = self.settings.endpoints.iter();
        let found = endpoints.find(|(pattern, _)| pattern.matches(function));
        found.map(|(_, endpoint)| endpoint)
    }

    /// The server that is asked for what nothing else answers for.
    fn default_for(&self, function: &FunctionArn) -> Option<&Endpoint> {
        let everything_else = self.settings.everything_else.as_ref();
        everything_else.filter(|_| self.elsewhere.answers(function))
    }
}
