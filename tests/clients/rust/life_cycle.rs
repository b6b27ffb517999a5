//! The life of a secret by the AWS SDK for Rust, which is told of the server by its environment:
//! `python tests/support/with_server.py cargo test`.
#![cfg(test)]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU32, Ordering};

use aws_sdk_secretsmanager::config::{BehaviorVersion, Credentials, Region, retry::RetryConfig};
use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_sdk_secretsmanager::operation::RequestId;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_secretsmanager::types::{Filter, FilterNameStringType, SortByType, SortOrderType, Tag};
use aws_sdk_secretsmanager::{Client, Config};

fn environment(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by with_server.py"))
}

fn client_with(secret_access_key: String) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(environment("AWS_ENDPOINT_URL"))
        .region(Region::new(environment("AWS_REGION")))
        .credentials_provider(Credentials::new(
            environment("AWS_ACCESS_KEY_ID"),
            secret_access_key,
            None,
            None,
            "environment",
        ))
        .retry_config(RetryConfig::disabled())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

fn client() -> Client {
    client_with(environment("AWS_SECRET_ACCESS_KEY"))
}

/// A name of its own for each secret, so that the tests don't meet.
fn new_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    format!(
        "rust/{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

async fn value_of(client: &Client, id: &str) -> String {
    let got = client
        .get_secret_value()
        .secret_id(id)
        .send()
        .await
        .unwrap();
    got.secret_string().unwrap().to_owned()
}

async fn stages(client: &Client, id: &str) -> HashMap<String, Vec<String>> {
    let described = client.describe_secret().secret_id(id).send().await.unwrap();
    described
        .version_ids_to_stages()
        .cloned()
        .unwrap_or_default()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn filter(key: FilterNameStringType, value: &str) -> Filter {
    Filter::builder().key(key).values(value).build()
}

#[tokio::test]
async fn a_string_is_created_and_read() {
    let client = client();
    let name = new_name();
    let made = client
        .create_secret()
        .name(&name)
        .secret_string(r#"{"username":"admin"}"#)
        .send()
        .await
        .unwrap();
    let got = client
        .get_secret_value()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(got.secret_string(), Some(r#"{"username":"admin"}"#));
    assert_eq!(got.version_stages(), ["AWSCURRENT"]);
    assert_eq!(got.version_id(), made.version_id());
    assert_eq!(got.arn(), made.arn());
    assert!(got.secret_binary().is_none());
    assert!(got.created_date().is_some());
    assert!(got.request_id().is_some());
}

#[tokio::test]
async fn bytes_are_created_and_read() {
    let client = client();
    let name = new_name();
    let bytes: Vec<u8> = (0..=255).collect();
    client
        .create_secret()
        .name(&name)
        .secret_binary(Blob::new(bytes.clone()))
        .send()
        .await
        .unwrap();
    let got = client
        .get_secret_value()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(got.secret_binary().unwrap().as_ref(), bytes);
    assert!(got.secret_string().is_none());
}

#[tokio::test]
async fn an_update_makes_the_value_current_and_a_rollback_brings_the_old_one_back() {
    let client = client();
    let name = new_name();
    let made = client
        .create_secret()
        .name(&name)
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let first = made.version_id().unwrap();
    let updated = client
        .update_secret()
        .secret_id(&name)
        .secret_string("two")
        .send()
        .await
        .unwrap();
    let second = updated.version_id().unwrap();
    assert_eq!(value_of(&client, &name).await, "two");
    client
        .update_secret_version_stage()
        .secret_id(&name)
        .version_stage("AWSCURRENT")
        .move_to_version_id(first)
        .remove_from_version_id(second)
        .send()
        .await
        .unwrap();
    assert_eq!(value_of(&client, &name).await, "one");
    let labels = stages(&client, &name).await;
    assert_eq!(labels[first], ["AWSCURRENT"]);
    assert_eq!(labels[second], ["AWSPREVIOUS"]);
    let versions = client
        .list_secret_version_ids()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(versions.versions().len(), 2);
}

#[tokio::test]
async fn a_version_is_put_under_a_label_of_its_own() {
    let client = client();
    let name = new_name();
    client
        .create_secret()
        .name(&name)
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let put = client
        .put_secret_value()
        .secret_id(&name)
        .secret_string("blue")
        .version_stages("blue")
        .send()
        .await
        .unwrap();
    assert_eq!(put.version_stages(), ["blue"]);
    assert_eq!(value_of(&client, &name).await, "one");
    let got = client
        .get_secret_value()
        .secret_id(&name)
        .version_stage("blue")
        .send()
        .await
        .unwrap();
    assert_eq!(got.secret_string(), Some("blue"));
}

#[tokio::test]
async fn many_are_read_at_once_each_with_its_own_error() {
    let client = client();
    let (first, second) = (new_name(), new_name());
    for name in [&first, &second] {
        client
            .create_secret()
            .name(name)
            .secret_string(name)
            .send()
            .await
            .unwrap();
    }
    let answer = client
        .batch_get_secret_value()
        .secret_id_list(&first)
        .secret_id_list(&second)
        .secret_id_list("rust/nothing")
        .send()
        .await
        .unwrap();
    let values: HashSet<_> = answer
        .secret_values()
        .iter()
        .filter_map(|value| value.secret_string())
        .collect();
    assert_eq!(values, HashSet::from([first.as_str(), second.as_str()]));
    assert_eq!(answer.errors().len(), 1);
    assert_eq!(
        answer.errors()[0].error_code(),
        Some("ResourceNotFoundException")
    );
}

#[tokio::test]
async fn a_listing_comes_filtered_ordered_and_in_pages() {
    let client = client();
    let group = format!("{}/list/", new_name());
    for name in ["c", "a", "b"] {
        client
            .create_secret()
            .name(format!("{group}{name}"))
            .secret_string(name)
            .send()
            .await
            .unwrap();
    }
    let mut pages = client
        .list_secrets()
        .filters(filter(FilterNameStringType::Name, &group))
        .sort_by(SortByType::Name)
        .sort_order(SortOrderType::Asc)
        .max_results(2)
        .into_paginator()
        .send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        names.push(
            page.secret_list()
                .iter()
                .map(|entry| entry.name().unwrap().replace(&group, ""))
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(names, [vec!["a", "b"], vec!["c"]]);
}

#[tokio::test]
async fn tags_are_set_and_taken_away() {
    let client = client();
    let name = new_name();
    client
        .create_secret()
        .name(&name)
        .tags(tag("env", "prod"))
        .send()
        .await
        .unwrap();
    client
        .tag_resource()
        .secret_id(&name)
        .tags(tag("owner", "core"))
        .send()
        .await
        .unwrap();
    client
        .untag_resource()
        .secret_id(&name)
        .tag_keys("env")
        .send()
        .await
        .unwrap();
    let described = client
        .describe_secret()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(described.tags(), [tag("owner", "core")]);
    assert!(described.version_ids_to_stages().is_none());
}

#[tokio::test]
async fn a_policy_is_checked_kept_and_deleted() {
    let client = client();
    let name = new_name();
    let made = client
        .create_secret()
        .name(&name)
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let account = made.arn().unwrap().split(':').nth(4).unwrap();
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"secretsmanager:GetSecretValue","Resource":"*"}}]}}"#
    );
    let checked = client
        .validate_resource_policy()
        .resource_policy(&policy)
        .send()
        .await
        .unwrap();
    assert!(checked.policy_validation_passed());
    client
        .put_resource_policy()
        .secret_id(&name)
        .resource_policy(&policy)
        .block_public_policy(true)
        .send()
        .await
        .unwrap();
    let got = client
        .get_resource_policy()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(got.resource_policy(), Some(policy.as_str()));
    client
        .delete_resource_policy()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    let gone = client
        .get_resource_policy()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(gone.resource_policy(), None);
}

