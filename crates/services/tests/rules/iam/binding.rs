//! Whom policies, grants and sessions mean: who had the name when it was written, whatever they are called now, and
//! nobody who is made later. Source: access-control.md 2; the threat "a recreated principal inherits nothing".

use serde_json::{Value, json};
use strongroom_services::caller::{AccountId, Caller};
use strongroom_services::records::{Key, Record};
use strongroom_services::{iam, kms, sts};

use super::{document, policy};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service};

/// Someone whom policies can name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Who {
    User,
    Role,
    Session,
}

/// What names someone.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Door {
    Secret,
    Key,
    Grant,
    Trust,
}

const DOORS: [Door; 4] = [Door::Secret, Door::Key, Door::Grant, Door::Trust];

/// The secret `s`, a key, the role `target`, and who is named at their doors.
struct World {
    service: Service,
    secret: String,
    key: String,
    /// Whose they are who are named.
    account: &'static str,
}

impl World {
    fn new(account: &'static str) -> Self {
        let mut service = Service::with_secret();
        let secret = service.arn();
        let made = service.ask_of(kms::OPERATIONS, "CreateKey", &json!({}));
        let key = made.unwrap()["KeyMetadata"]["Arn"]
            .as_str()
            .unwrap()
            .to_owned();
        // Under the key, so that who may read the secret from elsewhere may use its key as well.
        let trust = document(&[json!({
            "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole",
        })]);
        service.iam(
            "CreateRole",
            json!({"RoleName": "target", "AssumeRolePolicyDocument": trust}),
        );
        World {
            service,
            secret,
            key,
            account,
        }
    }

