//! A version that a rotation left pending: what is said of it, and the two ways out.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_services::access::Problem;
use strongroom_services::records::Key;
use strongroom_services::rotation::function::Ran;
use strongroom_services::rotation::job::Trigger;
use strongroom_services::rotation::named::Named;
use strongroom_services::rotation::overview::Overview;
use strongroom_services::rotation::plan::RotationDue;
use strongroom_services::rotation::repair::{Advice, Pending, Repair, Way};
use strongroom_services::rotation::run::Ended;
use strongroom_services::secretsmanager::secret::Secret;

use super::rotating::{event, failed, last_run, rotate, service, work_off, work_off_all};
use crate::harness::{ACCOUNT, DAY, REGION, Service, V2, V3, caller};

/// What the steps before the one that fails come to, and then all attempts are used up.
fn fail_in(service: &mut Service, step: &str) {
    for wait in [0, 5, 30, 120, 600] {
        service.pass(Duration::from_secs(wait));
        let mut next = service.take_step();
        while let Some(work) = next {
            next = match event(&work)["Step"] == json!(step) {
                true => service.settle_step(&work, failed("no database"), ""),
                false => work_off(service, &work),
            };
        }
    }
    assert!(service.rotation_job().is_none());
}

/// A secret whose rotation to V2 failed in a step.
fn failed_in(step: &str) -> Service {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    fail_in(&mut service, step);
    service
}

fn secret(service: &Service) -> std::sync::Arc<Secret> {
    let owner = caller(ACCOUNT, REGION);
    let place = Key::secret(&owner.account, &owner.region, "s");
    service.read::<Secret>(place).unwrap()
}

fn pending(service: &Service) -> Option<Pending> {
    let secret = secret(service);
    let overview = service.with_records(|records| Overview::of(&secret, records, service.now));
    overview.unwrap().pending
}

fn asked(way: Option<Way>) -> Repair {
    let owner = caller(ACCOUNT, REGION);
    Repair {
        named: Named {
            secret: "s".to_owned(),
            account: Some(owner.account),
            region: Some(owner.region),
        },
        version_id: None,
        way,
        cancel: false,
        force: false,
    }
}

/// Carries it out and commits it.
fn repair(service: &mut Service, repair: &Repair) -> Result<Vec<String>, String> {
    let decided = service.with_records(|records| repair.carry_out(records, &service.means()));
    match decided {
        Ok((changes, repaired)) => {
            service.commit(changes);
            Ok(repaired.done)
        }
        Err(Problem::Asked(text)) => Err(text),
        Err(Problem::Unavailable(cause)) => panic!("{cause}"),
    }
}

#[test]
fn a_pending_version_is_explained_by_what_the_steps_came_to() {
    for (step, has_value, was_set, was_tested, advice, words) in [
        (
            "createSecret",
            false,
            false,
            false,
            Advice::Abandon,
            "has no value",
        ),
        (
            "setSecret",
            true,
            false,
            false,
            Advice::Abandon,
            "nothing says that it was set",
        ),
        (
            "testSecret",
            true,
            true,
            false,
            Advice::Retry,
            "but not that it passed its test",
        ),
        (
            "finishSecret",
            true,
            true,
            true,
            Advice::Finish,
            "passed its test",
        ),
    ] {
        let service = failed_in(step);
        let found = pending(&service).unwrap();
        assert_eq!(
            (
                found.has_value,
                found.was_set,
                found.was_tested,
                found.advice
            ),
            (has_value, was_set, was_tested, advice),
            "{step}"
        );
        assert!(found.explanation.contains(words), "{}", found.explanation);
        let left = found.left_by.unwrap();
        assert_eq!(
            (left.step.as_deref(), left.ended),
            (Some(step), Ended::Failed)
        );
        assert_eq!(left.error.as_deref(), Some("ValueError: no database"));
        assert!(!found.explanation.contains("new-"), "no value is told");
        assert!(
            found.tried_again.is_some(),
            "the next window goes on with it"
        );
    }
    let mut service = service();
    assert_eq!(pending(&service), None);
    service.await_value(V2);
    assert_eq!(pending(&service).unwrap().left_by, None);
}

#[test]
fn what_a_step_came_to_when_it_last_ran_counts() {
    let mut service = failed_in("finishSecret");
    rotate(&mut service, V2, json!({}));
    fail_in(&mut service, "testSecret");
    let found = pending(&service).unwrap();
    assert_eq!((found.was_tested, found.advice), (false, Advice::Retry));
}

#[test]
fn finishing_a_version_that_passed_its_test_counts_as_a_rotation() {
    let mut service = failed_in("finishSecret");
    let next_before = secret(&service).rotation.as_ref().unwrap().next.unwrap();
    service.pass(DAY);
    let done = repair(&mut service, &asked(Some(Way::Finish))).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
    let rotation = secret(&service).rotation.clone().unwrap();
    assert_eq!(
        (rotation.last_rotated, rotation.failing),
        (Some(service.now), None)
    );
    assert!(rotation.next.unwrap().window.from > next_before.window.from);
    let run = last_run(&service);
    assert_eq!(
        (run.trigger, run.ended),
        (Trigger::Operator, Ended::Succeeded)
    );
    assert_eq!(pending(&service), None);
    assert!(
        repair(&mut service, &asked(Some(Way::Finish)))
            .unwrap_err()
            .contains("no version of it is left pending")
    );
}

