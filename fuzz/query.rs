//! Request targets, in both editions. The answer is 200 or a documented 4xx, and the links of a page lead to pages of the
//! same list.

use std::sync::Arc;

use cf_packages::caller::Caller;
use cf_packages::clock::Clock;
use cf_packages::edition::Edition;
use cf_packages::http::Router;
use cf_packages::seed::{OtherRows, Source, apply};
use cf_packages::service::{Authentication, Service, ServiceOptions};
use cf_packages::store::{Durability, OpenMode, Store};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{Answer, Target, kind_of, lines};

/// The codes of errors that a `GET` of an admin can get: invalid request, query parameter, not found, and a download of
/// a package without bits.
const CODES: [i64; 5] = [10000, 10004, 10005, 10008, 10010];

/// A router over the data of a seed, without tokens: each caller is an admin.
pub struct Routed {
    router: Router,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

impl Routed {
    pub fn new(edition: Edition, seed: Source) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("f");
        Store::create(&path, |transaction| {
            apply(transaction, &[seed], OtherRows::Keep, 0).map(drop)
        })
        .expect("a seed");
        let store = Store::open(&path, OpenMode::ReadWrite, Durability::Off).expect("a database");
        let service = Service::new(
            store,
            ServiceOptions {
                authentication: Authentication::As(Caller::Everything),
                clock: Clock::still(1_600_000_000),
                edition,
                ..ServiceOptions::default()
            },
        );
        Self {
            router: Router::new(Arc::new(service)),
            runtime: Runtime::new().expect("a runtime"),
            _folder: folder,
        }
    }

    /// Returns status and document. `None`: the target cannot be in a request.
    pub fn get(&self, target: &str) -> Result<Option<(u16, Value)>, String> {
        let Ok(answer) = self.runtime.block_on(self.router.clone().get(target)) else {
            return Ok(None);
        };
        let (status, body) = (answer.status, answer.body);
        let document = serde_json::from_slice(&body)
            .map_err(|error| format!("{status} without JSON: {error}: {body:?}"))?;
        Ok(Some((status, document)))
    }
}

pub struct Query {
    editions: [Routed; 2],
}

impl Query {
    pub fn new() -> Self {
        let demo = || Source::parse("demo").expect("a bundled seed");
        Self {
            editions: [Edition::Of2015, Edition::Current]
                .map(|edition| Routed::new(edition, demo())),
        }
    }
}

impl Target for Query {
    fn corpus(&self) -> Vec<Vec<u8>> {
        lines(include_str!("corpus/query.txt"))
    }

    fn dictionary(&self) -> &'static [&'static str] {
        &[
            "page=",
            "per_page=",
            "order_by=",
            "guids=",
            "states=",
            "types=",
            "app_guid=",
            "app_guids=",
            "space_guids=",
            "organization_guids=",
            "label_selector=",
            "created_ats",
            "updated_ats",
            "[gt]=",
            "[lte]=",
            "[]=",
            "include=",
            "names=",
            "stacks=",
            "lifecycle_type=",
            "isolation_segment_guid=",
            "space.organization",
            "-created_at",
            "%2Bupdated_at",
            "name",
            "READY",
            "bits",
            "docker",
            "%2C",
            "%252C",
            "%00",
            "%FF",
            "%25",
            "%",
            "&",
            "=",
            "?",
            "/",
            ";",
            "+",
            ",",
            "2020-01-01T00:00:00Z",
            "/v3/packages",
            "/v3/apps",
            "/v3/spaces",
            "/v3/organizations",
            "/v3/droplets",
            "/droplets",
            "/download",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> Result<Answer, String> {
        let target = String::from_utf8_lossy(input);
        let mut answer = Answer {
            is_accepted: false,
            text: String::new(),
        };
        for (edition, routed) in ["2015", "current"].iter().zip(&self.editions) {
            let Some((status, document)) = routed.get(&target)? else {
                answer.text.push_str("no target");
                continue;
            };
            let at = |text: String| format!("edition {edition}: {status}: {text}: {document}");
            match status {
                200 => {
                    answer.is_accepted = true;
                    answer.text.push_str("200 ");
                    if document["pagination"].is_object() {
                        follow(routed, &document).map_err(at)?;
                    }
                }
                400 | 404 | 414 | 422 => {
                    let error = match *edition {
                        "2015" => &document,
                        _ => &document["errors"][0],
                    };
                    let text = error["detail"].as_str().or(error["description"].as_str());
                    let is_known = error["code"]
                        .as_i64()
                        .is_some_and(|code| CODES.contains(&code));
                    let Some(text) = text.filter(|_| is_known || status == 414) else {
                        return Err(at("not the document of an error".into()));
                    };
                    answer.text.push_str(&kind_of(text));
                }
                _ => return Err(at("not a documented status".into())),
            }
        }
        Ok(answer)
    }
}

/// Follows the links of a page.
fn follow(routed: &Routed, page: &Value) -> Result<(), String> {
    let pagination = &page["pagination"];
    let total = pagination["total_results"].as_u64().ok_or("no total")?;
    let mut lengths = 0;
    for name in ["first", "last", "next", "previous"] {
        let Some(href) = pagination[name]["href"].as_str() else {
            if pagination[name].is_null() && ["next", "previous"].contains(&name) {
                continue;
            }
            return Err(format!("no link `{name}`"));
        };
        let target = href.strip_prefix("http://localhost").unwrap_or(href);
        let (status, other) = routed.get(target)?.ok_or(format!("{href} is no target"))?;
        let other_pagination = &other["pagination"];
        if status != 200
            || other_pagination["total_results"] != total
            || other_pagination["first"] != pagination["first"]
            || other_pagination["last"] != pagination["last"]
        {
            return Err(format!(
                "`{name}` leads to another list: {status} {other_pagination}"
            ));
        }
        let length = other["resources"].as_array().map_or(0, Vec::len) as u64;
        if name == "first" {
            lengths = length;
        }
        if name == "last" && (length == 0) != (total == 0) || total < lengths {
            return Err(format!("`{name}` has {length} of {total}"));
        }
    }
    Ok(())
}
