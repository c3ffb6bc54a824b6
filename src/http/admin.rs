//! The admin API, `/admin/*`: a test suite changes data, clock and faults of a running server.
//!
//! The routes exist only with `--ephemeral` or `--admin-api`, and only for callers whose token is an admin's.

pub(super) mod requests;
pub(super) mod tokens;

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::change::{require_writable, write};
use super::request::RequestBody;
use super::{Request, Response, builds, response};
use crate::changes::{self, BuildEnd};
use crate::clock::TimeText;
use crate::duration::DurationText;
use crate::error::ApiError;
use crate::seed::{self, ExportedBits, OtherRows, SeedFormat, Source};
use crate::service::fault_rules::FaultRule;
use crate::service::{AdminApi, Service};
use crate::store::{Durability, OpenMode, Store};
use crate::{clock, json_object};

/// `POST /admin/seed`: applies the seed in the body, or the bundled seed that the body names. With `?prune=true`, what
/// the seed does not name is removed.
pub(super) async fn seed(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    require_writable(&service)?;
    let others = other_rows(request.query())?;
    let source = source_of(body.read_whole(service.stopped()).await?)?;
    let now = service.clock.now();
    let report = write(&service, move |store, queued| {
        Ok(store.write_queued(queued, |transaction| {
            seed::apply(transaction, &[source], others, now)
        })?)
    })
    .await?;
    json_of(&report)
}

fn other_rows(query: &str) -> Result<OtherRows, ApiError> {
    match query {
        "" | "prune=false" => Ok(OtherRows::Keep),
        "prune=true" => Ok(OtherRows::Prune),
        _ => Err(ApiError::Unprocessable(format!(
            "the query `{query}` is unknown; the only one is `prune=true`, which removes what the seed does not name"
        ))),
    }
}

