//! The server's side of the operators' socket.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Either, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::Serialize;
use serde_json::json;
use strongroom_audit::Head;
use strongroom_keys::RootKey;
use strongroom_keys::hardening::{Hardening, Measure};
use strongroom_keys::seal::SealFile;
use strongroom_services::accounts::AccountProblem;
use strongroom_services::caller::AccountId;
use strongroom_services::time::rfc3339;
use strongroom_store::{Fault, Store};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::streamed::{Streamed, streamed};
use super::{
    AskedBackup, AskedKeyUsage, AskedRestore, AskedRotation, HandedOver, JobState, KeyUsage,
    KeysStatus, KnownOfLogs, ListedAccount, ListedAccounts, Named, NewAccount, Restored, Status,
};
use super::{access, account_policies, rotation, witness};
use crate::audit;
use crate::backup;
use crate::backup::into_running::{Manner, PutBackProblem, Wanted, put_back};
use crate::backup::restore::Backup;
use crate::jobs::{self, JobProblem};
use crate::node::{AdminError, Node};

/// What operators ask about.
pub struct AdminServer {
    /// The node.
    pub node: Arc<Node>,
    /// Where the API is served.
    pub url: String,
    /// What keeps the process's memory to itself.
    pub hardening: Hardening,
    /// When the server was ready.
    pub started: Instant,
}

/// Answers operators until the task is ended.
pub async fn serve(listener: UnixListener, server: Arc<AdminServer>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) if is_allowed(&stream) => {
                let server = Arc::clone(&server);
                tokio::spawn(async move {
                    let service = service_fn(|request| answer(Arc::clone(&server), request));
                    let serving = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(READ_TIME)
                        .serve_connection(TokioIo::new(stream), service);
                    // An operator's client that goes away is no error.
                    let _ = serving.await;
                    drop(place);
                });
            }
            Ok(_) => tracing::warn!("a user that may not use the operators' socket was refused"),
            Err(error) => {
                tracing::warn!(%error, "the operators' socket accepts no connection; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn is_allowed(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| may_use(peer.uid(), own))
}

/// Only the server's own user, and root.
fn may_use(user: u32, own: u32) -> bool {
    user == own || user == 0
}

async fn answer(
    server: Arc<AdminServer>,
    request: Request<Incoming>,
) -> Result<Response<Either<Full<Bytes>, Streamed>>, Infallible> {
    let (parts, body) = request.into_parts();
    // What an operator has done is in the log before it is done, as calls of clients are.
    if parts.method == Method::POST && !only_asks(parts.uri.path()) {
        let asked = parts.uri.path().trim_start_matches('/');
        if let Err(fault) = server.node.record_operator(asked).await {
            return Ok(json(refused(StatusCode::INTERNAL_SERVER_ERROR, fault)));
        }
    }
    if (&parts.method, parts.uri.path()) == (&Method::POST, "/backup") {
        let started = match whole(body).await {
            Ok(body) => server.backup(&body),
            Err(refused) => Err(refused),
        };
        return Ok(match started {
            Ok(body) => Response::new(Either::Right(body)),
            Err(refused) => json(refused),
        });
    }
    let (status, body) = match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/status") => told(StatusCode::OK, &server.status()),
        (&Method::GET, "/accounts") => server.accounts(),
        (&Method::POST, "/accounts") => match whole(body).await {
            Ok(body) => server.create_account(&body).await,
            Err(refused) => refused,
        },
        (&Method::POST, "/restore") => match whole(body).await {
            Ok(body) => server.restore(&body).await,
            Err(refused) => refused,
        },
        (&Method::GET, "/keys") => server.keys(),
        (&Method::POST, "/keys/rewrap") => job_started(jobs::start_rewrap(&server.node).await),
        (&Method::POST, "/keys/rotate-data-keys") => match whole(body).await {
            Ok(body) => server.rotate_data_keys(&body).await,
            Err(refused) => refused,
        },
        (&Method::POST, "/keys/usage") => match whole(body).await {
            Ok(body) => server.key_usage(&body),
            Err(refused) => refused,
        },
        (&Method::POST, "/audit/rotate-key") => match server.node.rotate_audit_key().await {
            Ok(keys) => told(StatusCode::OK, &json!({ "PublicKeys": keys })),
            Err(problem) => refused(StatusCode::INTERNAL_SERVER_ERROR, problem),
        },
        (&Method::GET, "/audit/known") => match known_of_logs(server.node.store()) {
            Ok(known) => told(StatusCode::OK, &known),
            Err(fault) => refused(StatusCode::INTERNAL_SERVER_ERROR, fault),
        },
        (&Method::GET, "/audit/witness") => witness::status(&server.node),
        (&Method::POST, path) if path.starts_with("/audit/witness/") => match whole(body).await {
            Ok(body) => witness::answer(path, &body, &server.node).await,
            Err(refused) => refused,
        },
        (&Method::POST, path) if path.starts_with(POLICIES) => match whole(body).await {
            Ok(body) => {
                account_policies::answer(&path[POLICIES.len()..], &body, &server.node).await
            }
            Err(refused) => refused,
        },
        (&Method::POST, path) if path.starts_with("/access/") => match whole(body).await {
            Ok(body) => access::answer(path, &body, &server.node).await,
            Err(refused) => refused,
        },
        (&Method::POST, path) if path.starts_with("/rotation/") => match whole(body).await {
            Ok(body) => rotation::answer(path, &body, &server.node).await,
            Err(refused) => refused,
        },
        _ => refused(StatusCode::NOT_FOUND, "there is no such route"),
    };
    Ok(json((status, body)))
}

