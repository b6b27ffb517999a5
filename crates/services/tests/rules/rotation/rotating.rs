//! RotateSecret, CancelRotateSecret, and what becomes of a rotation step by step.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_keys::SecretBytes;
use strongroom_services::lambda::elsewhere::Elsewhere;
use strongroom_services::records::Key;
use strongroom_services::rotation::function::{NotRun, Ran};
use strongroom_services::rotation::job::Work;
use strongroom_services::rotation::plan::RotationDue;
use strongroom_services::rotation::run::{self, Ended, RotationRun};
use strongroom_services::secretsmanager::secret::Secret;

use crate::harness::{
    ACCOUNT, DAY, DENIED, EXISTS, MARKED, NOT_FOUND, PARAMETER, REGION, REQUEST, Service, V1, V2,
    V3, V4, VALIDATION, caller,
};

pub(super) const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:rotate";
const UNFINISHED: &str = "A previous rotation isn't complete. That rotation will be reattempted.";

/// With the secret `s`, and functions that run outside.
pub(super) fn service() -> Service {
    let mut service = Service::with_secret();
    service.elsewhere = Elsewhere::of(Vec::new(), true);
    service
}

pub(super) fn rotate(service: &mut Service, token: &str, more: Value) -> Value {
    service.ok("RotateSecret", asked(token, more))
}

/// A request for a rotation of `s`, with the usual function and every 30 days where nothing else is said.
pub(super) fn asked(token: &str, more: Value) -> Value {
    let mut request = json!({
        "SecretId": "s", "ClientRequestToken": token, "RotationLambdaARN": FUNCTION,
        "RotationRules": {"AutomaticallyAfterDays": 30},
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        request[name] = value.clone();
    }
    request
}

pub(super) fn event(work: &Work) -> Value {
    serde_json::from_slice(work.event.expose()).unwrap()
}

pub(super) fn failed(message: &str) -> Ran {
    let payload = json!({"errorType": "ValueError", "errorMessage": message});
    Ran::Failed(SecretBytes::new(payload.to_string().into_bytes()))
}

/// Does what a function does that keeps to the protocol. Whether it goes on.
pub(super) fn work_off(service: &mut Service, work: &Work) -> Option<Box<Work>> {
    let event = event(work);
    let token = event["ClientRequestToken"].as_str().unwrap().to_owned();
    match event["Step"].as_str().unwrap() {
        "createSecret" => {
            let missing =
                json!({"SecretId": "s", "VersionId": token, "VersionStage": "AWSPENDING"});
            if service.ask("GetSecretValue", &missing).is_err() {
                service.ok(
                    "PutSecretValue",
                    json!({"SecretId": "s", "ClientRequestToken": token, "SecretString": format!("new-{token}"),
                        "VersionStages": ["AWSPENDING"], "RotationToken": event["RotationToken"]}),
                );
            }
        }
        "finishSecret" => {
            let described = service.describe();
            let stages = described["VersionIdsToStages"].as_object().unwrap();
            let holds = |(id, labels): (&String, &Value)| {
                labels
                    .as_array()
                    .unwrap()
                    .contains(&json!("AWSCURRENT"))
                    .then(|| id.clone())
            };
            let current = stages.iter().find_map(holds);
            service.ok(
                "UpdateSecretVersionStage",
                json!({"SecretId": "s", "VersionStage": "AWSCURRENT", "MoveToVersionId": token,
                    "RemoveFromVersionId": current}),
            );
        }
        _ => {}
    }
    service.settle_step(work, Ran::Done, "")
}

/// Works off everything that is due now; the names of the steps.
pub(super) fn work_off_all(service: &mut Service) -> Vec<String> {
    let mut steps = Vec::new();
    let mut next = service.take_step();
    while let Some(work) = next {
        steps.push(event(&work)["Step"].as_str().unwrap().to_owned());
        next = work_off(service, &work).or_else(|| service.take_step());
    }
    steps
}

/// Fails in the first step of each attempt; how many there were.
fn fail_until_given_up(service: &mut Service) -> u32 {
    let mut attempts = 0;
    for wait in [0, 5, 30, 120, 600] {
        service.pass(Duration::from_secs(wait));
        if let Some(work) = service.take_step() {
            attempts += 1;
            service.settle_step(&work, failed("down"), "");
        }
    }
    attempts
}

pub(super) fn runs(service: &Service) -> Vec<RotationRun> {
    let owner = caller(ACCOUNT, REGION);
    let secret = Key::secret(&owner.account, &owner.region, "s");
    let secret = service.read::<Secret>(secret).unwrap();
    service.with_records(|records| {
        let runs = run::of_secret(&secret, records).unwrap();
        runs.iter().map(|run| RotationRun::clone(run)).collect()
    })
}

pub(super) fn last_run(service: &Service) -> RotationRun {
    runs(service).remove(0)
}

fn told(service: &mut Service) -> Vec<&'static str> {
    service.events.drain(..).map(|event| event.name).collect()
}

