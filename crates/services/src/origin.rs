//! Where a request came from, as far as the server's edge knows: what policies may ask about it.

use std::fmt::Display;

use strongroom_policy::Context;

use crate::gate::ConditionKeys;

/// Where a request came from.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The client's IP address; absent for whoever is inside the process already.
    pub address: Option<&'a (dyn Display + Sync)>,
    /// Whether nobody between the client and here could listen.
    pub secure: bool,
    /// The `User-Agent` that the client sent.
    pub user_agent: Option<&'a str>,
    /// The `Referer` that the client sent.
    pub referer: Option<&'a str>,
}

impl Origin<'_> {
    /// Of what is asked inside the process.
    pub const INSIDE: Self = Origin {
        address: None,
        secure: true,
        user_agent: None,
        referer: None,
    };
}

/// Source: IAM User Guide, AWS global condition context keys, Properties of the network and of the request.
impl ConditionKeys for Origin<'_> {
    fn add_condition_keys(&self, context: &mut Context) {
        context.insert("aws:SecureTransport", self.secure.to_string());
        if let Some(address) = self.address {
            context.insert("aws:SourceIp", address.to_string());
        }
        if let Some(user_agent) = self.user_agent {
            context.insert("aws:UserAgent", user_agent);
        }
        if let Some(referer) = self.referer {
            context.insert("aws:Referer", referer);
        }
    }
}
