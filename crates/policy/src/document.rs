//! A policy document: its grammar, checked strictly, and its compiled form.
//! Source: IAM user guide, Grammar of the IAM JSON policy language.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::condition::{Condition, ConditionRef};
use crate::context::Context;
use crate::filter::ActionFilter;
use crate::json::{Node, Shape, wrong_type};
use crate::malformed::{Malformed, Path, Problem};
use crate::pattern::{Pattern, Style};
use crate::principal::{Caller, Meant, Principal, Reach};

/// Where a policy is used, which decides what it must and must not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Attached to an identity: no `Principal`. Boundaries, session policies and service control
    /// policies have this grammar too.
    Identity,
    /// Attached to a resource: `Principal` and `Resource`. Key policies too.
    Resource,
    /// A role's trust policy: `Principal` without `Resource`; never `NotPrincipal`.
    Trust,
}

impl Kind {
    pub(crate) fn described(self) -> &'static str {
        match self {
            Kind::Identity => "an identity-based policy",
            Kind::Resource => "a resource-based policy",
            Kind::Trust => "a trust policy",
        }
    }
}

/// The version of the policy language, not of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, also where none is given: `${…}` is text like any other.
    V2008,
    /// `2012-10-17`: policy variables work.
    V2012,
}

/// What a statement does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Lets the request through, if nothing denies it.
    Allow,
    /// Denies the request, whatever else allows it.
    Deny,
}

/// A policy, parsed and compiled.
#[derive(Debug, Clone)]
pub struct Document {
    version: Version,
    id: Option<String>,
    statements: Vec<Statement>,
    /// One for each statement, side by side, so that few cache lines hold them.
    filters: Box<[ActionFilter]>,
    reads_context: bool,
}

/// One statement of a policy.
#[derive(Debug, Clone)]
pub struct Statement {
    sid: Option<String>,
    effect: Effect,
    who: Who,
    actions: Actions,
    resources: Resources,
    conditions: Vec<Condition>,
    span: Range<usize>,
}

#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Whoever the policy is attached to.
    Attached,
    Listed(Vec<Principal>),
    AllBut(Vec<Principal>),
}

#[derive(Debug, Clone)]
struct Actions {
    negated: bool,
    /// Compiled in lower case.
    patterns: Vec<Pattern>,
    texts: Vec<Box<str>>,
}

#[derive(Debug, Clone)]
enum Resources {
    /// Whatever the policy is attached to.
    Attached,
    Listed(Vec<Pattern>),
    AllBut(Vec<Pattern>),
}

/// One value of `Action` or `NotAction`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionRef<'a> {
    /// Index of the statement.
    pub statement: usize,
    /// As written: `*`, or `service:Name` with wildcards in the name.
    pub text: &'a str,
    /// It stands under `NotAction`.
    pub negated: bool,
}

impl<'a> ActionRef<'a> {
    /// The service's prefix as written; `None` for `*` and `*:…`, which mean every service.
    pub fn service(self) -> Option<&'a str> {
        self.text
            .split_once(':')
            .map(|(service, _)| service)
            .filter(|service| *service != "*")
    }
}

/// One value of `Resource` or `NotResource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceRef<'a> {
    /// Index of the statement.
    pub statement: usize,
    /// As written: `*` or an ARN, with wildcards and variables.
    pub text: &'a str,
    /// It stands under `NotResource`.
    pub negated: bool,
}