#[tokio::test]
async fn a_password_is_made() {
    let made = client()
        .get_random_password()
        .password_length(40)
        .exclude_punctuation(true)
        .send()
        .await
        .unwrap();
    let password = made.random_password().unwrap();
    assert_eq!(password.len(), 40);
    assert!(
        password
            .chars()
            .all(|character| character.is_ascii_alphanumeric())
    );
}

#[tokio::test]
async fn a_secret_is_deleted_restored_and_deleted_for_good() {
    let client = client();
    let name = new_name();
    client
        .create_secret()
        .name(&name)
        .secret_string("one")
        .send()
        .await
        .unwrap();
    client
        .delete_secret()
        .secret_id(&name)
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    let error = client
        .get_secret_value()
        .secret_id(&name)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_invalid_request_exception(), "{error:?}");
    client
        .restore_secret()
        .secret_id(&name)
        .send()
        .await
        .unwrap();
    assert_eq!(value_of(&client, &name).await, "one");
    client
        .delete_secret()
        .secret_id(&name)
        .force_delete_without_recovery(true)
        .send()
        .await
        .unwrap();
    let error = client
        .get_secret_value()
        .secret_id(&name)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(error.is_resource_not_found_exception(), "{error:?}");
    assert_eq!(
        error.message(),
        Some("Secrets Manager can't find the specified secret.")
    );
    assert!(error.meta().request_id().is_some());
}

#[tokio::test]
async fn a_wrong_secret_access_key_is_told_as_such() {
    let error = client_with("wrong".to_owned())
        .get_random_password()
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert_eq!(error.code(), Some("InvalidSignatureException"));
}

#[tokio::test]
async fn rotation_is_refused_with_words() {
    let client = client();
    let name = new_name();
    client
        .create_secret()
        .name(&name)
        .secret_string("one")
        .send()
        .await
        .unwrap();
    let error = client
        .rotate_secret()
        .secret_id(&name)
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(
        error.code().is_some() && error.message().is_some_and(|text| text.len() > 20),
        "{error:?}"
    );
}