    fn own(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.account)
    }

    fn name(&self, who: Who) -> String {
        match who {
            Who::User => self.own("user/team/p"),
            Who::Role => self.own("role/team/p"),
            Who::Session => format!("arn:aws:sts::{}:assumed-role/p/s1", self.account),
        }
    }

    /// Makes the one whose name is [`Self::name`], allowed everything by its own account; says its unique id.
    fn make(&mut self, who: Who) -> String {
        self.service.be(self.account, REGION);
        let all = document(&[policy("Allow", "*", "*")]);
        if who == Who::User {
            let made = self
                .service
                .iam("CreateUser", json!({"UserName": "p", "Path": "/team/"}));
            let id = made["User"]["UserId"].as_str().unwrap().to_owned();
            if self.account != ACCOUNT {
                let body = json!({"UserName": "p", "PolicyName": "all", "PolicyDocument": all});
                self.service.iam("PutUserPolicy", body);
            }
            return id;
        }
        let trust = document(&[json!({
            "Effect": "Allow", "Principal": {"AWS": self.account}, "Action": "sts:AssumeRole",
        })]);
        let body = json!({"RoleName": "p", "Path": "/team/", "AssumeRolePolicyDocument": trust});
        let made = self.service.iam("CreateRole", body);
        if self.account != ACCOUNT {
            let body = json!({"RoleName": "p", "PolicyName": "all", "PolicyDocument": all});
            self.service.iam("PutRolePolicy", body);
        }
        let id = made["Role"]["RoleId"].as_str().unwrap();
        match who {
            Who::Session => format!("{id}:s1"),
            _ => id.to_owned(),
        }
    }

    fn unmake(&mut self, who: Who, name: &str) {
        self.service.be(self.account, REGION);
        let (kind, member) = match who {
            Who::User => ("User", "UserName"),
            Who::Role | Who::Session => ("Role", "RoleName"),
        };
        if who == Who::User {
            let keys = self
                .service
                .iam("ListAccessKeys", json!({"UserName": name}));
            for key in keys["AccessKeyMetadata"].as_array().unwrap() {
                let body = json!({"UserName": name, "AccessKeyId": key["AccessKeyId"]});
                self.service.iam("DeleteAccessKey", body);
            }
        }
        let body = json!({member: name});
        let own = self
            .service
            .iam(&format!("List{kind}Policies"), body.clone());
        for policy in own["PolicyNames"].as_array().unwrap() {
            let body = json!({member: name, "PolicyName": policy});
            self.service.iam(&format!("Delete{kind}Policy"), body);
        }
        self.service.iam(&format!("Delete{kind}"), body);
    }

    /// Asks as the user `name`, or as the session `s1` of the role `p`, from now on.
    fn be(&mut self, who: Who, name: &str) -> Caller {
        self.service.be(self.account, REGION);
        if who == Who::User {
            let keys = self
                .service
                .iam("CreateAccessKey", json!({"UserName": name}));
            let key = keys["AccessKey"]["AccessKeyId"].as_str().unwrap();
            self.service.be_user(self.account, name, key);
            return self.service.caller();
        }
        // Someone of the account who may assume the role.
        self.service
            .iam("CreateUser", json!({"UserName": "helper"}));
        let all = document(&[policy("Allow", "*", "*")]);
        let body = json!({"UserName": "helper", "PolicyName": "all", "PolicyDocument": all});
        self.service.iam("PutUserPolicy", body);
        let keys = self
            .service
            .iam("CreateAccessKey", json!({"UserName": "helper"}));
        let key = keys["AccessKey"]["AccessKeyId"]
            .as_str()
            .unwrap()
            .to_owned();
        self.service.be_user(self.account, "helper", &key);
        let body = json!({"RoleArn": self.own("role/team/p"), "RoleSessionName": "s1"});
        let made = self
            .service
            .ask_of(sts::OPERATIONS, "AssumeRole", &body)
            .unwrap();
        self.service.be(self.account, REGION);
        self.service.iam(
            "DeleteAccessKey",
            json!({"UserName": "helper", "AccessKeyId": key}),
        );
        self.service.iam(
            "DeleteUserPolicy",
            json!({"UserName": "helper", "PolicyName": "all"}),
        );
        self.service
            .iam("DeleteUser", json!({"UserName": "helper"}));
        self.service.be_session(&made["Credentials"]);
        self.service.caller()
    }

    /// Whether a door lets in the one who asks.
    fn lets_in(&mut self, door: Door) -> bool {
        let result = match door {
            Door::Secret => self
                .service
                .ask("DescribeSecret", &json!({"SecretId": self.secret})),
            Door::Key | Door::Grant => {
                let body = json!({"KeyId": self.key, "Plaintext": "aGk="});
                self.service.ask_of(kms::OPERATIONS, "Encrypt", &body)
            }
            Door::Trust => {
                let role = format!("arn:aws:iam::{ACCOUNT}:role/target");
                let body = json!({"RoleArn": role, "RoleSessionName": "s2"});
                self.service.ask_of(sts::OPERATIONS, "AssumeRole", &body)
            }
        };
        result.is_ok()
    }

    /// The owner writes a name at a door, and at no other.
    fn write(&mut self, door: Door, effect: &str, name: &str) {
        self.service.be(ACCOUNT, REGION);
        let statement = |action: &str| json!({"Effect": effect, "Principal": {"AWS": name}, "Action": action, "Resource": "*"});
        let root = json!({
            "Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*",
        });
        match door {
            Door::Secret => {
                let text = document(&[statement("secretsmanager:DescribeSecret")]);
                self.service.ok(
                    "PutResourcePolicy",
                    json!({"SecretId": "s", "ResourcePolicy": text}),
                );
            }
            Door::Key => {
                let text = document(&[root, statement("kms:Encrypt")]);
                let body = json!({"KeyId": self.key, "Policy": text});
                self.service
                    .ask_of(kms::OPERATIONS, "PutKeyPolicy", &body)
                    .unwrap();
            }
            Door::Grant => {
                let body = json!({
                    "KeyId": self.key, "GranteePrincipal": name, "RetiringPrincipal": name, "Operations": ["Encrypt"],
                });
                self.service
                    .ask_of(kms::OPERATIONS, "CreateGrant", &body)
                    .unwrap();
            }
            Door::Trust => {
                let mut statement = statement("sts:AssumeRole");
                statement.as_object_mut().unwrap().remove("Resource");
                let text = document(&[statement]);
                let body = json!({"RoleName": "target", "PolicyDocument": text});
                self.service.iam("UpdateAssumeRolePolicy", body);
            }
        }
    }

    /// The names that stand at a door, as the owner is shown them.
    fn shown(&mut self, door: Door) -> Vec<String> {
        self.service.be(ACCOUNT, REGION);
        let text = match door {
            Door::Secret => {
                let shown = self
                    .service
                    .ok("GetResourcePolicy", json!({"SecretId": "s"}));
                shown["ResourcePolicy"].as_str().unwrap().to_owned()
            }
            Door::Key => {
                let body = json!({"KeyId": self.key});
                let shown = self
                    .service
                    .ask_of(kms::OPERATIONS, "GetKeyPolicy", &body)
                    .unwrap();
                shown["Policy"].as_str().unwrap().to_owned()
            }
            Door::Grant => {
                let body = json!({"KeyId": self.key});
                let shown = self
                    .service
                    .ask_of(kms::OPERATIONS, "ListGrants", &body)
                    .unwrap();
                let grants = shown["Grants"].as_array().unwrap();
                for grant in grants {
                    assert_eq!(grant["GranteePrincipal"], grant["RetiringPrincipal"]);
                }
                let names = grants.iter().map(|grant| &grant["GranteePrincipal"]);
                return names
                    .map(|name| name.as_str().unwrap().to_owned())
                    .collect();
            }
            Door::Trust => {
                let shown = self.service.iam("GetRole", json!({"RoleName": "target"}));
                let listed = self.service.iam("ListRoles", json!({}));
                let encoded = &shown["Role"]["AssumeRolePolicyDocument"];
                let roles = listed["Roles"].as_array().unwrap();
                let listed = roles
                    .iter()
                    .find(|role| role["RoleName"] == json!("target"));
                assert_eq!(listed.unwrap()["AssumeRolePolicyDocument"], *encoded);
                decoded(encoded.as_str().unwrap())
            }
        };
        let text: Value = serde_json::from_str(&text).unwrap();
        let statements = text["Statement"].as_array().unwrap().iter();
        let names = statements.map(|it| it["Principal"]["AWS"].as_str().unwrap().to_owned());
        names.filter(|name| name != ACCOUNT).collect()
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn who_is_made_anew_under_a_name_inherits_nothing() {
    for who in [Who::User, Who::Role, Who::Session] {
        for account in [ACCOUNT, OTHER_ACCOUNT] {
            for door in DOORS {
                let what = format!("{who:?} of {account} at {door:?}");
                let mut world = World::new(account);
                let name = world.name(who);
                let id = world.make(who);
                world.write(door, "Allow", &name);
                world.be(who, "p");
                assert!(world.lets_in(door), "{what}");
                assert_eq!(world.shown(door), [name.as_str()], "{what}");

                world.unmake(who, "p");
                // Whether another account's is still there isn't told.
                let gone = if account == ACCOUNT { &id } else { &name };
                assert_eq!(world.shown(door), [gone.as_str()], "{what}");
                world.make(who);
                assert_eq!(world.shown(door), [gone.as_str()], "{what}");
                world.be(who, "p");
                assert!(!world.lets_in(door), "{what}");

                world.write(door, "Allow", &name);
                world.be(who, "p");
                assert!(world.lets_in(door), "{what}");
            }
        }
    }
}

#[test]
fn who_gets_another_name_keeps_what_was_theirs_and_leaves_nothing_to_the_old_one() {
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        for door in DOORS {
            let what = format!("{account} at {door:?}");
            let mut world = World::new(account);
            let name = world.name(Who::User);
            world.make(Who::User);
            world.write(door, "Allow", &name);
            let before = world.be(Who::User, "p");
            world.service.be(account, REGION);
            let body = json!({"UserName": "p", "NewUserName": "q", "NewPath": "/"});
            world.service.iam("UpdateUser", body);
            // Whoever was let in under the old name goes on.
            world.service.be_caller(before);
            assert!(world.lets_in(door), "{what}");
            world.service.be(account, REGION);
            let keys = world
                .service
                .iam("ListAccessKeys", json!({"UserName": "q"}));
            let key = keys["AccessKeyMetadata"][0]["AccessKeyId"].clone();
            world.service.be_user(account, "q", key.as_str().unwrap());
            assert!(world.lets_in(door), "{what}");
            let now = if account == ACCOUNT {
                world.own("user/q")
            } else {
                name
            };
            assert_eq!(world.shown(door), [now.as_str()], "{what}");

            world.make(Who::User);
            world.be(Who::User, "p");
            assert!(!world.lets_in(door), "{what}");
            assert_eq!(world.shown(door), [now.as_str()], "{what}");
        }
    }
}

