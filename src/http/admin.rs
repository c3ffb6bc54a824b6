//! `/admin/*`: a test suite sets the stage. Only with `--ephemeral` or `--admin-api`, and with an admin's token.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Request, Response, response};
use crate::error::ApiError;
use crate::json_object::parse as object;
use crate::seed::{self, SeedFormat, Source};
use crate::service::fault_rules::FaultRule;
use crate::service::{AdminApi, Service};
use crate::store::{OpenMode, Store, StoreError};
use crate::{clock, duration};

/// The largest seed that is taken over HTTP, in bytes.
pub(super) const LARGEST_SEED: usize = 256 << 20;
/// The largest other body, in bytes.
pub(super) const LARGEST_BODY: usize = 64 * 1024;

/// `POST /admin/seed`: a seed, or the name of a bundled one.
pub(super) async fn seed(
    service: Arc<Service>,
    _: Request,
    body: Vec<u8>,
) -> Result<Response, ApiError> {
    writable(&service)?;
    let source = match object(&body) {
        Ok(BundledSeedName { name }) => match seed::bundled().find(|seed| seed.name == name) {
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
    Ok(response::json(
        200,
        serde_json::to_vec(&report).unwrap_or_default(),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BundledSeedName {
    name: String,
}

/// `POST /admin/reset`: data, clock and faults as they were at the start.
pub(super) async fn reset(
    service: Arc<Service>,
    _: Request,
    _: Vec<u8>,
) -> Result<Response, ApiError> {
    let AdminApi::Ephemeral { start } = service.admin_api.clone() else {
        return Err(ApiError::Refused(
            "Only a server started with `--ephemeral` can be reset: this one's data is a file of its own".into(),
        ));
    };
    let now = service.clock.now();
    write(&service, move |store| {
        let start = Store::open(&start, OpenMode::Immutable, crate::store::Durability::Off)?;
        let data = start.read_blocking(|db| {
            let mut data = Vec::new();
            seed::export(db, SeedFormat::JsonLines, &mut data)
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
    service.fault_rules.clear();
    Ok(response::no_content())
}

/// `GET /admin/export`: the bytes that `cf-packages export` prints.
pub(super) async fn export(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    allow(&service, &request)?;
    let data = service
        .store
        .read(|db| {
            let mut data = Vec::new();
            seed::export(db, SeedFormat::Json, &mut data)
                .map_err(|error| ApiError::Internal(error.to_string()))?;
            Ok::<_, ApiError>(data)
        })
        .await?;
    Ok(response::json(200, data))
}

/// `PUT /admin/clock`: a time, or how far to go on.
pub(super) async fn clock(
    service: Arc<Service>,
    _: Request,
    body: Vec<u8>,
) -> Result<Response, ApiError> {
    match json(&body)? {
        ClockChange {
            time: Some(time),
            advance: None,
        } => {
            let time = clock::parse_rfc3339(&time)
                .map_err(|text| ApiError::Unprocessable(format!("time `{time}`: {text}")))?;
            service.clock.set(time);
        }
        ClockChange {
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
    let now = ClockTime {
        time: clock::format(service.clock.now()),
    };
    Ok(response::json(
        200,
        serde_json::to_vec(&now).unwrap_or_default(),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    time: Option<String>,
    advance: Option<String>,
}

#[derive(serde::Serialize)]
struct ClockTime {
    time: String,
}

/// `POST /admin/faults`.
pub(super) async fn add_fault(
    service: Arc<Service>,
    _: Request,
    body: Vec<u8>,
) -> Result<Response, ApiError> {
    let fault = FaultRule::parse(&body).map_err(ApiError::Unprocessable)?;
    let document = serde_json::to_vec(&fault).unwrap_or_default();
    service.fault_rules.add(fault);
    Ok(response::json(200, document))
}

/// `GET /admin/faults`.
pub(super) async fn list_faults(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    allow(&service, &request)?;
    let faults = FaultRuleList {
        faults: service.fault_rules.list(),
    };
    Ok(response::json(
        200,
        serde_json::to_vec(&faults).unwrap_or_default(),
    ))
}

#[derive(serde::Serialize)]
struct FaultRuleList {
    faults: Vec<FaultRule>,
}

/// `DELETE /admin/faults`.
pub(super) async fn clear_faults(
    service: Arc<Service>,
    _: Request,
    _: Vec<u8>,
) -> Result<Response, ApiError> {
    service.fault_rules.clear();
    Ok(response::no_content())
}

/// The routes exist where a flag brought them, and are the admin's.
pub(super) fn allow(service: &Service, request: &Request) -> Result<(), ApiError> {
    if service.admin_api == AdminApi::Off {
        return Err(ApiError::UnknownRequest);
    }
    if service.authenticate_admin(&request.authorization())?.admin {
        Ok(())
    } else {
        Err(ApiError::NotAuthorized)
    }
}

fn writable(service: &Service) -> Result<(), ApiError> {
    if service.store.opened() == OpenMode::ReadWrite {
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
