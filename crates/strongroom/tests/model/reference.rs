//! A small, naive Secrets Manager: the version and label rules written down once more, straight from the reference
//! (api.md and versions-and-staging.md), without a look at the operations that it is compared with.
//!
//! Knows no store, no crypto and no crash: one caller after another.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::history::{ANY, Policy};

const HOUR: i64 = 60 * 60 * 1000;
const DAY: i64 = 24 * HOUR;

/// Account, region and name.
pub(crate) type Place = (String, String, String);

/// An answer: the response's members, or the error's code.
pub(crate) type Answer = Result<Value, &'static str>;

/// Everything that is there.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) secrets: BTreeMap<Place, Secret>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Secret {
    pub(crate) arn: String,
    pub(crate) created: i64,
    pub(crate) changed: i64,
    pub(crate) accessed: Option<i64>,
    pub(crate) description: Option<String>,
    pub(crate) secret_type: Option<String>,
    pub(crate) deleted: Option<i64>,
    pub(crate) tags: Vec<(String, String)>,
    /// Oldest first.
    pub(crate) versions: Vec<Version>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) policy: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) created: i64,
    pub(crate) accessed: Option<i64>,
    pub(crate) value: Kept,
}

/// A value: text and bytes differ, even where the bytes are the same. Bytes are written as base64.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kept {
    Text(String),
    Binary(String),
}

/// Who asks for what, and when.
pub(crate) struct Asked<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) operation: &'a str,
    pub(crate) body: &'a Value,
    pub(crate) now: i64,
    /// The ARN that a secret gets which is made: nobody can foresee its end.
    pub(crate) new_arn: &'a str,
}

const NOT_FOUND: &str = "ResourceNotFoundException";
const EXISTS: &str = "ResourceExistsException";
const REQUEST: &str = "InvalidRequestException";
const PARAMETER: &str = "InvalidParameterException";
const LIMIT: &str = "LimitExceededException";
const VALIDATION: &str = "ValidationException";
const TOKEN: &str = "InvalidNextTokenException";
const DENIED: &str = "AccessDeniedException";
const MALFORMED: &str = "MalformedPolicyDocumentException";
const PUBLIC: &str = "PublicPolicyException";

impl Model {
    /// Secrets whose recovery window is over are gone, whether or not anyone looked.
    pub(crate) fn pass_time(&mut self, now: i64) {
        self.secrets
            .retain(|_, secret| secret.deleted.is_none_or(|at| at > now));
    }

    pub(crate) fn answer(&mut self, asked: &Asked<'_>) -> Answer {
        match asked.operation {
            "CreateSecret" => self.create(asked),
            "PutSecretValue" => self.put(asked),
            "UpdateSecret" => self.update(asked),
            "UpdateSecretVersionStage" => self.move_label(asked),
            "GetSecretValue" => self.get(asked),
            "BatchGetSecretValue" => self.batch(asked),
            "DescribeSecret" => self.describe(asked),
            "ListSecrets" => self.list(asked),
            "ListSecretVersionIds" => self.list_versions(asked),
            "DeleteSecret" => self.delete(asked),
            "RestoreSecret" => self.restore(asked),
            "TagResource" => self.tag(asked),
            "UntagResource" => self.untag(asked),
            "PutResourcePolicy" => self.put_policy(asked),
            "GetResourcePolicy" => self.get_policy(asked),
            "DeleteResourcePolicy" => self.delete_policy(asked),
            "ValidateResourcePolicy" => self.validate_policy(asked),
            "GetRandomPassword" => password(asked),
            other => panic!("{other} is no operation"),
        }
    }