/// Whether a request changes nothing and gives out nothing that is anyone's.
fn only_asks(path: &str) -> bool {
    path.starts_with("/access/")
        || path == "/keys/usage"
        || (path.starts_with("/rotation/") && path != "/rotation/repair")
}

fn json((status, body): (StatusCode, Vec<u8>)) -> Response<Either<Full<Bytes>, Streamed>> {
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    response
}

fn job_started(outcome: Result<(), JobProblem>) -> (StatusCode, Vec<u8>) {
    match outcome {
        Ok(()) => told(StatusCode::OK, &json!({})),
        Err(problem @ (JobProblem::SealFile(_) | JobProblem::Store(_))) => {
            refused(StatusCode::INTERNAL_SERVER_ERROR, problem)
        }
        Err(problem) => refused(StatusCode::CONFLICT, problem),
    }
}

fn known_of_logs(store: &dyn Store) -> Result<KnownOfLogs, Fault> {
    let snapshot = store.snapshot()?;
    let heads = audit::heads(&*snapshot)?;
    Ok(KnownOfLogs {
        heads: heads.iter().map(Head::encode).collect(),
        public_keys: audit::public_keys(&*snapshot)?,
    })
}

/// A request's whole body.
async fn whole(body: Incoming) -> Result<Bytes, (StatusCode, Vec<u8>)> {
    match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(refused(StatusCode::BAD_REQUEST, error)),
    }
}