#[test]
fn a_name_that_nobody_of_another_account_has_yet_is_nobodys_until_it_is_written_again() {
    for who in [Who::User, Who::Role, Who::Session] {
        for door in DOORS {
            let mut world = World::new(OTHER_ACCOUNT);
            let name = world.name(who);
            world.write(door, "Allow", &name);
            assert_eq!(world.shown(door), [name.as_str()], "{who:?} {door:?}");
            world.make(who);
            world.be(who, "p");
            assert!(!world.lets_in(door), "{who:?} {door:?}");
            world.write(door, "Allow", &name);
            world.be(who, "p");
            assert!(world.lets_in(door), "{who:?} {door:?}");
        }
    }
}

#[test]
fn a_denial_of_somebody_who_is_not_there_yet_holds_once_they_are() {
    let mut world = World::new(OTHER_ACCOUNT);
    let name = world.name(Who::User);
    world.service.be(ACCOUNT, REGION);
    let of = |effect: &str, principal: &str| {
        json!({
            "Effect": effect, "Principal": {"AWS": principal}, "Action": "secretsmanager:DescribeSecret",
            "Resource": "*",
        })
    };
    for (statements, allowed) in [
        (vec![of("Allow", OTHER_ACCOUNT)], true),
        (vec![of("Allow", OTHER_ACCOUNT), of("Deny", &name)], false),
    ] {
        world.service.be(ACCOUNT, REGION);
        let body = json!({"SecretId": "s", "ResourcePolicy": document(&statements)});
        world.service.ok("PutResourcePolicy", body);
        world.make(Who::User);
        world.be(Who::User, "p");
        assert_eq!(world.lets_in(Door::Secret), allowed, "{statements:?}");
        world.unmake(Who::User, "p");
    }
}