const FOUR: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];

#[test]
fn a_rotation_makes_an_empty_pending_version_before_its_first_step() {
    let mut service = service();
    let answer = rotate(&mut service, V2, json!({}));
    let arn = service.arn();
    assert_eq!(answer, json!({"ARN": arn, "Name": "s", "VersionId": V2}));
    assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
    for query in [
        json!({"SecretId": "s", "VersionId": V2}),
        json!({"SecretId": "s", "VersionStage": "AWSPENDING"}),
    ] {
        assert_eq!(service.code("GetSecretValue", query), NOT_FOUND);
    }
    let described = service.describe();
    assert_eq!(described["RotationEnabled"], json!(true));
    assert_eq!(described["RotationLambdaARN"], json!(FUNCTION));
    assert_eq!(
        described["RotationRules"],
        json!({"AutomaticallyAfterDays": 30})
    );
    assert!(described.get("LastRotatedDate").is_none());
    let listed = service.ok("ListSecrets", json!({}))["SecretList"][0].clone();
    for member in [
        "RotationEnabled",
        "RotationLambdaARN",
        "RotationRules",
        "NextRotationDate",
    ] {
        assert_eq!(listed[member], described[member], "{member}");
    }
}

#[test]
fn a_function_is_given_exactly_the_four_keys_of_each_step() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let arn = service.arn();
    let mut next = service.take_step();
    let mut steps = Vec::new();
    while let Some(work) = next {
        assert_eq!(work.function.to_string(), FUNCTION);
        let event = event(&work);
        let members: Vec<&String> = event.as_object().unwrap().keys().collect();
        assert_eq!(
            members,
            ["ClientRequestToken", "RotationToken", "SecretId", "Step"]
        );
        assert_eq!(
            (&event["SecretId"], &event["ClientRequestToken"]),
            (&json!(arn), &json!(V2))
        );
        let token = event["RotationToken"].as_str().unwrap();
        assert!((36..=256).contains(&token.len()));
        steps.push(event["Step"].as_str().unwrap().to_owned());
        next = work_off(&mut service, &work);
    }
    assert_eq!(steps, FOUR);
}

#[test]
fn a_rotation_that_ends_well_leaves_the_new_version_current_and_no_label_pending() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    service.pass(Duration::from_secs(3));
    assert_eq!(work_off_all(&mut service), FOUR);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
    let described = service.describe();
    let now = service.now.milliseconds() as f64 / 1000.0;
    assert_eq!(described["LastRotatedDate"].as_f64(), Some(now));
    assert_eq!(described["LastChangedDate"].as_f64(), Some(now));
    assert!(service.rotation_job().is_none());
    assert!(service.take_step().is_none());
    assert_eq!(told(&mut service), ["RotationStarted", "RotationSucceeded"]);
    let run = last_run(&service);
    assert_eq!((run.ended, run.version_id.as_str()), (Ended::Succeeded, V2));
    assert_eq!(run.steps.len(), 4);
    assert!(
        run.steps
            .iter()
            .all(|step| step.took_milliseconds == 7 && step.trouble.is_none())
    );
}

#[test]
fn a_secret_without_a_value_gets_its_first_from_a_rotation() {
    let mut service = Service::new();
    service.elsewhere = Elsewhere::of(Vec::new(), true);
    service.ok(
        "CreateSecret",
        json!({"Name": "s", "ClientRequestToken": V1}),
    );
    rotate(&mut service, V1, json!({}));
    assert_eq!(work_off_all(&mut service), FOUR);
    assert_eq!(service.labels(), "1: AWSCURRENT");
}

#[test]
fn a_failed_attempt_begins_again_with_the_first_step_and_the_same_version() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let work = service.take_step().unwrap();
    let work = work_off(&mut service, &work).unwrap();
    assert_eq!(event(&work)["Step"], json!("setSecret"));
    assert!(
        service
            .settle_step(&work, failed("no database"), "")
            .is_none()
    );
    assert!(service.take_step().is_none(), "it waits");
    assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
    service.pass(Duration::from_secs(5));
    assert_eq!(work_off_all(&mut service), FOUR);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
    let run = last_run(&service);
    let attempts: Vec<u32> = run.steps.iter().map(|step| step.attempt).collect();
    assert_eq!(attempts, [1, 1, 2, 2, 2, 2]);
    assert_eq!(
        run.steps[1].trouble.as_ref().unwrap().error,
        "ValueError: no database"
    );
    assert_eq!(
        told(&mut service),
        ["RotationStarted", "RotationFailed", "RotationSucceeded"]
    );
}

