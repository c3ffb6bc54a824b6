//! `/admin/*`: a test suite sets the stage. Only with `--ephemeral` or `--admin-api`, and with an admin's token.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::body::object;
use super::faults::Order;
use super::{Asked, Reply, Service, reply};
use crate::error::ApiError;
use crate::seed::{self, Form, Source};
use crate::store::{Opened, Store, StoreError};
use crate::{clock, duration};

/// The largest seed that is taken over HTTP, in bytes.
pub(super) const LARGEST_SEED: usize = 256 << 20;
/// The largest other body, in bytes.
pub(super) const LARGEST_BODY: usize = 64 * 1024;

/// What `/admin/*` may do on this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admin {
    /// Nothing: the routes do not exist.
    Off,
    /// Everything but `reset`: the data is somebody's.
    On,
    /// Everything: the data is this server's own, and this is a copy of it as it was at the start.
    Ephemeral {
        /// The copy.
        start: PathBuf,
    },
}

/// `POST /admin/seed`: a seed, or the name of a bundled one.
pub(super) async fn seed(
    service: Arc<Service>,
    _: Asked,
    body: Vec<u8>,
) -> Result<Reply, ApiError> {
    writable(&service)?;
    let source = match object(&body) {
        Ok(Named { name }) => match seed::bundled().find(|seed| seed.name == name) {
            Some(bundled) => Source::Bundled(bundled),
            None => {
                return Err(ApiError::Unprocessable(format!(
                    "there is no bundled seed `{name}`; `cf-packages seed --list` shows those there are"
                )));
            }
        },
        Err(_) => Source::Bytes {
            label: "the body".into(),
            bytes: body,
        },
    };
    let now = service.clock.now();
    let report = write(&service, move |store| {
        Ok(store.write(|db| seed::apply(db, &[source], now))?)
    })
    .await?;
    Ok(reply(200, serde_json::to_vec(&report).unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

/// `POST /admin/reset`: data, clock and faults as they were at the start.
pub(super) async fn reset(service: Arc<Service>, _: Asked, _: Vec<u8>) -> Result<Reply, ApiError> {
    let Admin::Ephemeral { start } = service.admin.clone() else {
        return Err(ApiError::Refused(
            "Only a server started with `--ephemeral` can be reset: this one's data is a file of its own".into(),
        ));
    };
    let now = service.clock.now();
    write(&service, move |store| {
        let start = Store::open(&start, Opened::Immutable, crate::store::Durability::Off)?;
        let data = start.read_blocking(|db| {
            let mut data = Vec::new();
            seed::export(db, Form::JsonLines, &mut data)
                .map_err(|error| ApiError::Internal(error.to_string()))?;
            Ok::<_, ApiError>(data)
        });
        let source = Source::Bytes {
            label: "the start".into(),
            bytes: data?,
        };
        Ok(store.write(|db| {
            seed::reset(db)?;
            seed::apply(db, &[source], now)
        })?)
    })
    .await?;
    service.clock.reset();
    service.faults.clear();
    Ok(done())
}

/// `GET /admin/export`: the bytes that `cf-packages export` prints.
pub(super) async fn export(service: Arc<Service>, asked: Asked) -> Result<Reply, ApiError> {
    allow(&service, &asked)?;
    let data = service
        .store
        .read(|db| {
            let mut data = Vec::new();
            seed::export(db, Form::Json, &mut data)
                .map_err(|error| ApiError::Internal(error.to_string()))?;
            Ok::<_, ApiError>(data)
        })
        .await?;
    Ok(reply(200, data))
}

/// `PUT /admin/clock`: a time, or how far to go on.
pub(super) async fn clock(
    service: Arc<Service>,
    _: Asked,
    body: Vec<u8>,
) -> Result<Reply, ApiError> {
    match json(&body)? {
        Hands {
            time: Some(time),
            advance: None,
        } => {
            let time = clock::parse_rfc3339(&time)
                .map_err(|text| ApiError::Unprocessable(format!("time `{time}`: {text}")))?;
            service.clock.set(time);
        }
        Hands {
            time: None,
            advance: Some(advance),
        } => {
            let advance = duration::parse(&advance)
                .map_err(|text| ApiError::Unprocessable(format!("advance: {text}")))?;
            service.clock.advance(advance);
        }
        _ => {
            return Err(ApiError::Unprocessable(
                "give exactly one of `time` and `advance`".into(),
            ));
        }
    }
    let now = Now {
        time: clock::format(service.clock.now()),
    };
    Ok(reply(200, serde_json::to_vec(&now).unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Hands {
    time: Option<String>,
    advance: Option<String>,
}

#[derive(serde::Serialize)]
struct Now {
    time: String,
}

/// `POST /admin/faults`.
pub(super) async fn add_fault(
    service: Arc<Service>,
    _: Asked,
    body: Vec<u8>,
) -> Result<Reply, ApiError> {
    let fault = Order::parse(&body).map_err(ApiError::Unprocessable)?;
    let document = serde_json::to_vec(&fault).unwrap_or_default();
    service.faults.add(fault);
    Ok(reply(200, document))
}

/// `GET /admin/faults`.
pub(super) async fn list_faults(service: Arc<Service>, asked: Asked) -> Result<Reply, ApiError> {
    allow(&service, &asked)?;
    let faults = Waiting {
        faults: service.faults.list(),
    };
    Ok(reply(200, serde_json::to_vec(&faults).unwrap_or_default()))
}

#[derive(serde::Serialize)]
struct Waiting {
    faults: Vec<Order>,
}

/// `DELETE /admin/faults`.
pub(super) async fn clear_faults(
    service: Arc<Service>,
    _: Asked,
    _: Vec<u8>,
) -> Result<Reply, ApiError> {
    service.faults.clear();
    Ok(done())
}

/// The routes exist where a flag brought them, and are the admin's.
pub(super) fn allow(service: &Service, asked: &Asked) -> Result<(), ApiError> {
    if service.admin == Admin::Off {
        return Err(ApiError::UnknownRequest);
    }
    if service.identify_on_stage(asked)?.admin {
        Ok(())
    } else {
        Err(ApiError::NotAuthorized)
    }
}

fn writable(service: &Service) -> Result<(), ApiError> {
    if service.store.opened() == Opened::ReadWrite {
        return Ok(());
    }
    Err(ApiError::Refused(
        "The server was started with `--read-only`: nothing can be written".into(),
    ))
}

/// Runs a blocking write off the async threads.
async fn write<T: Send + 'static>(
    service: &Arc<Service>,
    write: impl FnOnce(&Store) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let service = service.clone();
    tokio::task::spawn_blocking(move || write(&service.store))
        .await
        .unwrap_or_else(|_| Err(StoreError::Closed.into()))
}

fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    object(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ApiError::Unprocessable(error.to_string()),
        _ => ApiError::NotJson,
    })
}

/// 204.
fn done() -> Reply {
    let mut reply = Reply::default();
    *reply.status_mut() = warp::http::StatusCode::NO_CONTENT;
    reply
}