impl Document {
    /// Reads a policy. Its size is not limited here: limits differ by where a policy is kept.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, Malformed> {
        let root = Path::ROOT;
        let mut version = Version::V2008;
        let mut id = None;
        let mut statements = None;
        for (name, node) in Node::root(text)?.object(&root)? {
            let path = root.key(&name);
            match name.as_str() {
                "Version" => version = parse_version(node, &path)?,
                "Id" => id = Some(node.text(&path)?),
                "Statement" => statements = Some(node),
                _ => {
                    return Err(unknown(
                        &root,
                        name.clone(),
                        &["Version", "Id", "Statement"],
                    ));
                }
            }
        }
        let node = statements.ok_or_else(|| {
            root.is(Problem::Missing {
                element: "Statement",
            })
        })?;
        let path = root.key("Statement");
        let reader = Reader {
            text,
            kind,
            variables: version == Version::V2012,
        };
        let statements = match node.read(&path)? {
            Shape::Object(_) => vec![reader.statement(node, &path)?],
            Shape::Array(items) if items.is_empty() => return Err(path.is(Problem::Empty)),
            Shape::Array(items) => items
                .into_iter()
                .enumerate()
                .map(|(index, item)| reader.statement(item, &path.index(index)))
                .collect::<Result<_, _>>()?,
            other => {
                return Err(wrong_type(
                    &path,
                    "an object or an array of objects",
                    &other,
                ));
            }
        };
        if kind != Kind::Resource {
            check_sids(&statements, &path)?;
        }
        Ok(Document {
            reads_context: statements.iter().any(Statement::reads_context),
            filters: statements.iter().map(Statement::filter).collect(),
            version,
            id,
            statements,
        })
    }

    /// The version of the policy language.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The `Id` element.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether a decision by it depends on the request's condition keys: it has a condition or a
    /// variable. Where it doesn't, nobody needs to gather them.
    pub fn reads_context(&self) -> bool {
        self.reads_context
    }

    /// The statements in their order; at least one.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The statements that may concern an action, with their indexes.
    pub(crate) fn statements_for(
        &self,
        action: ActionFilter,
    ) -> impl Iterator<Item = (usize, &Statement)> {
        let numbered = self.filters.iter().zip(&self.statements).enumerate();
        numbered
            .filter(move |(_, (filter, _))| filter.may_concern(action))
            .map(|(index, (_, statement))| (index, statement))
    }

    /// Everyone named under `Principal` or `NotPrincipal`, in order, repetitions included.
    pub fn principals(&self) -> impl Iterator<Item = &Principal> {
        self.statements
            .iter()
            .flat_map(|statement| match &statement.who {
                Who::Attached => &[],
                Who::Listed(principals) | Who::AllBut(principals) => principals.as_slice(),
            })
    }

    /// Binds each named principal for which `meant` answers to whom it meant, so that a principal
    /// made later under the same name inherits nothing. For a role's session the answer is the
    /// role's id: the session's name is added to it here.
    ///
    /// Where being named takes something away, such as in a statement that denies, who wasn't
    /// there stays named: else it would escape by being made later.
    pub fn bind_principals(&mut self, mut meant: impl FnMut(&Principal) -> Option<Meant>) {
        for statement in &mut self.statements {
            let (principals, gives) = match &mut statement.who {
                Who::Attached => continue,
                Who::Listed(principals) => (principals, statement.effect == Effect::Allow),
                Who::AllBut(principals) => (principals, statement.effect == Effect::Deny),
            };
            for principal in principals {
                match meant(principal) {
                    None => {}
                    Some(Meant::Nobody) if !gives => {}
                    Some(meant) => *principal = principal.clone().bound(meant),
                }
            }
        }
    }

    /// Everything listed under `Action` or `NotAction`, in order.
    pub fn actions(&self) -> impl Iterator<Item = ActionRef<'_>> {
        self.statements
            .iter()
            .enumerate()
            .flat_map(|(index, statement)| {
                let negated = statement.actions.negated;
                let texts = statement.actions.texts.iter();
                texts.map(move |text| ActionRef {
                    statement: index,
                    text,
                    negated,
                })
            })
    }

    /// Everything listed under `Resource` or `NotResource`, in order.
    pub fn resources(&self) -> impl Iterator<Item = ResourceRef<'_>> {
        self.statements
            .iter()
            .enumerate()
            .flat_map(|(index, statement)| {
                let (negated, patterns) = statement.listed_resources();
                patterns.iter().map(move |pattern| ResourceRef {
                    statement: index,
                    text: pattern.text(),
                    negated,
                })
            })
    }

    /// The condition keys that the policy looks at, those of its variables included; in lower
    /// case, sorted, each once.
    pub fn condition_keys(&self) -> BTreeSet<&str> {
        self.statements
            .iter()
            .flat_map(Statement::condition_keys)
            .collect()
    }
}