#[test]
fn a_rotation_is_given_up_after_five_attempts_and_shows_since_when_it_fails() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let started = service.now;
    let mut attempts = 0;
    for wait in [0, 5, 30, 120, 600, 3600] {
        service.pass(Duration::from_secs(wait));
        if let Some(work) = service.take_step() {
            attempts += 1;
            assert_eq!(event(&work)["Step"], json!("createSecret"));
            service.settle_step(&work, failed("Unable to log into database"), "");
        }
    }
    assert_eq!(attempts, 5);
    assert!(service.rotation_job().is_none());
    assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
    let run = last_run(&service);
    assert_eq!(run.ended, Ended::Failed);
    let trouble = run.trouble.unwrap();
    assert!(
        trouble.remedy.contains("PutSecretValue"),
        "{}",
        trouble.remedy
    );
    let owner = caller(ACCOUNT, REGION);
    let secret = Key::secret(&owner.account, &owner.region, "s");
    let rotation = service
        .read::<Secret>(secret)
        .unwrap()
        .rotation
        .clone()
        .unwrap();
    let failing = rotation.failing.unwrap();
    assert_eq!((failing.since, failing.rotations), (started, 1));
    let errors: Vec<_> = service
        .events
        .iter()
        .filter_map(|event| event.error.clone())
        .collect();
    assert_eq!(
        errors[0],
        format!("Error when executing lambda {FUNCTION} during createSecret step")
    );

    // Whoever asks for another rotation gets this one tried again.
    let refused = service
        .ask("RotateSecret", &asked(V3, json!({})))
        .unwrap_err();
    assert_eq!(
        (refused.code, refused.message.as_deref()),
        (REQUEST, Some(UNFINISHED))
    );
    assert_eq!(work_off_all(&mut service), FOUR);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
    let secret = Key::secret(&owner.account, &owner.region, "s");
    let rotation = service
        .read::<Secret>(secret)
        .unwrap()
        .rotation
        .clone()
        .unwrap();
    assert_eq!(rotation.failing, None);
}

#[test]
fn while_a_rotation_runs_another_is_refused_and_a_repeated_request_is_answered_alike() {
    let mut service = service();
    let first = rotate(&mut service, V2, json!({}));
    for _ in 0..2 {
        assert_eq!(
            service.refused("RotateSecret", asked(V3, json!({}))),
            (REQUEST, UNFINISHED.to_owned())
        );
        let changed = asked(
            V3,
            json!({"RotationRules": {"AutomaticallyAfterDays": 7}, "RotateImmediately": false}),
        );
        assert_eq!(service.code("RotateSecret", changed), REQUEST);
        assert_eq!(rotate(&mut service, V2, json!({})), first);
        let work = service.take_step();
        if let Some(work) = work {
            work_off(&mut service, &work);
        }
    }
    assert_eq!(service.rotation_job().unwrap().attempt, 1);
}

#[test]
fn a_request_repeated_after_its_rotation_is_answered_alike_and_rotates_nothing() {
    let mut service = service();
    let first = rotate(&mut service, V2, json!({}));
    work_off_all(&mut service);
    assert_eq!(rotate(&mut service, V2, json!({})), first);
    assert!(service.rotation_job().is_none());
    assert_eq!(service.code("RotateSecret", asked(V1, json!({}))), EXISTS);
}

#[test]
fn a_step_whose_worker_died_is_run_again() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let taken = service.take_step().unwrap();
    assert!(service.take_step().is_none(), "it is taken");
    service.pass(Duration::from_secs(16 * 60));
    let again = service.take_step().unwrap();
    assert_eq!(event(&again)["Step"], json!("createSecret"));
    // The first worker was only slow; its word doesn't count any more.
    assert!(service.settle_step(&taken, failed("late"), "").is_none());
    assert!(service.rotation_job().unwrap().steps.is_empty());
    assert!(work_off(&mut service, &again).is_some());
}