#[test]
fn only_ids_of_ones_own_can_be_written_and_only_while_they_are_there() {
    for (who, door) in [
        (Who::User, Door::Secret),
        (Who::Role, Door::Key),
        (Who::Session, Door::Trust),
        (Who::User, Door::Trust),
    ] {
        let mut world = World::new(ACCOUNT);
        let id = world.make(who);
        world.write(door, "Allow", &id);
        world.be(who, "p");
        assert!(world.lets_in(door), "{who:?}");
        let name = world.name(who);
        assert_eq!(world.shown(door), [name.as_str()], "{who:?}");
        world.unmake(who, "p");
        assert_eq!(world.shown(door), [id.as_str()], "{who:?}");
    }
    for account in [ACCOUNT, OTHER_ACCOUNT] {
        let mut world = World::new(account);
        let id = world.make(Who::User);
        if account == ACCOUNT {
            world.unmake(Who::User, "p");
        }
        world.service.be(ACCOUNT, REGION);
        let statement = json!({
            "Effect": "Allow", "Principal": {"AWS": id}, "Action": "secretsmanager:*", "Resource": "*",
        });
        let text = document(&[statement]);
        let body = json!({"SecretId": "s", "ResourcePolicy": text});
        assert_eq!(
            world.service.code("PutResourcePolicy", body),
            "MalformedPolicyDocumentException"
        );
        let body = json!({"KeyId": world.key, "Policy": text.replace("secretsmanager", "kms")});
        let put = world.service.ask_of(kms::OPERATIONS, "PutKeyPolicy", &body);
        assert_eq!(
            put.unwrap_err().code,
            "MalformedPolicyDocumentException",
            "{account}"
        );
    }
}

#[test]
fn the_retiring_principal_of_a_grant_is_who_it_was_when_the_grant_was_made() {
    let mut world = World::new(ACCOUNT);
    let name = world.name(Who::User);
    let retirable = |world: &mut World, name: &str| {
        world.service.be(ACCOUNT, REGION);
        let body = json!({"RetiringPrincipal": name});
        let listed = world
            .service
            .ask_of(kms::OPERATIONS, "ListRetirableGrants", &body);
        listed.unwrap()["Grants"].as_array().unwrap().len()
    };
    world.make(Who::User);
    world.write(Door::Grant, "Allow", &name);
    assert_eq!(retirable(&mut world, &name), 1);
    let body = json!({"UserName": "p", "NewUserName": "q"});
    world.service.iam("UpdateUser", body);
    assert_eq!(retirable(&mut world, &name), 0);
    assert_eq!(retirable(&mut world, &name.replace("/p", "/q")), 1);
    world.unmake(Who::User, "q");
    world.make(Who::User);
    assert_eq!(retirable(&mut world, &name), 0);
    world.write(Door::Grant, "Allow", &name);
    assert_eq!(retirable(&mut world, &name), 1);
}

