//! The compiled evaluator, given policies as JSON.

use serde_json::Value;
use strongroom_policy::{
    Decision, Document, Kind, Policies, PolicyType, Reach, Request, ResourceRule, explain_refusal,
};

use super::{Asked, Attached, Outcome};

/// What [`strongroom_policy::decide`] answers; on the way, its explanation must agree. `kind` is that
/// of the resource's policy, `at` tells where a failure lies.
pub(crate) fn decide(attached: &Attached, kind: Kind, asked: &Asked, at: &str) -> Outcome {
    let parse = |policy: &Value, kind| {
        Document::parse(&policy.to_string(), kind)
            .unwrap_or_else(|malformed| panic!("{at}: {malformed}: {policy}"))
    };
    let set = |policies: &[Value], kind| -> Vec<Document> {
        policies.iter().map(|policy| parse(policy, kind)).collect()
    };
    let levels = |levels: &[Vec<Value>], kind| -> Vec<Vec<Document>> {
        levels.iter().map(|level| set(level, kind)).collect()
    };
    let identity = set(&attached.identity, Kind::Identity);
    let boundary = attached.boundary.as_ref();
    let boundary = boundary.map(|policy| parse(policy, Kind::Identity));
    let session = attached.session.as_ref();
    let session = session.map(|policies| set(policies, Kind::Identity));
    let service_control = levels(&attached.service_control, Kind::Identity);
    let resource_control = levels(&attached.resource_control, Kind::Resource);
    let resource = attached.resource.as_ref();
    let resource = resource.map(|policy| parse(policy, kind));

    let session: Option<Vec<&Document>> = session.as_ref().map(|set| set.iter().collect());
    let (service_sets, resource_sets) = (sets(&service_control), sets(&resource_control));
    let policies = Policies {
        identity: &identity.iter().collect::<Vec<_>>(),
        boundary: boundary.as_ref(),
        session: session.as_deref(),
        service_control: &service_sets.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        resource_control: &resource_sets.iter().map(Vec::as_slice).collect::<Vec<_>>(),
        resource: resource.as_ref(),
        resource_rule: if attached.required {
            ResourceRule::Required
        } else {
            ResourceRule::Optional
        },
        granted: attached.granted.map(|reach| match reach {
            "account" => Reach::Account,
            "role" => Reach::Role,
            "caller" => Reach::Caller,
            other => panic!("{at}: {other}"),
        }),
        resource_account: &attached.owner,
    };
    let context = asked.context();
    let request = Request::new(&asked.caller, &asked.action, &asked.resource, &context);
    let Decision::Deny(refused) = strongroom_policy::decide(&policies, &request) else {
        return Outcome::Allow;
    };
    let explained = explain_refusal(&policies, &request, &refused);
    let denials = explained.iter().filter(|trace| trace.applied()).count();
    let expected = usize::from(refused.denied.is_some());
    assert_eq!(denials, expected, "{at}: {refused:?} {explained:?}");
    let name = match refused.by {
        PolicyType::ResourceControl => "resource control",
        PolicyType::ServiceControl => "service control",
        PolicyType::Resource => "resource",
        PolicyType::Identity => "identity",
        PolicyType::Boundary => "boundary",
        PolicyType::Session => "session",
    };
    match refused.denied {
        Some(_) => Outcome::DeniedBy(name),
        None => Outcome::No(name),
    }
}

fn sets(levels: &[Vec<Document>]) -> Vec<Vec<&Document>> {
    levels.iter().map(|set| set.iter().collect()).collect()
}