#[test]
fn a_function_that_is_busy_is_asked_again_soon_without_an_attempt_being_counted() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    for wait in [1, 2, 4] {
        let work = service.take_step().unwrap();
        let ran = Ran::NotRun {
            why: NotRun::Busy,
            text: "busy".to_owned(),
        };
        service.settle_step(&work, ran, "");
        assert!(service.take_step().is_none());
        service.pass(Duration::from_secs(wait));
    }
    assert_eq!(work_off_all(&mut service), FOUR);
    assert_eq!(last_run(&service).steps.len(), 4);
}

#[test]
fn a_finish_step_that_moves_nothing_is_a_failure_and_one_that_fails_after_it_moved_isn_t() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let mut work = service.take_step().unwrap();
    for _ in 0..3 {
        work = work_off(&mut service, &work).unwrap();
    }
    assert!(service.settle_step(&work, Ran::Done, "").is_none());
    assert_eq!(service.rotation_job().unwrap().attempt, 2);
    service.pass(Duration::from_secs(5));
    let mut work = service.take_step().unwrap();
    for _ in 0..3 {
        work = work_off(&mut service, &work).unwrap();
    }
    service.ok(
        "UpdateSecretVersionStage",
        json!({"SecretId": "s", "VersionStage": "AWSCURRENT", "MoveToVersionId": V2, "RemoveFromVersionId": V1}),
    );
    assert!(
        service
            .settle_step(&work, failed("after all"), "")
            .is_none()
    );
    assert_eq!(last_run(&service).ended, Ended::Succeeded);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
}

#[test]
fn another_current_value_abandons_the_rotation() {
    for filled in [false, true] {
        let mut service = service();
        rotate(&mut service, V2, json!({}));
        let mut work = service.take_step().unwrap();
        if filled {
            work = work_off(&mut service, &work).unwrap();
        }
        service.put(V3, "by hand", json!(null));
        service.settle_step(&work, Ran::Done, "");
        assert_eq!(
            service.labels(),
            "1: AWSPREVIOUS, 3: AWSCURRENT",
            "{filled}"
        );
        assert_eq!(last_run(&service).ended, Ended::Abandoned);
        assert_eq!(told(&mut service), ["RotationStarted", "RotationAbandoned"]);
        assert!(service.take_step().is_none());
        rotate(&mut service, V4, json!({}));
        assert_eq!(work_off_all(&mut service), FOUR);
    }
}

#[test]
fn a_test_runs_only_its_step_on_a_copy_of_the_current_value() {
    let mut service = service();
    let answer = rotate(&mut service, V2, json!({"RotateImmediately": false}));
    assert_eq!(answer["VersionId"], json!(V2));
    assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
    let pending = json!({"SecretId": "s", "VersionId": V2, "VersionStage": "AWSPENDING"});
    assert_eq!(
        service.ok("GetSecretValue", pending.clone())["SecretString"],
        json!("one")
    );
    assert_eq!(work_off_all(&mut service), ["testSecret"]);
    assert_eq!(service.labels(), "1: AWSCURRENT");
    assert_eq!(service.code("GetSecretValue", pending), NOT_FOUND);
    assert_eq!(service.count("version"), 1);
    assert_eq!(
        told(&mut service),
        ["TestRotationStarted", "TestRotationSucceeded"]
    );
    let described = service.describe();
    assert_eq!(described["RotationEnabled"], json!(true));
    assert!(described.get("LastRotatedDate").is_none());
}

#[test]
fn a_test_that_fails_leaves_nothing_but_the_news() {
    let mut service = service();
    rotate(&mut service, V2, json!({"RotateImmediately": false}));
    let work = service.take_step().unwrap();
    assert!(
        service
            .settle_step(&work, failed("NotImplementedError"), "")
            .is_none()
    );
    assert_eq!(service.labels(), "1: AWSCURRENT");
    assert_eq!(service.count("version"), 1);
    assert_eq!(
        told(&mut service),
        ["TestRotationStarted", "TestRotationFailed"]
    );
    rotate(&mut service, V3, json!({}));
    assert_eq!(work_off_all(&mut service), FOUR);
}

#[test]
fn a_window_that_comes_while_the_function_is_tried_is_made_up_for_at_once() {
    let mut service = service();
    rotate(
        &mut service,
        V2,
        json!({"RotationRules": {"ScheduleExpression": "rate(1 day)"}, "RotateImmediately": false}),
    );
    let work = service.take_step().unwrap();
    service.pass(DAY * 2);
    service.carry_out_due::<RotationDue>();
    assert!(service.settle_step(&work, Ran::Done, "").is_none());
    service.carry_out_due::<RotationDue>();
    assert_eq!(work_off_all(&mut service), FOUR);
}