    // access-control.md 6: a secret's policy opens it to other accounts, and closes it to its own root.
    fn place(&self, asked: &Asked<'_>) -> Result<Place, &'static str> {
        let place = self.named(asked);
        let foreign = match &place {
            Ok(place) => place.0 != asked.account,
            Err(_) => text(asked, "SecretId").is_some_and(|id| {
                id.starts_with("arn:aws:secretsmanager:")
                    && id
                        .split(':')
                        .nth(4)
                        .is_some_and(|account| account != asked.account)
            }),
        };
        let secret = place
            .as_ref()
            .ok()
            .and_then(|place| self.secrets.get(place));
        let policy = secret.and_then(|secret| Some(Policy::of(secret.policy.as_ref()?)));
        match (asked.operation, policy) {
            ("GetSecretValue" | "BatchGetSecretValue", Some(Policy::Public)) => place,
            ("PutSecretValue", Some(Policy::NoPuts)) => Err(DENIED),
            _ if foreign && place != Err(PARAMETER) => Err(DENIED),
            _ => place,
        }
    }

    // api.md 2: name, full ARN, partial ARN; an ARN of another region is not found.
    fn named(&self, asked: &Asked<'_>) -> Result<Place, &'static str> {
        let id = text(asked, "SecretId").ok_or(VALIDATION)?;
        let of = |account: &str, name: &str| {
            let account = account.to_owned();
            (account, asked.region.to_owned(), name.to_owned())
        };
        if !id.starts_with("arn:") {
            let valid = |c: char| c.is_ascii_alphanumeric() || "-/_+=.@!".contains(c);
            return if id.chars().all(valid) && !id.is_empty() {
                Ok(of(asked.account, &id))
            } else {
                Err(VALIDATION)
            };
        }
        let parts: Vec<&str> = id.split(':').collect();
        if parts.len() != 7 || parts[2] != "secretsmanager" || parts[5] != "secret" {
            return Err(PARAMETER);
        }
        if parts[3] != asked.region {
            return Err(NOT_FOUND);
        }
        let resource = parts[6];
        let is_complete = resource.len() > 7
            && resource.as_bytes()[resource.len() - 7] == b'-'
            && resource[resource.len() - 6..]
                .chars()
                .all(|c| c.is_ascii_alphanumeric());
        if !is_complete {
            return Ok(of(parts[4], resource));
        }
        let place = of(parts[4], &resource[..resource.len() - 7]);
        match self.secrets.get(&place) {
            Some(secret) if secret.arn == id => Ok(place),
            _ => Err(NOT_FOUND),
        }
    }

    // api.md 1, "Order of checks": a malformed id and a missing permission come before everything else.
    fn admitted(&self, asked: &Asked<'_>) -> Result<(), &'static str> {
        match self.place(asked) {
            Err(code) if code != NOT_FOUND => Err(code),
            _ => Ok(()),
        }
    }

    fn any(&mut self, asked: &Asked<'_>) -> Result<(String, &mut Secret), &'static str> {
        let place = self.place(asked)?;
        let secret = self.secrets.get_mut(&place).ok_or(NOT_FOUND)?;
        Ok((place.2, secret))
    }

    fn active(&mut self, asked: &Asked<'_>) -> Result<(String, &mut Secret), &'static str> {
        let (name, secret) = self.any(asked)?;
        if secret.deleted.is_some() {
            return Err(REQUEST);
        }
        Ok((name, secret))
    }

    // api.md 5, 6.1
    fn create(&mut self, asked: &Asked<'_>) -> Answer {
        let name = text(asked, "Name").ok_or(VALIDATION)?;
        if name.contains(' ') {
            return Err(VALIDATION);
        }
        let tags = merged(&[], &new_tags(asked)?);
        let token = text(asked, "ClientRequestToken").ok_or(REQUEST)?;
        let value = value(asked)?;
        let place = (
            asked.account.to_owned(),
            asked.region.to_owned(),
            name.clone(),
        );
        if let Some(existing) = self.secrets.get(&place) {
            if existing.deleted.is_some() {
                return Err(REQUEST);
            }
            let version = existing.versions.iter().find(|it| it.id == token);
            return match (version, value) {
                (Some(version), Some(value)) if version.value == value => {
                    Ok(json!({"ARN": existing.arn, "Name": name, "VersionId": token}))
                }
                _ => Err(EXISTS),
            };
        }
        known_key(asked)?;
        let mut secret = Secret {
            arn: asked.new_arn.to_owned(),
            created: asked.now,
            changed: asked.now,
            accessed: None,
            description: text(asked, "Description").filter(|it| !it.is_empty()),
            secret_type: text(asked, "Type").filter(|it| !it.is_empty()),
            deleted: None,
            tags: tags?,
            versions: Vec::new(),
            labels: BTreeMap::new(),
            policy: None,
        };
        let mut answer = json!({"ARN": secret.arn, "Name": name});
        if let Some(value) = value {
            secret.add(&token, value, None, asked.now)?;
            answer["VersionId"] = json!(token);
        }
        self.secrets.insert(place, secret);
        Ok(answer)
    }

    // api.md 6.2, versions-and-staging.md 5
    fn put(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.active(asked)?;
        let token = text(asked, "ClientRequestToken").ok_or(REQUEST)?;
        let value = value(asked)?.ok_or(REQUEST)?;
        if secret.token_is_free(&token, &value)? {
            let labels = texts(asked, "VersionStages");
            // Nothing may be left of a refused put.
            let mut after = secret.clone();
            after.add(&token, value, labels, asked.now)?;
            after.changed = asked.now;
            *secret = after;
        }
        let mut answer = json!({"ARN": secret.arn, "Name": name, "VersionId": token});
        put_list(&mut answer, "VersionStages", secret.labels_of(&token));
        Ok(answer)
    }

    // api.md 6.3
    fn update(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.active(asked)?;
        let value = value(asked)?;
        let token = text(asked, "ClientRequestToken");
        if value.is_some() && token.is_none() {
            return Err(REQUEST);
        }
        known_key(asked)?;
        let mut after = secret.clone();
        if let Some(description) = text(asked, "Description") {
            after.description = Some(description).filter(|it| !it.is_empty());
        }
        if let Some(secret_type) = text(asked, "Type") {
            after.secret_type = Some(secret_type).filter(|it| !it.is_empty());
        }
        let mut answer = json!({"ARN": secret.arn, "Name": name});
        let mut changed = ["Description", "Type", "KmsKeyId"]
            .iter()
            .any(|member| text(asked, member).is_some());
        if let (Some(value), Some(token)) = (value, token) {
            if secret.token_is_free(&token, &value)? {
                after.add(&token, value, None, asked.now)?;
                changed = true;
            }
            answer["VersionId"] = json!(token);
        }
        if changed {
            after.changed = asked.now;
            *secret = after;
        }
        Ok(answer)
    }

    // versions-and-staging.md 4
    fn move_label(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.active(asked)?;
        let label = text(asked, "VersionStage").ok_or(VALIDATION)?;
        let remove = text(asked, "RemoveFromVersionId");
        let target = text(asked, "MoveToVersionId");
        let holder = secret.labels.get(&label).cloned();
        if let Some(target) = &target
            && !secret.versions.iter().any(|it| it.id == *target)
        {
            return Err(NOT_FOUND);
        }
        let before = secret.labels.clone();
        match (remove, target, holder) {
            (None, None, _) => return Err(PARAMETER),
            (None, Some(to), None) => secret.set_label(&label, &to),
            (None, Some(to), Some(holder)) if holder == to => {}
            (None, Some(_), Some(_)) => return Err(PARAMETER),
            (Some(from), Some(to), Some(holder)) if from == holder => secret.set_label(&label, &to),
            (Some(_), Some(_), _) => return Err(PARAMETER),
            (Some(_), None, _) if label == "AWSCURRENT" => return Err(PARAMETER),
            (Some(from), None, Some(holder)) if from == holder => {
                secret.labels.remove(&label);
            }
            (Some(_), None, _) => return Err(PARAMETER),
        }
        if secret.labels.len() > 20 {
            secret.labels = before;
            return Err(LIMIT);
        }
        if secret.labels != before {
            secret.changed = asked.now;
        }
        Ok(json!({"ARN": secret.arn, "Name": name}))
    }

    // api.md 6.4
    fn get(&mut self, asked: &Asked<'_>) -> Answer {
        let is_own = self.place(asked)?.0 == asked.account;
        let (name, secret) = self.active(asked)?;
        let before = secret.clone();
        let answer = secret.read(
            &name,
            text(asked, "VersionId").as_deref(),
            text(asked, "VersionStage").as_deref(),
            asked.now,
        )?;
        if !is_own {
            // api.md 1.3: what the service's own key protects is for its account.
            *secret = before;
            return Err(REQUEST);
        }
        Ok(answer)
    }

    // api.md 6.5
    fn batch(&mut self, asked: &Asked<'_>) -> Answer {
        let ids = texts(asked, "SecretIdList");
        let filtered = asked.body.get("Filters").is_some();
        let mut next = None;
        let ids = match (ids, filtered) {
            (Some(_), false) if asked.body.get("MaxResults").is_some() => return Err(PARAMETER),
            (Some(ids), false) => ids,
            (None, true) => {
                let mut listed = self.listed(asked)?;
                listed.retain(|place| self.secrets[place].deleted.is_none());
                let (page, token) = page(asked, listed, 20)?;
                next = token;
                let arn = |place: &Place| self.secrets[place].arn.clone();
                page.iter().map(arn).collect()
            }
            _ => return Err(PARAMETER),
        };
        let (mut values, mut errors) = (Vec::new(), Vec::new());
        for id in ids {
            let body = json!({ "SecretId": id });
            let one = Asked {
                body: &body,
                ..*asked
            };
            match self.get(&one) {
                Ok(value) => values.push(value),
                Err(code) => {
                    errors.push(json!({"SecretId": id, "ErrorCode": code, "Message": ANY}));
                }
            }
        }
        let mut answer = json!({"SecretValues": values, "Errors": errors});
        put_text(&mut answer, "NextToken", next);
        Ok(answer)
    }

    // api.md 6.6
    fn describe(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.any(asked)?;
        Ok(secret.described(&name, "VersionIdsToStages"))
    }

    // api.md 6.7
    fn list(&mut self, asked: &Asked<'_>) -> Answer {
        let deleted_too = asked.body["IncludePlannedDeletion"] == true;
        let mut listed = self.listed(asked)?;
        listed.retain(|place| deleted_too || self.secrets[place].deleted.is_none());
        let (page, next) = page(asked, listed, 100)?;
        let described =
            |place: &Place| self.secrets[place].described(&place.2, "SecretVersionsToStages");
        let mut answer = json!({"SecretList": page.iter().map(described).collect::<Vec<_>>()});
        put_text(&mut answer, "NextToken", next);
        Ok(answer)
    }

    /// The secrets of the caller's account and region that pass the filters, in order.
    fn listed(&self, asked: &Asked<'_>) -> Result<Vec<Place>, &'static str> {
        let none = Vec::new();
        let filters = asked.body["Filters"].as_array().unwrap_or(&none);
        let mut found: Vec<(&Place, &Secret)> = self
            .secrets
            .iter()
            .filter(|((account, region, _), _)| account == asked.account && region == asked.region)
            .filter(|(place, secret)| filters.iter().all(|it| passes(it, &place.2, secret)))
            .collect();
        let by = text(asked, "SortBy").unwrap_or_else(|| "created-date".to_owned());
        found.sort_by_key(|(place, secret)| {
            let at = match by.as_str() {
                "created-date" => secret.created,
                "last-changed-date" => secret.changed,
                "last-accessed-date" => secret.accessed.unwrap_or(0),
                _ => 0,
            };
            (at, (*place).clone())
        });
        if text(asked, "SortOrder").as_deref() != Some("asc") {
            found.reverse();
        }
        Ok(found.into_iter().map(|(place, _)| place.clone()).collect())
    }

    // api.md 6.8
    fn list_versions(&mut self, asked: &Asked<'_>) -> Answer {
        let all = asked.body["IncludeDeprecated"] == true;
        let (name, secret) = self.any(asked)?;
        let mut versions: Vec<&Version> = secret
            .versions
            .iter()
            .filter(|it| all || !secret.labels_of(&it.id).is_empty())
            .collect();
        versions.sort_by_key(|it| (it.created, it.id.clone()));
        versions.reverse();
        let (page, next) = page(asked, versions, 100)?;
        let entry = |version: &&Version| {
            let mut entry = json!({
                "VersionId": version.id,
                "CreatedDate": seconds(version.created),
                "KmsKeyIds": ["DefaultEncryptionKey"],
            });
            put_list(&mut entry, "VersionStages", secret.labels_of(&version.id));
            put_date(&mut entry, "LastAccessedDate", version.accessed);
            entry
        };
        let versions: Vec<Value> = page.iter().map(entry).collect();
        let mut answer = json!({"ARN": secret.arn, "Name": name, "Versions": versions});
        put_text(&mut answer, "NextToken", next);
        Ok(answer)
    }

    // api.md 6.9
    fn delete(&mut self, asked: &Asked<'_>) -> Answer {
        let force = asked.body["ForceDeleteWithoutRecovery"] == true;
        let days = asked.body["RecoveryWindowInDays"].as_i64();
        let place = self.place(asked);
        self.admitted(asked)?;
        if days.is_some_and(|days| force || !(7..=30).contains(&days)) {
            return Err(PARAMETER);
        }
        let found = place
            .as_ref()
            .ok()
            .and_then(|place| self.secrets.get_mut(place));
        match (found, place) {
            (None, _) if force => {
                Ok(json!({"ARN": ANY, "Name": ANY, "DeletionDate": seconds(asked.now)}))
            }
            (Some(secret), Ok(place)) if force => {
                let arn = secret.arn.clone();
                self.secrets.remove(&place);
                Ok(json!({"ARN": arn, "Name": place.2, "DeletionDate": seconds(asked.now)}))
            }
            (Some(secret), Ok(place)) => {
                if secret.deleted.is_some() {
                    return Err(REQUEST);
                }
                let at = asked.now + days.unwrap_or(30) * DAY;
                secret.deleted = Some(at);
                secret.changed = asked.now;
                Ok(json!({"ARN": secret.arn, "Name": place.2, "DeletionDate": seconds(at)}))
            }
            _ => Err(NOT_FOUND),
        }
    }

    // api.md 6.10
    fn restore(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.any(asked)?;
        if secret.deleted.take().is_some() {
            secret.changed = asked.now;
        }
        Ok(json!({"ARN": secret.arn, "Name": name}))
    }

    // api.md 6.16
    fn tag(&mut self, asked: &Asked<'_>) -> Answer {
        self.admitted(asked)?;
        let tags = new_tags(asked)?;
        let (_, secret) = self.active(asked)?;
        secret.tags = merged(&secret.tags, &tags)?;
        secret.changed = asked.now;
        Ok(Value::Null)
    }

    // api.md 6.17
    fn untag(&mut self, asked: &Asked<'_>) -> Answer {
        let keys = texts(asked, "TagKeys").ok_or(VALIDATION)?;
        let (_, secret) = self.active(asked)?;
        secret.tags.retain(|(key, _)| !keys.contains(key));
        secret.changed = asked.now;
        Ok(Value::Null)
    }

    // api.md 6.18
    fn put_policy(&mut self, asked: &Asked<'_>) -> Answer {
        let block = asked.body["BlockPublicPolicy"] == true;
        let (name, secret) = self.active(asked)?;
        let policy = text(asked, "ResourcePolicy").ok_or(VALIDATION)?;
        match Policy::of(&policy) {
            Policy::NotJson | Policy::Malformed => return Err(MALFORMED),
            Policy::LocksOut => return Err(REQUEST),
            Policy::Public if block => return Err(PUBLIC),
            Policy::Public | Policy::NoPuts | Policy::Good => {}
        }
        secret.policy = Some(policy);
        secret.changed = asked.now;
        Ok(json!({"ARN": secret.arn, "Name": name}))
    }

    // api.md 6.19
    fn get_policy(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.active(asked)?;
        let mut answer = json!({"ARN": secret.arn, "Name": name});
        put_text(&mut answer, "ResourcePolicy", secret.policy.clone());
        Ok(answer)
    }

    // api.md 6.20
    fn delete_policy(&mut self, asked: &Asked<'_>) -> Answer {
        let (name, secret) = self.active(asked)?;
        if secret.policy.take().is_some() {
            secret.changed = asked.now;
        }
        Ok(json!({"ARN": secret.arn, "Name": name}))
    }

    // api.md 6.21
    fn validate_policy(&mut self, asked: &Asked<'_>) -> Answer {
        let of_a_secret = asked.body.get("SecretId").is_some();
        if of_a_secret {
            self.active(asked)?;
        }
        let policy = text(asked, "ResourcePolicy").ok_or(VALIDATION)?;
        let failed = match Policy::of(&policy) {
            Policy::NotJson => return Err(MALFORMED),
            Policy::Good | Policy::NoPuts => None,
            Policy::Malformed => Some("POLICY_SYNTAX_CHECK"),
            Policy::Public => Some("REFLEXIVE_PRINCIPAL_CHECK"),
            // access-control.md 8.3 gives this check no name.
            Policy::LocksOut => of_a_secret.then_some(ANY),
        };
        let errors: Vec<Value> = failed
            .iter()
            .map(|check| json!({"CheckName": check, "ErrorMessage": ANY}))
            .collect();
        Ok(json!({"PolicyValidationPassed": errors.is_empty(), "ValidationErrors": errors}))
    }
}

impl Secret {
    /// `false`: the request was carried out before.
    fn token_is_free(&self, token: &str, value: &Kept) -> Result<bool, &'static str> {
        match self.versions.iter().find(|it| it.id == token) {
            None => Ok(true),
            Some(version) if version.value == *value => Ok(false),
            Some(_) => Err(EXISTS),
        }
    }

    // versions-and-staging.md 3, 5, 8
    fn add(
        &mut self,
        token: &str,
        value: Kept,
        labels: Option<Vec<String>>,
        now: i64,
    ) -> Result<(), &'static str> {
        self.versions.push(Version {
            id: token.to_owned(),
            created: now,
            accessed: None,
            value,
        });
        let labels = labels.unwrap_or_else(|| vec!["AWSCURRENT".to_owned()]);
        for label in labels.iter().filter(|label| *label != "AWSCURRENT") {
            self.set_label(label, token);
        }
        let first = !self.labels.contains_key("AWSCURRENT");
        if first || labels.iter().any(|label| label == "AWSCURRENT") {
            self.set_label("AWSCURRENT", token);
        }
        if self.labels.len() > 20 {
            return Err(LIMIT);
        }
        while self.versions.len() > 100 {
            let old = self.versions.iter().position(|version| {
                self.labels_of(&version.id).is_empty() && now - version.created >= DAY
            });
            self.versions.remove(old.ok_or(LIMIT)?);
        }
        Ok(())
    }

    // versions-and-staging.md 3
    fn set_label(&mut self, label: &str, to: &str) {
        let old = self.labels.get(label).cloned();
        if label != "AWSCURRENT" {
            self.labels.insert(label.to_owned(), to.to_owned());
        } else if old.as_deref() != Some(to) {
            self.labels.insert("AWSCURRENT".to_owned(), to.to_owned());
            self.labels.remove("AWSPREVIOUS");
            if let Some(old) = old {
                self.labels.insert("AWSPREVIOUS".to_owned(), old);
            }
        }
    }

    fn labels_of(&self, id: &str) -> Vec<String> {
        let mut labels = Vec::new();
        for (label, holder) in &self.labels {
            if holder == id {
                labels.push(label.clone());
            }
        }
        labels
    }

    // api.md 6.4: "Select"
    fn read(&mut self, name: &str, id: Option<&str>, label: Option<&str>, now: i64) -> Answer {
        let wanted = match (id, label) {
            (Some(id), _) => id.to_owned(),
            (None, label) => self
                .labels
                .get(label.unwrap_or("AWSCURRENT"))
                .ok_or(NOT_FOUND)?
                .clone(),
        };
        let labels = self.labels_of(&wanted);
        let version = self
            .versions
            .iter_mut()
            .find(|version| version.id == wanted)
            .ok_or(NOT_FOUND)?;
        if label.is_some_and(|label| !labels.iter().any(|it| it == label)) {
            return Err(REQUEST);
        }
        let today = Some(now - now % DAY);
        version.accessed = today;
        self.accessed = today;
        let mut answer = json!({
            "ARN": self.arn,
            "Name": name,
            "VersionId": version.id,
            "CreatedDate": seconds(version.created),
        });
        put_list(&mut answer, "VersionStages", labels);
        match &version.value {
            Kept::Text(text) => answer["SecretString"] = json!(text),
            Kept::Binary(base64) => answer["SecretBinary"] = json!(base64),
        }
        Ok(answer)
    }

    fn described(&self, name: &str, map: &str) -> Value {
        let mut answer = json!({
            "ARN": self.arn,
            "Name": name,
            "CreatedDate": seconds(self.created),
            "LastChangedDate": seconds(self.changed),
        });
        put_text(&mut answer, "Description", self.description.clone());
        put_text(&mut answer, "Type", self.secret_type.clone());
        put_date(&mut answer, "LastAccessedDate", self.accessed);
        put_date(&mut answer, "DeletedDate", self.deleted);
        let tag = |(key, value): &(String, String)| json!({"Key": key, "Value": value});
        let tags: Vec<Value> = self.tags.iter().map(tag).collect();
        if !tags.is_empty() {
            answer["Tags"] = json!(tags);
        }
        let mut stages = Map::new();
        for version in &self.versions {
            let labels = self.labels_of(&version.id);
            if !labels.is_empty() {
                stages.insert(version.id.clone(), json!(labels));
            }
        }
        if !stages.is_empty() {
            answer[map] = Value::Object(stages);
        }
        answer
    }
}

// api.md 6.11; the values in these histories are plain words.
fn passes(filter: &Value, name: &str, secret: &Secret) -> bool {
    let hit = |value: &str| match filter["Key"].as_str().unwrap_or_default() {
        "name" => name.starts_with(value),
        "tag-key" => secret.tags.iter().any(|(key, _)| key.starts_with(value)),
        "tag-value" => secret.tags.iter().any(|(_, it)| it.starts_with(value)),
        "description" => secret.description.iter().any(|it| has_words(it, value)),
        "all" => {
            let mut texts = vec![name];
            texts.extend(secret.description.as_deref());
            for (key, value) in &secret.tags {
                texts.extend([key.as_str(), value.as_str()]);
            }
            texts.iter().any(|text| has_words(text, value))
        }
        _ => false,
    };
    let none = Vec::new();
    let values = filter["Values"].as_array().unwrap_or(&none);
    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
    let excluded = |value: &&str| value.strip_prefix('!').is_some_and(hit);
    let mut wanted = values.iter().filter(|value| !value.starts_with('!'));
    let admitted = wanted.clone().next().is_none() || wanted.any(|value| hit(value));
    admitted && !values.iter().any(excluded)
}

fn has_words(text: &str, value: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        text.to_lowercase()
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let there = words(text);
    let starts = |wanted: &String| there.iter().any(|word| word.starts_with(wanted.as_str()));
    words(value).iter().all(starts)
}

// api.md 6.22
fn password(asked: &Asked<'_>) -> Answer {
    let length = asked.body["PasswordLength"].as_i64().unwrap_or(32);
    let classes = ["Numbers", "Punctuation", "Uppercase", "Lowercase"]
        .iter()
        .filter(|class| asked.body[format!("Exclude{class}")] != true)
        .count();
    let each = asked.body["RequireEachIncludedType"] != false;
    let space = asked.body["IncludeSpace"] == true;
    if !(1..=4096).contains(&length) {
        Err(VALIDATION)
    } else if (classes == 0 && !space) || (each && length < classes as i64) {
        Err(PARAMETER)
    } else {
        Ok(json!({ "RandomPassword": ANY }))
    }
}

/// A page of what is listed, and what the response says of the next one. A history names a page by where it starts;
/// any text is a token that nobody gave out.
fn page<T>(
    asked: &Asked<'_>,
    mut listed: Vec<T>,
    size: usize,
) -> Result<(Vec<T>, Option<String>), &'static str> {
    let from = match &asked.body["NextToken"] {
        Value::String(_) => return Err(TOKEN),
        from => from.as_u64().unwrap_or(0) as usize,
    };
    let size = asked.body["MaxResults"]
        .as_u64()
        .map_or(size, |size| size as usize);
    let mut page = listed.split_off(from.min(listed.len()));
    let more = page.len() > size;
    page.truncate(size);
    Ok((page, more.then(|| ANY.to_owned())))
}

fn text(asked: &Asked<'_>, member: &str) -> Option<String> {
    asked.body[member].as_str().map(str::to_owned)
}

fn texts(asked: &Asked<'_>, member: &str) -> Option<Vec<String>> {
    let list = asked.body[member].as_array()?;
    Some(
        list.iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

fn value(asked: &Asked<'_>) -> Result<Option<Kept>, &'static str> {
    match (text(asked, "SecretString"), text(asked, "SecretBinary")) {
        (Some(_), Some(_)) => Err(PARAMETER),
        (Some(text), None) => Ok(Some(Kept::Text(text))),
        (None, Some(base64)) => Ok(Some(Kept::Binary(base64))),
        (None, None) => Ok(None),
    }
}

/// No account here has a KMS key of its own.
fn known_key(asked: &Asked<'_>) -> Result<(), &'static str> {
    match text(asked, "KmsKeyId").as_deref() {
        None | Some("" | "alias/aws/secretsmanager") => Ok(()),
        Some(_) => Err(NOT_FOUND),
    }
}

fn new_tags(asked: &Asked<'_>) -> Result<Vec<(String, String)>, &'static str> {
    let none = Vec::new();
    let mut tags: Vec<(String, String)> = Vec::new();
    for tag in asked.body["Tags"].as_array().unwrap_or(&none) {
        let part = |name: &str| tag[name].as_str().unwrap_or_default().to_owned();
        let (key, value) = (part("Key"), part("Value"));
        if tags.iter().any(|(earlier, _)| *earlier == key) {
            return Err(PARAMETER);
        }
        tags.push((key, value));
    }
    Ok(tags)
}

fn merged(
    tags: &[(String, String)],
    new: &[(String, String)],
) -> Result<Vec<(String, String)>, &'static str> {
    let mut tags = tags.to_vec();
    for (key, value) in new {
        if key.starts_with("aws:") {
            return Err(PARAMETER);
        }
        match tags.iter_mut().find(|(earlier, _)| earlier == key) {
            Some((_, earlier)) => earlier.clone_from(value),
            None => tags.push((key.clone(), value.clone())),
        }
    }
    if tags.len() > 50 {
        return Err(PARAMETER);
    }
    Ok(tags)
}

fn put_text(answer: &mut Value, member: &str, text: Option<String>) {
    if let Some(text) = text {
        answer[member] = json!(text);
    }
}

fn put_list(answer: &mut Value, member: &str, list: Vec<String>) {
    if !list.is_empty() {
        answer[member] = json!(list);
    }
}

fn put_date(answer: &mut Value, member: &str, at: Option<i64>) {
    if let Some(at) = at {
        answer[member] = seconds(at);
    }
}

/// api.md 1: "JSON number, epoch seconds, fractional to ms".
fn seconds(milliseconds: i64) -> Value {
    json!(milliseconds as f64 / 1000.0)
}