impl AdminServer {
    fn status(&self) -> Status {
        let health = self.node.health();
        let measure = |name: &str, measure: &Measure| Named {
            name: name.to_owned(),
            state: match measure {
                Measure::InForce => "ok".to_owned(),
                Measure::Missing(why) => why.clone(),
            },
        };
        // Those that can't go on; how far the others are is told by `strongroom keys status`.
        let of_keys = [jobs::REWRAP, jobs::ROTATE_DATA_KEYS].into_iter();
        let of_keys = of_keys.filter_map(|name| {
            let state = self.node.jobs().last_error(name)?;
            let name = name.to_owned();
            Some(Named { name, state })
        });
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            process_id: std::process::id(),
            up_seconds: self.started.elapsed().as_secs(),
            url: self.url.clone(),
            store: health
                .store
                .map_or_else(|fault| fault.to_string(), |()| "ok".to_owned()),
            audit: health
                .audit
                .map_or_else(|fault| fault.to_string(), |()| "ok".to_owned()),
            hardening: vec![
                measure("core dumps", &self.hardening.no_core_dumps),
                measure("tracing", &self.hardening.not_traceable),
                measure("swap", &self.hardening.memory_locked),
            ],
            jobs: health
                .workers
                .into_iter()
                .map(|worker| Named {
                    name: worker.name.into_owned(),
                    state: worker.last_error.unwrap_or_else(|| "ok".to_owned()),
                })
                .chain(of_keys)
                .collect(),
        }
    }

    fn accounts(&self) -> (StatusCode, Vec<u8>) {
        match self.node.accounts() {
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error),
            Ok(accounts) => {
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "milliseconds since 1970 stay far below 2^53"
                )]
                let listed = accounts.iter().map(|account| ListedAccount {
                    account_id: account.id.as_str().to_owned(),
                    created: account.created.milliseconds() as f64 / 1_000.0,
                    access_key_ids: account.root_access_key_ids.clone(),
                });
                told(
                    StatusCode::OK,
                    &ListedAccounts {
                        accounts: listed.collect(),
                    },
                )
            }
        }
    }

    /// Starts a backup of the present state; what is answered is made while it is read.
    fn backup(&self, body: &[u8]) -> Result<Streamed, (StatusCode, Vec<u8>)> {
        let asked: AskedBackup = serde_json::from_slice(body)
            .map_err(|error| refused(StatusCode::BAD_REQUEST, error))?;
        let lock = asked
            .lock()
            .map_err(|error| refused(StatusCode::BAD_REQUEST, error))?;
        // Refused before anything is answered, where it can be.
        self.node
            .backup_about()
            .map_err(|error| refused(StatusCode::INTERNAL_SERVER_ERROR, error))?;
        let (mut writer, body) = streamed();
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || {
            let about = || node.backup_about();
            let written = backup::write(node.store(), &about, &lock, node.entropy(), &mut writer);
            let written = written.and_then(|summary| {
                writer.finish()?;
                Ok(summary)
            });
            match written {
                Ok(summary) => tracing::info!(records = summary.records, "a backup was made"),
                Err(error) => tracing::error!(%error, "a backup was not finished"),
            }
        });
        Ok(body)
    }

    async fn restore(&self, body: &[u8]) -> (StatusCode, Vec<u8>) {
        let asked: AskedRestore = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => return refused(StatusCode::BAD_REQUEST, error),
        };
        let opener = match asked.opener() {
            Ok(opener) => opener,
            Err(error) => return refused(StatusCode::BAD_REQUEST, error),
        };
        let wanted = match (asked.secret, asked.account.as_deref().map(AccountId::parse)) {
            (Some(arn), None) => Wanted::Secret(arn),
            (None, Some(Ok(account))) => Wanted::Account(account),
            (None, Some(Err(error))) => return refused(StatusCode::BAD_REQUEST, error),
            _ => {
                return refused(
                    StatusCode::BAD_REQUEST,
                    "name either a secret or an account",
                );
            }
        };
        let manner = Manner {
            overwrite: asked.overwrite,
            dry_run: asked.dry_run,
        };
        let root_keys = asked.root_keys.into_iter();
        let root_keys = root_keys.filter_map(|HandedOver(bytes)| RootKey::from_bytes(bytes));
        let backup = Backup {
            path: &asked.file,
            opener: &opener,
        };
        let root_keys = root_keys.collect();
        match put_back(&self.node, &backup, &wanted, manner, root_keys).await {
            Ok(what) => {
                tracing::info!(
                    ?wanted,
                    ?manner,
                    "a backup was restored into the running server"
                );
                told(StatusCode::OK, &Restored { what })
            }
            Err(problem @ PutBackProblem::Store(_)) => {
                refused(StatusCode::INTERNAL_SERVER_ERROR, problem)
            }
            Err(problem) => refused(StatusCode::CONFLICT, problem),
        }
    }

    fn keys(&self) -> (StatusCode, Vec<u8>) {
        let node = &self.node;
        let seals = match node.jobs().seal_file().map(|path| SealFile::read(path)) {
            None => Vec::new(),
            Some(Ok(file)) => file
                .listed()
                .into_iter()
                .map(|seal| Named {
                    name: seal.name,
                    state: seal.kind,
                })
                .collect(),
            Some(Err(error)) => return refused(StatusCode::INTERNAL_SERVER_ERROR, error),
        };
        let mut states = Vec::new();
        let mut since = None;
        for name in [jobs::REWRAP, jobs::ROTATE_DATA_KEYS] {
            match jobs::job_of(node, name) {
                Err(error) => return refused(StatusCode::INTERNAL_SERVER_ERROR, error),
                Ok(None) => {}
                Ok(Some(job)) => {
                    if name == jobs::REWRAP {
                        since = Some(rfc3339(job.started));
                    }
                    states.push(JobState {
                        running: node.jobs().is_running(name),
                        finished: job.finished.is_some(),
                        done: job.done,
                        failed: job.failed,
                        problems: job.problems,
                        last_error: node.jobs().last_error(name),
                        name: job.name,
                    });
                }
            }
        }
        let status = KeysStatus {
            root_key_id: node.keyring().root_key_id().to_string(),
            root_key_since: since,
            retiring_root_key_ids: node
                .keyring()
                .retiring_ids()
                .iter()
                .map(ToString::to_string)
                .collect(),
            seals,
            jobs: states,
        };
        told(StatusCode::OK, &status)
    }

    async fn rotate_data_keys(&self, body: &[u8]) -> (StatusCode, Vec<u8>) {
        let AskedRotation { key } = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => {
                return refused(
                    StatusCode::BAD_REQUEST,
                    format!(
                        "the body must be like {{}} or {{\"Key\": \"arn:aws:kms:...\"}}: {error}"
                    ),
                );
            }
        };
        job_started(jobs::start_rotation(&self.node, key).await)
    }

    fn key_usage(&self, body: &[u8]) -> (StatusCode, Vec<u8>) {
        let AskedKeyUsage { key, after } = match serde_json::from_slice(body) {
            Ok(asked) => asked,
            Err(error) => {
                return refused(
                    StatusCode::BAD_REQUEST,
                    format!("the body must be like {{\"Key\": \"arn:aws:kms:...\"}}: {error}"),
                );
            }
        };
        match self.node.key_usage(&key, after.as_deref(), USAGE_PAGE) {
            Ok(None) => refused(
                StatusCode::NOT_FOUND,
                format!(
                    "there is no KMS key {key}: name it by its ARN, or by an alias' ARN, such as \
                     arn:aws:kms:us-east-1:123456789012:alias/name"
                ),
            ),
            Ok(Some((key, secrets))) => told(
                StatusCode::OK,
                &KeyUsage {
                    key_arn: key.arn(),
                    key_state: key.state.name().to_owned(),
                    secrets,
                },
            ),
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }

    async fn create_account(&self, body: &[u8]) -> (StatusCode, Vec<u8>) {
        let NewAccount { account_id } = match serde_json::from_slice(body) {
            Ok(new) => new,
            Err(error) => {
                return refused(
                    StatusCode::BAD_REQUEST,
                    format!("the body must be like {{\"AccountId\": \"123456789012\"}}: {error}"),
                );
            }
        };
        let id = match AccountId::parse(&account_id) {
            Ok(id) => id,
            Err(error) => return refused(StatusCode::BAD_REQUEST, error),
        };
        match self.node.create_account(&id).await {
            Ok(made) => {
                tracing::info!(account = %id, "an account was made by an operator");
                told(
                    StatusCode::OK,
                    &Disclosed {
                        account_id: id.as_str(),
                        access_key_id: &made.access_key_id,
                        secret_access_key: &String::from_utf8_lossy(
                            made.secret_access_key.expose(),
                        ),
                    },
                )
            }
            Err(error @ AdminError::Account(AccountProblem::AlreadyExists(_))) => {
                refused(StatusCode::CONFLICT, error)
            }
            Err(error) => refused(StatusCode::INTERNAL_SERVER_ERROR, error),
        }
    }
}

/// The root credentials of an account that was just made: shown this once.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Disclosed<'a> {
    account_id: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
}

pub(super) fn told(status: StatusCode, body: &impl Serialize) -> (StatusCode, Vec<u8>) {
    // These types have nothing that JSON lacks.
    (status, serde_json::to_vec(body).unwrap_or_default())
}

pub(super) fn refused(status: StatusCode, why: impl std::fmt::Display) -> (StatusCode, Vec<u8>) {
    told(status, &json!({ "Error": why.to_string() }))
}

/// Where the policies of accounts are.
const POLICIES: &str = "/accounts/policies/";
const CONNECTIONS_MAX: usize = 16;
const BODY_BYTES_MAX: usize = 65_536;
/// Secrets in one answer about a key.
const USAGE_PAGE: usize = 1_000;
const READ_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_user_and_root_may_use_the_socket() {
        for (user, own, allowed) in [
            (1000, 1000, true),
            (0, 1000, true),
            (1001, 1000, false),
            (1000, 0, false),
        ] {
            assert_eq!(may_use(user, own), allowed, "user {user}, server {own}");
        }
    }
}