#[test]
fn cancelling_ends_the_rotation_and_leaves_labels_and_configuration() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let work = service.take_step().unwrap();
    let answer = service.ok("CancelRotateSecret", json!({"SecretId": "s"}));
    assert_eq!(answer["VersionId"], json!(V2));
    assert!(service.settle_step(&work, Ran::Done, "").is_none());
    assert!(service.take_step().is_none());
    assert_eq!(service.labels(), "1: AWSCURRENT, 2: AWSPENDING");
    let described = service.describe();
    assert_eq!(described["RotationEnabled"], json!(false));
    assert_eq!(described["RotationLambdaARN"], json!(FUNCTION));
    assert!(described.get("NextRotationDate").is_none());
    assert_eq!(last_run(&service).ended, Ended::Cancelled);
    service.pass(DAY * 60);
    service.carry_out_due::<RotationDue>();
    assert!(
        service.rotation_job().is_none(),
        "windows don't count any more"
    );
    // As often as one likes.
    service.ok("CancelRotateSecret", json!({"SecretId": "s"}));
    // What is kept is enough to go on.
    service.ok(
        "UpdateSecretVersionStage",
        json!({"SecretId": "s", "VersionStage": "AWSPENDING", "RemoveFromVersionId": V2}),
    );
    service.ok(
        "RotateSecret",
        json!({"SecretId": "s", "ClientRequestToken": V3}),
    );
    assert_eq!(work_off_all(&mut service), FOUR);
}

#[test]
fn a_secret_that_is_to_be_deleted_isn_t_rotated_and_one_that_is_restored_is() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let work = service.take_step().unwrap();
    service.ok("DeleteSecret", json!({"SecretId": "s"}));
    assert!(service.settle_step(&work, Ran::Done, "").is_none());
    assert_eq!(
        service.refused("RotateSecret", asked(V3, json!({}))),
        (REQUEST, MARKED.to_owned())
    );
    assert_eq!(
        service.refused("CancelRotateSecret", json!({"SecretId": "s"})),
        (REQUEST, MARKED.to_owned())
    );
    assert!(service.describe().get("NextRotationDate").is_none());
    assert_eq!(
        service.count("rotation-due") + service.count("rotation-step"),
        0
    );
    service.pass(DAY * 3);
    service.ok("RestoreSecret", json!({"SecretId": "s"}));
    assert!(service.describe().get("NextRotationDate").is_some());
    service.pass(DAY * 31);
    service.carry_out_due::<RotationDue>();
    assert_eq!(work_off_all(&mut service), FOUR);
}

#[test]
fn nothing_of_rotations_outlives_the_secret() {
    for forced in [true, false] {
        let mut service = service();
        rotate(&mut service, V2, json!({}));
        work_off_all(&mut service);
        rotate(&mut service, V3, json!({}));
        service.take_step();
        service.ok(
            "DeleteSecret",
            json!({"SecretId": "s", "ForceDeleteWithoutRecovery": forced}),
        );
        service.pass(DAY * 31);
        service.purge();
        for kind in [
            "rotation-due",
            "rotation-step",
            "rotation-job",
            "rotation-run",
            "secret",
            "version",
        ] {
            assert_eq!(service.count(kind), 0, "{kind} {forced}");
        }
    }
}

#[test]
fn a_secret_rotates_when_its_window_comes_and_then_in_the_next() {
    let mut service = service();
    rotate(
        &mut service,
        V2,
        json!({"RotationRules": {"ScheduleExpression": "rate(10 days)"}}),
    );
    work_off_all(&mut service);
    for _ in 0..3 {
        let next = service.describe()["NextRotationDate"].as_f64().unwrap();
        service.pass(DAY * 9);
        service.carry_out_due::<RotationDue>();
        assert!(service.rotation_job().is_none(), "not yet");
        service.pass(DAY * 2);
        service.carry_out_due::<RotationDue>();
        assert_eq!(service.labels().matches("AWSPENDING").count(), 1);
        assert_eq!(work_off_all(&mut service), FOUR);
        assert!(service.describe()["NextRotationDate"].as_f64().unwrap() > next);
        assert_eq!(service.count("rotation-due"), 1);
    }
    assert_eq!(runs(&service).len(), 4);
}

#[test]
fn a_window_that_finds_a_version_pending_goes_on_with_it() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    assert_eq!(fail_until_given_up(&mut service), 5);
    service.pass(DAY * 31);
    service.carry_out_due::<RotationDue>();
    assert_eq!(service.rotation_job().unwrap().version_id, V2);
    assert_eq!(work_off_all(&mut service), FOUR);
    assert_eq!(service.labels(), "1: AWSPREVIOUS, 2: AWSCURRENT");
}