impl Statement {
    /// The `Sid` element.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Whether it allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Where it stands in the policy's text, in bytes.
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The names of the elements that say to what it applies, but for conditions.
    pub fn elements(&self) -> impl Iterator<Item = &'static str> {
        let who = match &self.who {
            Who::Attached => None,
            Who::Listed(_) => Some("Principal"),
            Who::AllBut(_) => Some("NotPrincipal"),
        };
        let actions = if self.actions.negated {
            "NotAction"
        } else {
            "Action"
        };
        let resources = match &self.resources {
            Resources::Attached => None,
            Resources::Listed(_) => Some("Resource"),
            Resources::AllBut(_) => Some("NotResource"),
        };
        who.into_iter().chain([actions]).chain(resources)
    }

    /// Its conditions in order, one for each key of each operator.
    pub fn conditions(&self) -> impl Iterator<Item = ConditionRef<'_>> {
        self.conditions.iter().map(ConditionRef)
    }

    fn reads_context(&self) -> bool {
        let (_, resources) = self.listed_resources();
        let mut patterns = self.actions.patterns.iter().chain(resources);
        !self.conditions.is_empty() || patterns.any(|pattern| pattern.variables().next().is_some())
    }

    /// What `Action`, or `NotAction`, lists, as written.
    pub(crate) fn listed_actions(&self) -> (bool, Vec<&str>) {
        let texts = self.actions.texts.iter().map(|text| &**text).collect();
        (self.actions.negated, texts)
    }

    /// What `Resource`, or `NotResource`, lists.
    pub(crate) fn listed_resources(&self) -> (bool, &[Pattern]) {
        match &self.resources {
            Resources::Attached => (false, &[]),
            Resources::Listed(patterns) => (false, patterns),
            Resources::AllBut(patterns) => (true, patterns),
        }
    }

    fn filter(&self) -> ActionFilter {
        if self.actions.negated {
            return ActionFilter::EVERY;
        }
        ActionFilter::of_patterns(self.actions.patterns.iter().map(Pattern::text))
    }

    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    pub(crate) fn compiled_conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// `action` in lower case.
    pub(crate) fn covers_action(&self, action: &str, context: &Context) -> bool {
        let listed = self
            .actions
            .patterns
            .iter()
            .any(|pattern| pattern.matches(action, context));
        listed != self.actions.negated
    }

    /// `bounded`: the caller has a permissions boundary, in which case a denial of all but some
    /// denies them as well. Source: IAM user guide, NotPrincipal: "will always deny any IAM
    /// principal that has a permissions boundary policy attached, regardless of the values".
    pub(crate) fn covers_caller(&self, caller: &Caller, bounded: bool) -> Option<Reach> {
        match &self.who {
            Who::Attached => Some(Reach::Caller),
            Who::Listed(principals) => principals
                .iter()
                .filter_map(|principal| principal.reach(caller))
                .max(),
            Who::AllBut(principals) => {
                let denies_all = bounded && self.effect == Effect::Deny;
                (denies_all || !caller.is_exempt(principals)).then_some(Reach::Everyone)
            }
        }
    }

    pub(crate) fn covers_resource(&self, resource: &str, context: &Context) -> bool {
        let listed = |patterns: &[Pattern]| {
            patterns
                .iter()
                .any(|pattern| pattern.matches(resource, context))
        };
        match &self.resources {
            Resources::Attached => true,
            Resources::Listed(patterns) => listed(patterns),
            // "If AWS cannot resolve a variable, this might cause the entire statement to be
            // invalid": nothing is granted by what an unknown value leaves out. Source: IAM user
            // guide, Variables.
            Resources::AllBut(patterns) => {
                let unresolved = || {
                    patterns
                        .iter()
                        .any(|pattern| pattern.is_unresolved(context))
                };
                !listed(patterns) && (self.effect == Effect::Deny || !unresolved())
            }
        }
    }

    /// The same where variables of keys that are `open` may have any value; `None`: it depends on that.
    pub(crate) fn covers_resource_perhaps(
        &self,
        resource: &str,
        context: &Context,
        is_open: &dyn Fn(&str) -> bool,
    ) -> Option<bool> {
        let (negated, patterns) = self.listed_resources();
        let depends = |pattern: &&Pattern| pattern.variables().any(is_open);
        if !patterns.iter().any(|pattern| depends(&pattern)) {
            return Some(self.covers_resource(resource, context));
        }
        let mut settled = patterns.iter().filter(|pattern| !depends(pattern));
        if settled.any(|pattern| pattern.matches(resource, context)) {
            return Some(!negated);
        }
        let mut open = patterns.iter().filter(depends);
        if !negated && !open.any(|pattern| pattern.could_match(resource, context, is_open)) {
            return Some(false);
        }
        None
    }

    /// Every action, without exception.
    pub(crate) fn covers_every_action(&self) -> bool {
        !self.actions.negated && self.actions.patterns.iter().any(Pattern::is_everything)
    }

    /// Every resource, without exception.
    pub(crate) fn covers_every_resource(&self) -> bool {
        match &self.resources {
            Resources::Attached => true,
            Resources::Listed(patterns) => patterns.iter().any(Pattern::is_everything),
            Resources::AllBut(_) => false,
        }
    }

    /// The condition keys that it looks at, those of its variables included; in lower case.
    pub fn condition_keys(&self) -> impl Iterator<Item = &str> {
        let (_, patterns) = self.listed_resources();
        self.conditions
            .iter()
            .flat_map(|condition| {
                std::iter::once(condition.key_in_lower_case())
                    .chain(ConditionRef(condition).variables())
            })
            .chain(patterns.iter().flat_map(Pattern::variables))
    }
}

