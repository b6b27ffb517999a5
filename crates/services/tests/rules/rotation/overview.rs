//! What there is to say of a secret's rotation at a glance, and its timeline.

use std::time::Duration;

use serde_json::{Value, json};
use strongroom_services::records::Key;
use strongroom_services::rotation::overview::{Listing, Overview, Shown, State};
use strongroom_services::rotation::timeline::{Run, RunState};
use strongroom_services::secretsmanager::secret::Secret;

use super::rotating::{FUNCTION, failed, rotate, service, work_off, work_off_all};
use crate::harness::{ACCOUNT, OTHER_ACCOUNT, REGION, Service, V1, V2, V3, caller};

fn shown(service: &Service) -> Shown {
    let owner = caller(ACCOUNT, REGION);
    let place = Key::secret(&owner.account, &owner.region, "s");
    let secret = service.read::<Secret>(place).unwrap();
    service.with_records(|records| Shown::of(&secret, records, service.now).unwrap())
}

fn state(service: &Service) -> State {
    shown(service).overview.state
}

/// As a console would read it.
fn json_of(service: &Service) -> Value {
    let shown = shown(service);
    let json = serde_json::to_value(&shown).unwrap();
    assert_eq!(
        serde_json::from_value::<Shown>(json.clone()).unwrap(),
        whole_seconds(shown)
    );
    json
}

/// Instants are written without parts of a second.
fn whole_seconds(shown: Shown) -> Shown {
    serde_json::from_str(&serde_json::to_string(&shown).unwrap()).unwrap()
}

#[test]
fn a_rotation_is_off_waits_runs_is_tried_again_and_fails() {
    let mut service = service();
    assert_eq!(state(&service), State::Off);
    rotate(&mut service, V2, json!({}));
    assert_eq!(state(&service), State::Running);
    let work = service.take_step().unwrap();
    service.pass(Duration::from_secs(2));
    let under_way = shown(&service).overview.under_way.unwrap();
    assert_eq!(
        (under_way.step.as_str(), under_way.attempt),
        ("createSecret", 1)
    );
    assert_eq!(under_way.running_since, Some(work.started));
    service.settle_step(&work, failed("no database"), "");
    let overview = shown(&service).overview;
    assert_eq!(overview.state, State::Retrying);
    let under_way = overview.under_way.unwrap();
    assert_eq!((under_way.attempt, under_way.running_since), (2, None));
    assert_eq!(
        under_way.at,
        Some(service.now.after(Duration::from_secs(5)))
    );
    assert_eq!(overview.failing.unwrap().error, "ValueError: no database");
    assert_eq!(overview.pending, None, "it is worked on");
    for wait in [5, 30, 120, 600] {
        service.pass(Duration::from_secs(wait));
        let work = service.take_step().unwrap();
        service.settle_step(&work, failed("Unable to log into database"), "");
    }
    let overview = shown(&service).overview;
    assert_eq!(overview.state, State::Failing);
    assert!(overview.pending.is_some() && overview.next.is_some());
    let failing = overview.failing.unwrap();
    assert_eq!(failing.rotations, 1);
    assert!(failing.remedy.unwrap().contains("PutSecretValue"));
    rotate(&mut service, V2, json!({}));
    work_off_all(&mut service);
    let overview = shown(&service).overview;
    assert_eq!((overview.state, overview.failing), (State::Waiting, None));
    assert_eq!(overview.last_rotated, Some(service.now));
    assert_eq!(overview.function.as_deref(), Some(FUNCTION));
    assert_eq!(overview.schedule.as_deref(), Some("every 30 days"));
    let next = overview.next.unwrap();
    assert!(next.from <= next.at && next.at < next.until && service.now < next.from);
    service.ok("CancelRotateSecret", json!({"SecretId": "s"}));
    assert_eq!(state(&service), State::Off);
}