#[test]
fn after_a_window_of_failures_the_date_stays_in_the_past_and_days_to_come_try_again() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    work_off_all(&mut service);
    let missed = service.describe()["NextRotationDate"].clone();
    service.pass(DAY * 31);
    for day in 0..4 {
        service.carry_out_due::<RotationDue>();
        assert!(fail_until_given_up(&mut service) > 0, "day {day}");
        assert!(service.rotation_job().is_none());
        assert_eq!(service.describe()["NextRotationDate"], missed);
        service.pass(DAY * 2);
    }
    service.carry_out_due::<RotationDue>();
    assert_eq!(work_off_all(&mut service), FOUR);
    assert!(service.describe()["NextRotationDate"].as_f64() > missed.as_f64());
}

#[test]
fn a_value_put_by_hand_counts_as_a_rotation_for_the_schedule() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    work_off_all(&mut service);
    let planned = service.describe()["NextRotationDate"].as_f64().unwrap();
    for (operation, request) in [
        (
            "PutSecretValue",
            json!({"SecretId": "s", "ClientRequestToken": V3, "SecretString": "x"}),
        ),
        (
            "UpdateSecret",
            json!({"SecretId": "s", "ClientRequestToken": V4, "SecretString": "y"}),
        ),
        (
            "UpdateSecretVersionStage",
            json!({"SecretId": "s", "VersionStage": "AWSCURRENT", "MoveToVersionId": V3, "RemoveFromVersionId": V4}),
        ),
    ] {
        let before = service.describe()["NextRotationDate"].as_f64().unwrap();
        service.pass(DAY);
        service.ok(operation, request);
        let after = service.describe()["NextRotationDate"].as_f64().unwrap();
        assert_eq!(after - before, 86_400.0, "{operation}");
        assert_eq!(service.count("rotation-due"), 1);
    }
    service.ok(
        "UpdateSecret",
        json!({"SecretId": "s", "Description": "no value"}),
    );
    let after = service.describe()["NextRotationDate"].as_f64().unwrap();
    assert_eq!(after - planned, 3.0 * 86_400.0);
}

#[test]
fn a_rotation_token_is_good_for_its_rotation_and_version_alone() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let work = service.take_step().unwrap();
    let token = event(&work)["RotationToken"].clone();
    let put = |version: &str, token: &Value| {
        json!({"SecretId": "s", "ClientRequestToken": version, "SecretString": "x", "VersionStages": ["AWSPENDING"],
            "RotationToken": token})
    };
    let mut forged = token.as_str().unwrap().to_owned();
    let last = forged.pop().unwrap();
    forged.push(if last == '0' { '1' } else { '0' });
    for wrong in [
        put(V3, &token),
        put(V2, &json!(forged)),
        put(V2, &json!("r".repeat(36))),
    ] {
        assert_eq!(service.code("PutSecretValue", wrong), REQUEST);
    }
    service.ok("PutSecretValue", put(V2, &token));
    work_off_all(&mut service);
    service.pass(Duration::from_secs(16 * 60));
    work_off_all(&mut service);
    rotate(&mut service, V4, json!({}));
    assert_eq!(service.code("PutSecretValue", put(V4, &token)), REQUEST);
}

#[test]
fn what_a_function_prints_of_the_secret_is_masked() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let work = service.take_step().unwrap();
    let work = work_off(&mut service, &work).unwrap();
    let value = format!("new-{V2}");
    let log = format!("START\nsetting {value} now\nEND\n");
    service.settle_step(&work, failed(&format!("refused {value}")), &log);
    let job = service.rotation_job().unwrap();
    let step = job.steps.last().unwrap();
    assert_eq!(step.log, "START\nsetting **** now\nEND\n");
    assert_eq!(
        step.trouble.as_ref().unwrap().error,
        "ValueError: refused ****"
    );
    let stored = service.stored();
    let holds = |bytes: &[u8]| {
        bytes
            .windows(value.len())
            .any(|part| part == value.as_bytes())
    };
    assert!(!stored.iter().any(|(_, bytes)| holds(bytes)));
}

#[test]
fn the_first_line_of_a_log_that_was_cut_is_left_out() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    let work = service.take_step().unwrap();
    let long = format!("{}\nthe end\n", "x".repeat(5000));
    service.settle_step(&work, Ran::Done, &long);
    assert_eq!(service.rotation_job().unwrap().steps[0].log, "the end\n");
}