#[test]
fn whoever_was_made_before_there_was_an_index_is_found_by_its_last_name() {
    for door in DOORS {
        let mut world = World::new(ACCOUNT);
        let name = world.name(Who::User);
        let id = world.make(Who::User);
        let account = AccountId::parse(ACCOUNT).unwrap();
        world.service.remove(Key::iam_id(&account, &id));
        world.write(door, "Allow", &name);
        world.be(Who::User, "p");
        assert!(world.lets_in(door), "{door:?}");
        assert_eq!(world.shown(door), [name.as_str()]);
        // A new name enters it.
        world
            .service
            .iam("UpdateUser", json!({"UserName": "p", "NewUserName": "q"}));
        assert_eq!(world.shown(door), [name.replace("/p", "/q")]);
    }
}

/// A record as the first format has it.
fn first_format(bytes: &[u8], fields: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    const NO_ROTATION_AND_NO_MASTERS: [u8; 2] = [0, 0];
    let second = match bytes[0] {
        2 => bytes,
        // A secret's.
        3 => bytes.strip_suffix(&NO_ROTATION_AND_NO_MASTERS).unwrap(),
        other => panic!("format {other}"),
    };
    [vec![1], fields(second[1..].to_vec())].concat()
}

#[test]
fn what_was_written_before_names_were_bound_goes_on_by_name() {
    let mut world = World::new(ACCOUNT);
    let name = world.name(Who::User);
    world.make(Who::User);
    let kinds = [
        ("secret", Door::Secret),
        ("kms-key", Door::Key),
        ("kms-grant", Door::Grant),
    ];
    for (kind, door) in kinds {
        world.write(door, "Allow", &name);
        let prefix = format!("{kind}\0");
        let binds = |bytes: &[u8]| bytes.windows(4).any(|each| each == b"AIDA");
        let mut stored = world.service.stored().into_iter();
        let found = stored.find(|(key, bytes)| key.starts_with(prefix.as_bytes()) && binds(bytes));
        let (key, bytes) = found.unwrap();
        // Bound to one principal: its name and, present, its id. Grants have theirs at the end, as policies of secrets.
        let id_at = |bytes: &[u8], nth: usize| {
            let found = bytes
                .windows(4)
                .enumerate()
                .filter(|(_, each)| each == b"AIDA");
            found.map(|(at, _)| at).nth(nth).unwrap()
        };
        const ID_BYTES: usize = 21;
        let old = first_format(&bytes, |mut fields| {
            if door == Door::Grant {
                // Twice: which of the names it is, the id's length, the id.
                fields.truncate(id_at(&fields, 0) - 2);
                return fields;
            }
            let id = id_at(&fields, 0);
            // One binding: their number, the name's length and the name, that there is an id, its length, the id.
            let start = id - 2 - name.len() - 2;
            assert_eq!(fields[start], 1, "{door:?}");
            fields.drain(start..id + ID_BYTES);
            fields
        });
        world.service.overwrite(&key, old);
        world.be(Who::User, "p");
        assert!(world.lets_in(door), "{door:?}");
        world.unmake(Who::User, "p");
        world.make(Who::User);
        if door == Door::Grant {
            // Its index had the name, too.
            continue;
        }
        world.be(Who::User, "p");
        assert!(world.lets_in(door), "{door:?}");
        assert_eq!(world.shown(door), [name.as_str()]);
    }
}

#[test]
fn an_entry_of_the_index_is_read_only_from_its_own_place() {
    let mut world = World::new(ACCOUNT);
    let id = world.make(Who::User);
    let account = AccountId::parse(ACCOUNT).unwrap();
    let entry = world
        .service
        .read::<iam::unique_id::UniqueId>(Key::iam_id(&account, &id))
        .unwrap();
    assert_eq!(entry.name, "p");
    let bytes = entry.encode().unwrap();
    let elsewhere = Key::iam_id(&account, "AIDAANOTHER");
    assert!(iam::unique_id::UniqueId::decode_at(elsewhere.as_bytes(), &bytes).is_err());
}