/// What is the same for all statements of a document.
struct Reader<'a> {
    text: &'a str,
    kind: Kind,
    variables: bool,
}

const STATEMENT_ELEMENTS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

impl Reader<'_> {
    fn statement(&self, node: Node<'_>, path: &Path<'_>) -> Result<Statement, Malformed> {
        let (mut sid, mut effect) = (None, None);
        let (mut who, mut actions, mut resources) = (None, None, None);
        let mut conditions = Vec::new();
        for (name, node) in node.object(path)? {
            let at = path.key(&name);
            match name.as_str() {
                "Sid" => sid = Some(self.sid(node, &at)?),
                "Effect" => effect = Some(parse_effect(node, &at)?),
                "Principal" => {
                    self.refuse(path, "Principal", self.kind == Kind::Identity)?;
                    let listed = Who::Listed(principals(node, &at)?);
                    once(&mut who, listed, path, "Principal")?;
                }
                "NotPrincipal" => {
                    self.refuse(path, "NotPrincipal", self.kind != Kind::Resource)?;
                    let listed = Who::AllBut(principals(node, &at)?);
                    once(&mut who, listed, path, "Principal")?;
                }
                "Action" => once(
                    &mut actions,
                    parse_actions(node, &at, false)?,
                    path,
                    "Action",
                )?,
                "NotAction" => once(
                    &mut actions,
                    parse_actions(node, &at, true)?,
                    path,
                    "Action",
                )?,
                "Resource" => {
                    self.refuse(path, "Resource", self.kind == Kind::Trust)?;
                    let listed = Resources::Listed(self.resources(node, &at)?);
                    once(&mut resources, listed, path, "Resource")?;
                }
                "NotResource" => {
                    self.refuse(path, "NotResource", self.kind == Kind::Trust)?;
                    let listed = Resources::AllBut(self.resources(node, &at)?);
                    once(&mut resources, listed, path, "Resource")?;
                }
                "Condition" => conditions = Condition::parse_all(node, &at, self.variables)?,
                _ => return Err(unknown(path, name.clone(), STATEMENT_ELEMENTS)),
            }
        }
        let missing = |element| path.is(Problem::Missing { element });
        let who = match self.kind {
            Kind::Identity => Who::Attached,
            Kind::Resource | Kind::Trust => who.ok_or_else(|| missing("Principal"))?,
        };
        let resources = match self.kind {
            Kind::Trust => Resources::Attached,
            Kind::Identity | Kind::Resource => resources.ok_or_else(|| missing("Resource"))?,
        };
        Ok(Statement {
            sid,
            effect: effect.ok_or_else(|| missing("Effect"))?,
            who,
            actions: actions.ok_or_else(|| missing("Action"))?,
            resources,
            conditions,
            span: node.span(self.text),
        })
    }

    fn refuse(
        &self,
        path: &Path<'_>,
        element: &'static str,
        forbidden: bool,
    ) -> Result<(), Malformed> {
        if forbidden {
            return Err(path.is(Problem::Forbidden {
                element,
                kind: self.kind,
            }));
        }
        Ok(())
    }

    fn sid(&self, node: Node<'_>, path: &Path<'_>) -> Result<String, Malformed> {
        let value = node.text(path)?;
        // IAM's own policies have letters and digits only; services differ and many take spaces,
        // such as KMS, whose default policy has "Enable IAM User Permissions".
        if self.kind != Kind::Resource && !value.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(path.is(Problem::InvalidSid { value }));
        }
        Ok(value)
    }

    fn resources(&self, node: Node<'_>, path: &Path<'_>) -> Result<Vec<Pattern>, Malformed> {
        let mut patterns = Vec::new();
        node.each_text(path, |value, path| {
            if value != "*" && !value.starts_with("arn:") {
                return Err(path.is(Problem::InvalidResource { value }));
            }
            let pattern = Pattern::compile(&value, Style::Resource, self.variables);
            patterns.push(pattern.map_err(|detail| {
                path.is(Problem::InvalidVariable {
                    value: value.clone(),
                    detail,
                })
            })?);
            Ok(())
        })?;
        Ok(patterns)
    }
}