#[test]
fn a_rotation_is_refused_as_aws_refuses_it() {
    let long = "x".repeat(2049);
    let other_region = FUNCTION.replace("us-east-1", "eu-west-1");
    for (more, code, text) in [
        (
            json!({"RotationLambdaARN": null}),
            REQUEST,
            "No Lambda rotation function ARN is associated with this secret.",
        ),
        (
            json!({"RotationRules": null}),
            PARAMETER,
            "You must specify when",
        ),
        (
            json!({"RotationRules": {}}),
            PARAMETER,
            "You must specify when",
        ),
        (
            json!({"RotationRules": {"Duration": "2h"}}),
            PARAMETER,
            "You must specify when",
        ),
        (
            json!({"RotationRules": {"AutomaticallyAfterDays": 1, "ScheduleExpression": "rate(1 day)"}}),
            PARAMETER,
            "You cannot specify both rotation frequency and schedule expression together.",
        ),
        (
            json!({"RotationRules": {"ScheduleExpression": "rate(3 hours)"}}),
            PARAMETER,
            "every 4 hours",
        ),
        (
            json!({"RotationRules": {"ScheduleExpression": "cron(5 8 ? * * *)"}}),
            PARAMETER,
            "minutes",
        ),
        (
            json!({"RotationRules": {"ScheduleExpression": "rate(1 day); x"}}),
            VALIDATION,
            "scheduleExpression",
        ),
        (
            json!({"RotationRules": {"AutomaticallyAfterDays": 0}}),
            VALIDATION,
            "automaticallyAfterDays",
        ),
        (
            json!({"RotationRules": {"AutomaticallyAfterDays": 1001}}),
            VALIDATION,
            "automaticallyAfterDays",
        ),
        (
            json!({"RotationRules": {"AutomaticallyAfterDays": 1, "Duration": "h"}}),
            VALIDATION,
            "duration",
        ),
        (
            json!({"RotationRules": {"AutomaticallyAfterDays": 1, "Duration": "0h"}}),
            PARAMETER,
            "hours",
        ),
        (
            json!({"RotationRules": {"AutomaticallyAfterDays": 1, "Duration": "25h"}}),
            PARAMETER,
            "window",
        ),
        (
            json!({"RotationLambdaARN": "rotate"}),
            PARAMETER,
            "ARN of a Lambda function",
        ),
        (
            json!({"RotationLambdaARN": other_region}),
            PARAMETER,
            "secret's Region",
        ),
        (
            json!({"RotationLambdaARN": long}),
            VALIDATION,
            "rotationLambdaARN",
        ),
        (
            json!({"ClientRequestToken": null}),
            REQUEST,
            "ClientRequestToken",
        ),
        (
            json!({"ClientRequestToken": "short"}),
            VALIDATION,
            "clientRequestToken",
        ),
        (
            json!({"ExternalSecretRotationMetadata": [{"Key": "", "Value": "v"}]}),
            VALIDATION,
            "key",
        ),
        (
            json!({"ExternalSecretRotationRoleArn": "arn"}),
            VALIDATION,
            "externalSecretRotationRoleArn",
        ),
    ] {
        let mut service = service();
        let (refused, message) = service.refused("RotateSecret", asked(V2, more.clone()));
        assert_eq!(refused, code, "{more}: {message}");
        assert!(message.contains(text), "{more}: {message}");
        assert!(service.describe().get("RotationEnabled").is_none());
    }
}

#[test]
fn a_function_that_nobody_answers_for_or_that_doesn_t_let_the_service_in_is_refused() {
    let mut service = Service::with_secret();
    let (code, message) = service.refused("RotateSecret", asked(V2, json!({})));
    assert_eq!(code, DENIED);
    assert!(
        message.contains("grants access to the principal secretsmanager.amazonaws.com"),
        "{message}"
    );
}

#[test]
fn a_rotation_of_a_secret_that_was_never_configured_can_t_be_cancelled() {
    let mut service = Service::with_secret();
    let (code, message) = service.refused("CancelRotateSecret", json!({"SecretId": "s"}));
    assert_eq!(code, REQUEST);
    assert!(
        message.starts_with("You tried to enable rotation on a secret that doesn't already have")
    );
}