#[test]
fn a_timeline_has_the_running_rotation_first_and_of_each_step_what_it_came_to() {
    let mut service = service();
    rotate(&mut service, V2, json!({}));
    work_off_all(&mut service);
    rotate(&mut service, V3, json!({"RotationLambdaARN": FUNCTION}));
    let work = service.take_step().unwrap();
    let work = work_off(&mut service, &work).unwrap();
    service.settle_step(&work, failed(&format!("can't set new-{V3}")), "one\ntwo\n");
    let runs: Vec<Run> = shown(&service).runs;
    let states: Vec<RunState> = runs.iter().map(|run| run.state).collect();
    assert_eq!(states, [RunState::Retrying, RunState::Succeeded]);
    let steps = &runs[0].steps;
    assert_eq!(steps.len(), 2);
    assert!(steps[0].succeeded && !steps[1].succeeded);
    assert_eq!(
        steps[1].error.as_deref(),
        Some("ValueError: can't set ****")
    );
    assert!(steps[1].remedy.is_some());
    assert_eq!(
        (steps[1].took_milliseconds, &steps[1].log[..]),
        (7, &["one".to_owned(), "two".to_owned()][..])
    );
    let json = json_of(&service);
    assert_eq!(json["Overview"]["State"], json!("Retrying"));
    assert_eq!(json["Runs"][0]["Steps"][1]["Step"], json!("setSecret"));
    assert_eq!(json["Runs"][0]["Number"].as_str().unwrap().len(), 16);
    assert!(json["Runs"][1]["Finished"].as_str().unwrap().ends_with('Z'));
    assert!(
        !json.to_string().contains("new-"),
        "no value is told: {json}"
    );
}

fn listed(service: &Service, listing: &Listing, most: usize) -> Vec<Overview> {
    service.with_records(|records| listing.read(most, records, service.now).unwrap())
}

#[test]
fn a_list_has_what_rotation_was_asked_for_by_account_region_and_trouble_page_by_page() {
    let mut service = service();
    for (account, region, name) in [
        (ACCOUNT, REGION, "one"),
        (ACCOUNT, "eu-west-1", "two"),
        (OTHER_ACCOUNT, REGION, "three"),
    ] {
        service.be(account, region);
        service.ok(
            "CreateSecret",
            json!({"Name": name, "ClientRequestToken": V1, "SecretString": "v"}),
        );
        let function = format!("arn:aws:lambda:{region}:{account}:function:f");
        service.ok(
            "RotateSecret",
            json!({"SecretId": name, "ClientRequestToken": V2, "RotationLambdaARN": function,
                "RotationRules": {"AutomaticallyAfterDays": 1}}),
        );
    }
    // Without a rotation ever asked for, as `s` is, a label of its own is nobody's trouble.
    service.be(ACCOUNT, REGION);
    service.put(V2, "two", json!(["AWSPENDING"]));
    let names = |listing: &Listing, most: usize| -> Vec<String> {
        let found = listed(&service, listing, most).into_iter();
        found.map(|secret| secret.name).collect()
    };
    let all = Listing::default();
    assert_eq!(names(&all, 10), ["two", "one", "three"]);
    let page = listed(&service, &all, 2);
    let behind = Listing {
        after: Some(page[1].arn.clone()),
        ..Listing::default()
    };
    assert_eq!(names(&behind, 2), ["three"]);
    let of = |account: Option<&str>, region: Option<&str>| Listing {
        account: account.map(|id| caller(id, REGION).account),
        region: region.map(|region| caller(ACCOUNT, region).region),
        ..Listing::default()
    };
    assert_eq!(names(&of(Some(ACCOUNT), None), 10), ["two", "one"]);
    assert_eq!(names(&of(None, Some(REGION)), 10), ["one", "three"]);
    assert_eq!(names(&of(Some(ACCOUNT), Some(REGION)), 10), ["one"]);
    let failing = Listing {
        failing: true,
        ..Listing::default()
    };
    assert!(names(&failing, 10).is_empty(), "they run");
    service.ok("CancelRotateSecret", json!({"SecretId": "one"}));
    let found = listed(&service, &failing, 10);
    assert_eq!(found.len(), 1, "its version is left pending");
    assert_eq!(
        (found[0].name.as_str(), found[0].state),
        ("one", State::Off)
    );
}