#[test]
fn finishing_what_no_test_passed_takes_force_and_a_value() {
    for (step, allowed) in [
        ("createSecret", false),
        ("setSecret", true),
        ("testSecret", true),
    ] {
        let mut service = failed_in(step);
        let mut finish = asked(Some(Way::Finish));
        let refused = repair(&mut service, &finish).unwrap_err();
        assert_eq!(refused.contains("--force"), allowed, "{step}: {refused}");
        assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
        finish.force = true;
        assert_eq!(repair(&mut service, &finish).is_ok(), allowed, "{step}");
    }
    let mut service = failed_in("finishSecret");
    service.pass(DAY);
    service.put(V3, "by hand", Value::Null);
    let found = pending(&service).unwrap();
    assert_eq!((found.is_overtaken, found.advice), (true, Advice::Abandon));
    assert!(
        repair(&mut service, &asked(Some(Way::Finish))).is_err(),
        "somebody put a newer value"
    );
}

#[test]
fn abandoning_loses_no_value_and_lets_the_next_rotation_begin_anew() {
    for (step, kept) in [("createSecret", false), ("testSecret", true)] {
        let mut service = failed_in(step);
        repair(&mut service, &asked(Some(Way::Abandon))).unwrap();
        assert_eq!(service.labels(), "1: AWSCURRENT", "{step}");
        assert_eq!(secret(&service).version(V2).is_some(), kept, "{step}");
        if kept {
            let value = service.ok("GetSecretValue", json!({"SecretId": "s", "VersionId": V2}));
            assert_eq!(value["SecretString"], json!(format!("new-{V2}")));
        }
        assert_eq!(last_run(&service).trigger, Trigger::Operator);
        rotate(&mut service, V3, json!({}));
        work_off_all(&mut service);
        assert_eq!(service.labels(), "1: AWSPREVIOUS, 3: AWSCURRENT");
    }
}

#[test]
fn nothing_is_repaired_while_a_rotation_runs_unless_it_is_cancelled() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let mut work = service.take_step().unwrap();
    for _ in 0..3 {
        work = work_off(&mut service, &work).unwrap();
    }
    let before = service.stored();
    for way in [Some(Way::Finish), Some(Way::Abandon), None] {
        let refused = repair(&mut service, &asked(way)).unwrap_err();
        assert!(refused.contains("--cancel"), "{refused}");
    }
    assert!(service.stored() == before);
    let mut finish = asked(Some(Way::Finish));
    finish.cancel = true;
    repair(&mut service, &finish).unwrap();
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
    assert!(service.rotation_job().is_none());
    // Whoever still runs the step is told nothing, and changes nothing.
    let before = service.stored();
    assert!(service.settle_step(&work, Ran::Done, "").is_none());
    assert!(service.stored() == before);
}

#[test]
fn a_scheduled_rotation_that_an_operator_cancels_is_planned_anew() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    work_off_all(&mut service);
    service.pass(DAY * 31);
    service.carry_out_due::<RotationDue>();
    assert!(service.rotation_job().is_some());
    let mut abandon = asked(Some(Way::Abandon));
    abandon.cancel = true;
    repair(&mut service, &abandon).unwrap();
    assert!(service.rotation_job().is_none());
    let rotation = secret(&service).rotation.clone().unwrap();
    assert!(rotation.enabled && rotation.next.unwrap().at > service.now);
    service.pass(DAY * 2);
    service.carry_out_due::<RotationDue>();
    assert_eq!(work_off_all(&mut service).len(), 4);
}

#[test]
fn only_the_version_that_was_looked_at_is_repaired() {
    let mut service = failed_in("finishSecret");
    for (version, is_repaired) in [(V3, false), (V2, true)] {
        let mut finish = asked(Some(Way::Finish));
        finish.version_id = Some(version.to_owned());
        assert_eq!(repair(&mut service, &finish).is_ok(), is_repaired);
    }
}

#[test]
fn a_secret_to_be_deleted_and_one_that_isn_t_there_can_t_be_repaired() {
    let mut service = failed_in("finishSecret");
    service.ok("DeleteSecret", json!({"SecretId": "s"}));
    let refused = repair(&mut service, &asked(Some(Way::Finish))).unwrap_err();
    assert!(refused.contains("RestoreSecret"), "{refused}");
    let mut absent = asked(Some(Way::Finish));
    absent.named.secret = "absent".to_owned();
    assert!(
        repair(&mut service, &absent)
            .unwrap_err()
            .contains("there is no secret absent")
    );
}