fn source_of(body: Vec<u8>) -> Result<Source, ApiError> {
    let Ok(BundledSeedName { name }) = json_object::parse(&body) else {
        return Ok(Source::Bytes {
            label: "the body".into(),
            bytes: body,
        });
    };
    let bundled = seed::bundled().find(|seed| seed.name == name);
    bundled.map(Source::Bundled).ok_or_else(|| {
        ApiError::Unprocessable(format!(
            "there is no bundled seed `{name}`; `cf-packages seed --list` lists them"
        ))
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BundledSeedName {
    name: String,
}

/// `POST /admin/reset`: restores data, clock and fault rules to what they were when the server started, and forgets the
/// requests.
pub(super) async fn reset(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    require_no_query(&request)?;
    body.read_whole(service.stopped()).await?;
    let AdminApi::Ephemeral { start } = service.admin_api.clone() else {
        return Err(ApiError::Refused(
            "Only a server started with `--ephemeral` can be reset: this server keeps its data in a file"
                .into(),
        ));
    };
    let now = service.clock.now();
    write(&service, move |store, queued| {
        let start = Store::open(&start, OpenMode::Immutable, Durability::Off)?;
        start.read_blocking(|snapshot| {
            let mut export = Vec::new();
            let bits = ExportedBits::In("");
            seed::export(snapshot, SeedFormat::JsonLines, bits, &mut export)?;
            store.write_queued(queued, |transaction| {
                Ok(seed::restore(transaction, export, snapshot, now)?)
            })
        })
    })
    .await?;
    service.clock.reset();
    service.fault_rules.clear();
    if let Some(requests) = &service.requests {
        requests.clear();
    }
    Ok(response::no_content())
}

/// `POST /admin/builds/:guid`: says how a build ended. Answers with the build.
pub(super) async fn end_build(
    service: Arc<Service>,
    request: Request,
    guid: String,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    require_writable(&service)?;
    let end = match parse_json(&body.read_whole(service.stopped()).await?)? {
        EndOfBuild {
            state: EndState::Failed,
            error,
        } => BuildEnd::Failed(error.unwrap_or_else(|| "StagingError".into())),
        EndOfBuild {
            state: EndState::Staged,
            error: None,
        } => BuildEnd::Staged,
        _ => {
            let text = "`error` goes with the state `FAILED` only";
            return Err(ApiError::Unprocessable(text.into()));
        }
    };
    let (edition, now) = (service.edition, service.clock.now());
    let base_url = request.base_url(&service)?;
    let document = write(&service, move |store, queued| {
        store.write_queued(queued, |transaction| {
            let id = changes::end_build(transaction, &guid, &end, now)?;
            builds::document(transaction, edition, &base_url, id)
        })
    })
    .await?;
    Ok(response::json(200, document))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EndOfBuild {
    state: EndState,
    error: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum EndState {
    Staged,
    Failed,
}

/// `GET /admin/export`: the bytes that `cf-packages export` prints without `--bits`, sent while they are read. A header says
/// how many packages have bits.
pub(super) async fn export(service: Arc<Service>, request: Request) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    let permit = service.exports.clone().acquire_owned().await;
    let (count_of_bits, counted) = oneshot::channel();
    let mut response = response::stream_json(&service, &request, move |snapshot, out| {
        let _permit = permit;
        // Fails if the client has gone, which is noticed below.
        let _ = count_of_bits.send(seed::count_packages_with_bits(snapshot)?);
        seed::export(snapshot, SeedFormat::Json, ExportedBits::LeftOut, out)?;
        Ok(())
    })
    .await?;
    // The first piece was written after it.
    let have = match counted.await.unwrap_or_default() {
        0 => return Ok(response),
        1 => "1 package has".to_owned(),
        count => format!("{count} packages have"),
    };
    let text =
        format!("{have} bits, which are left out; `cf-packages export --bits` writes them too");
    response::add_warning(&mut response, &text);
    Ok(response)
}

/// `GET /admin/clock`: the time that the server's clock shows.
pub(super) async fn show_clock(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    json_of(&ClockTime {
        time: clock::format(service.clock.now()),
    })
}

/// The error of a request that does not say how to set the clock.
const CLOCK_FORM: &str = r#"give exactly one of `time` and `advance`: `{"time": "2026-01-01T00:00:00Z"}` or `{"advance": "2h"}`"#;

/// `PUT /admin/clock`: sets the server's clock, or advances it.
pub(super) async fn set_clock(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    let body = body.read_whole(service.stopped()).await?;
    if body.trim_ascii().is_empty() {
        return Err(ApiError::Unprocessable(CLOCK_FORM.into()));
    }
    let now = match parse_json(&body)? {
        ClockChange {
            time: Some(time),
            advance: None,
        } => {
            service.clock.set(time.seconds);
            time.seconds
        }
        ClockChange {
            time: None,
            advance: Some(advance),
        } => service.clock.advance(advance.duration).ok_or_else(|| {
            ApiError::Unprocessable(format!(
                "advance `{}` leads beyond {}, the last time of the clock",
                advance.text(),
                clock::format(clock::LAST_SECOND)
            ))
        })?,
        _ => {
            return Err(ApiError::Unprocessable(CLOCK_FORM.into()));
        }
    };
    json_of(&ClockTime {
        time: clock::format(now),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockChange {
    time: Option<TimeText>,
    advance: Option<DurationText>,
}

#[derive(Serialize)]
struct ClockTime {
    time: String,
}

/// `POST /admin/faults`: adds a fault rule.
pub(super) async fn add_fault_rule(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    let rule = FaultRule::parse(&body.read_whole(service.stopped()).await?)
        .map_err(ApiError::Unprocessable)?;
    let response = json_of(&rule)?;
    let added = service.fault_rules.add(rule);
    added.map_err(ApiError::Unprocessable)?;
    Ok(response)
}

/// `GET /admin/faults`: the fault rules that still wait for requests.
pub(super) async fn list_fault_rules(
    service: Arc<Service>,
    request: Request,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    json_of(&FaultRuleList {
        faults: service.fault_rules.list(),
    })
}

#[derive(Serialize)]
struct FaultRuleList {
    faults: Vec<FaultRule>,
}

/// `DELETE /admin/faults`: removes all fault rules.
pub(super) async fn clear_fault_rules(
    service: Arc<Service>,
    request: Request,
    body: RequestBody,
) -> Result<Response, ApiError> {
    require_admin(&service, &request)?;
    require_no_query(&request)?;
    body.read_whole(service.stopped()).await?;
    service.fault_rules.clear();
    Ok(response::no_content())
}

/// Refuses a query of a route that has no parameters: ignoring it would remove more than was asked for.
fn require_no_query(request: &Request) -> Result<(), ApiError> {
    match request.query() {
        "" => Ok(()),
        query => Err(ApiError::Unprocessable(format!(
            "the query `{query}` is unknown; this request has no parameters"
        ))),
    }
}

fn require_admin(service: &Service, request: &Request) -> Result<(), ApiError> {
    if request.authenticate_admin(service)?.admin {
        Ok(())
    } else {
        Err(ApiError::NotAuthorized)
    }
}

fn parse_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    json_object::parse_request(body).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => ApiError::Unprocessable(error.to_string()),
        _ => ApiError::NotJson,
    })
}

fn json_of(value: &impl Serialize) -> Result<Response, ApiError> {
    let document =
        serde_json::to_vec(value).map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(response::json(200, document))
}