fn parse_version(node: Node<'_>, path: &Path<'_>) -> Result<Version, Malformed> {
    match node.text(path)?.as_str() {
        "2012-10-17" => Ok(Version::V2012),
        "2008-10-17" => Ok(Version::V2008),
        other => Err(path.is(Problem::UnsupportedVersion {
            value: other.into(),
        })),
    }
}

fn parse_effect(node: Node<'_>, path: &Path<'_>) -> Result<Effect, Malformed> {
    match node.text(path)?.as_str() {
        "Allow" => Ok(Effect::Allow),
        "Deny" => Ok(Effect::Deny),
        other => Err(path.is(Problem::InvalidEffect {
            value: other.into(),
        })),
    }
}

fn parse_actions(node: Node<'_>, path: &Path<'_>, negated: bool) -> Result<Actions, Malformed> {
    let mut actions = Actions {
        negated,
        patterns: Vec::new(),
        texts: Vec::new(),
    };
    node.each_text(path, |value, path| {
        let invalid = || {
            path.is(Problem::InvalidAction {
                value: value.clone(),
            })
        };
        if !is_action(&value) {
            return Err(invalid());
        }
        // "*:*" is every action too.
        let lower = if value == "*:*" {
            "*".into()
        } else {
            value.to_ascii_lowercase()
        };
        let pattern = Pattern::compile(&lower, Style::Like, false).map_err(|_| invalid())?;
        actions.patterns.push(pattern);
        actions.texts.push(value.as_str().into());
        Ok(())
    })?;
    Ok(actions)
}

fn is_action(text: &str) -> bool {
    let name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_".contains(&byte);
    match text.split_once(':') {
        None => text == "*",
        Some((service, name)) => {
            let service_is_plain = !service.is_empty()
                && service
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            (service == "*" || service_is_plain) && !name.is_empty() && name.bytes().all(name_byte)
        }
    }
}

fn principals(node: Node<'_>, path: &Path<'_>) -> Result<Vec<Principal>, Malformed> {
    let types = match node.read(path)? {
        Shape::Text(text) if text == "*" => return Ok(vec![Principal::Everyone]),
        Shape::Text(value) => return Err(path.is(Problem::UnsupportedPrincipal { value })),
        Shape::Object(types) if types.is_empty() => return Err(path.is(Problem::Empty)),
        Shape::Object(types) => types,
        other => return Err(wrong_type(path, "\"*\" or an object", &other)),
    };
    let mut principals = Vec::new();
    for (name, values) in types {
        let parse = match name.as_str() {
            "AWS" => Principal::parse_aws,
            "Service" => Principal::parse_service,
            "Federated" => Principal::parse_federated,
            "CanonicalUser" => Principal::parse_canonical_user,
            _ => return Err(path.is(Problem::UnknownPrincipalType { name })),
        };
        values.each_text(&path.key(&name), |value, path| {
            let principal = parse(&value);
            principals
                .push(principal.ok_or_else(|| path.is(Problem::UnsupportedPrincipal { value }))?);
            Ok(())
        })?;
    }
    Ok(principals)
}

/// Fills a slot that an element and its `Not…` counterpart share.
fn once<T>(
    slot: &mut Option<T>,
    value: T,
    path: &Path<'_>,
    element: &'static str,
) -> Result<(), Malformed> {
    if slot.replace(value).is_some() {
        return Err(path.is(Problem::Both { element }));
    }
    Ok(())
}

fn unknown(path: &Path<'_>, name: String, known: &[&'static str]) -> Malformed {
    let meant = known
        .iter()
        .find(|element| element.eq_ignore_ascii_case(&name))
        .copied();
    path.is(Problem::UnknownElement { name, meant })
}

/// Source: IAM user guide, JSON policy elements, Sid: "must be unique within a JSON policy".
fn check_sids(statements: &[Statement], path: &Path<'_>) -> Result<(), Malformed> {
    let mut seen = BTreeSet::new();
    for (index, statement) in statements.iter().enumerate() {
        if let Some(sid) = statement.sid.as_deref().filter(|sid| !sid.is_empty())
            && !seen.insert(sid)
        {
            let path = path.index(index);
            return Err(path
                .key("Sid")
                .is(Problem::DuplicateSid { value: sid.into() }));
        }
    }
    Ok(())
}