#[test]
fn what_a_request_leaves_out_stays_as_it_was() {
    let mut service = service();
    let rules = json!({"ScheduleExpression": "cron(0 8 ? * MON *)", "Duration": "2h"});
    rotate(
        &mut service,
        V2,
        json!({"RotationRules": rules, "ExternalSecretRotationMetadata": [{"Key": "k", "Value": "v"}]}),
    );
    work_off_all(&mut service);
    service.ok(
        "RotateSecret",
        json!({"SecretId": "s", "ClientRequestToken": V3}),
    );
    let described = service.describe();
    let expected = json!({"AutomaticallyAfterDays": 7, "Duration": "2h", "ScheduleExpression": "cron(0 8 ? * MON *)"});
    assert_eq!(described["RotationRules"], expected);
    assert_eq!(
        described["ExternalSecretRotationMetadata"],
        json!([{"Key": "k", "Value": "v"}])
    );
    work_off_all(&mut service);
    // Rules are replaced as a whole.
    service.ok(
        "RotateSecret",
        json!({"SecretId": "s", "ClientRequestToken": V4, "RotationRules": {"AutomaticallyAfterDays": 3}}),
    );
    assert_eq!(
        service.describe()["RotationRules"],
        json!({"AutomaticallyAfterDays": 3})
    );
}

#[test]
fn a_built_in_function_rotates_without_anybody_being_asked() {
    let mut service = Service::with_secret();
    let function = FUNCTION.replace("rotate", "strongroom-random-value");
    let metadata = json!([{"Key": "PasswordLength", "Value": "40"}]);
    for (token, labels) in [
        (V2, "1: AWSPREVIOUS, 2: AWSCURRENT"),
        (V3, "2: AWSPREVIOUS, 3: AWSCURRENT"),
    ] {
        rotate(
            &mut service,
            token,
            json!({"RotationLambdaARN": function, "ExternalSecretRotationMetadata": metadata}),
        );
        let mut steps = 0;
        let mut next = service.take_step();
        while let Some(work) = next {
            steps += 1;
            next = service.carry_out_step(&work, None).unwrap();
        }
        assert_eq!(steps, 4);
        assert_eq!(service.labels(), labels);
        let value = service.ok("GetSecretValue", json!({"SecretId": "s"}));
        assert_eq!(value["SecretString"].as_str().unwrap().len(), 40);
    }
    let other = function.replace("123456789012", "210987654321");
    let request = asked(V4, json!({"RotationLambdaARN": other}));
    assert_eq!(service.code("RotateSecret", request), DENIED);
}

#[test]
fn the_timeline_keeps_the_newest_twenty_rotations() {
    let mut service = service();
    rotate(
        &mut service,
        V2,
        json!({"RotationRules": {"ScheduleExpression": "rate(1 day)"}}),
    );
    for _ in 0..25 {
        work_off_all(&mut service);
        service.pass(DAY * 2);
        service.carry_out_due::<RotationDue>();
    }
    let runs = runs(&service);
    assert_eq!(runs.len(), run::RUNS_KEPT);
    assert!(
        runs.windows(2)
            .all(|pair| pair[0].started > pair[1].started)
    );
}

#[test]
fn whoever_rotates_must_be_allowed_to_invoke_the_function_too() {
    for (statements, allowed) in [
        (
            json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]),
            true,
        ),
        (
            json!([{"Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*"}]),
            false,
        ),
        (
            json!([
                {"Effect": "Allow", "Action": "secretsmanager:RotateSecret", "Resource": "*",
                    "Condition": {"StringEquals": {"secretsmanager:RotationLambdaARN": FUNCTION},
                        "Bool": {"secretsmanager:ModifyRotationRules": "true", "secretsmanager:RotateImmediately": "true"}}},
                {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": FUNCTION},
            ]),
            true,
        ),
        (
            json!([
                {"Effect": "Allow", "Action": "*", "Resource": "*"},
                {"Effect": "Deny", "Action": "secretsmanager:RotateSecret", "Resource": "*",
                    "Condition": {"Bool": {"secretsmanager:ModifyRotationRules": "true"}}},
            ]),
            false,
        ),
    ] {
        let mut service = service();
        let iam = strongroom_services::iam::OPERATIONS;
        let alice = json!({"UserName": "alice"});
        service.ask_of(iam, "CreateUser", &alice).unwrap();
        let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let policy = json!({"UserName": "alice", "PolicyName": "p", "PolicyDocument": policy});
        service.ask_of(iam, "PutUserPolicy", &policy).unwrap();
        let key = service.ask_of(iam, "CreateAccessKey", &alice).unwrap();
        let id = key["AccessKey"]["AccessKeyId"].as_str().unwrap().to_owned();
        service.be_user(ACCOUNT, "alice", &id);
        let asked = service.ask("RotateSecret", &asked(V2, json!({})));
        assert_eq!(asked.is_ok(), allowed, "{statements}: {asked:?}");
    }
}
