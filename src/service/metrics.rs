//! The metrics of a server, in the text format of Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>).
//!
//! Only requests are counted for the metrics. Everything else is counted or known anyway, and is read at each scrape.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::prometheus_text::{self, CONTENT_TYPE};
use prometheus_client::encoding::{EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::Service;
use crate::caller::CallerKey;
use crate::store::{StoreActivity, Version};

/// The media type of [`text`].
pub const MEDIA_TYPE: &str = CONTENT_TYPE;

/// The upper bounds of the buckets of durations, in seconds. A cached page takes some 20 µs, one that is not 100 µs.
const BUCKETS: [f64; 13] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0,
];
/// The label of a request that no route matched, and of a method that no route has.
const OTHER: &str = "other";
/// The methods that are labels. Clients could invent any number of others.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// What is counted for the metrics.
#[derive(Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
}

/// The labels of a request. None is text of a client, so that their number is bounded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: Arc<str>,
    status: u16,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            requests: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

impl Metrics {
    /// Counts a request. `route` is the path of its route, such as `/v3/packages/:guid`; `None` if no route matched.
    /// `status` is `None` if the connection was closed without a response.
    pub fn observe(
        &self,
        method: &str,
        route: Option<&Arc<str>>,
        status: Option<u16>,
        took: Duration,
    ) {
        let known = METHODS.into_iter().find(|known| *known == method);
        let labels = RequestLabels {
            method: known.unwrap_or(OTHER),
            route: route.map_or_else(|| OTHER.into(), Arc::clone),
            status: status.unwrap_or_default(),
        };
        self.requests
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }
}

/// Returns the metrics of `service` as text.
///
/// # Errors
///
/// Fails only if a value cannot be formatted.
pub async fn text(service: &Arc<Service>) -> Result<String, fmt::Error> {
    let shared = service.clone();
    let activity = tokio::task::spawn_blocking(move || shared.store.activity()).await;
    let version = match service.store.version_now() {
        Some(version) => Some(version),
        None => service
            .store
            .read(CallerKey::SERVER, |snapshot| snapshot.version())
            .await
            .ok(),
    };
    let mut page = Page(Registry::with_prefix("cf_packages"));
    page.server(service);
    page.caches(service);
    page.store(&activity.unwrap_or_default());
    if let Some(version) = version {
        page.version(&version);
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &page.0)?;
    Ok(text)
}

/// The metrics of one scrape.
struct Page(Registry);

impl Page {
    fn counter<N>(&mut self, name: &str, help: &str, value: N)
    where
        N: EncodeCounterValue + fmt::Debug + Send + Sync + 'static,
    {
        self.0.register(name, help, ConstCounter::new(value));
    }

    fn gauge<N>(&mut self, name: &str, help: &str, value: N)
    where
        N: EncodeGaugeValue + fmt::Debug + Send + Sync + 'static,
    {
        self.0.register(name, help, ConstGauge::new(value));
    }

    fn server(&mut self, service: &Service) {
        let build = Info::new(vec![
            ("version", env!("CARGO_PKG_VERSION").to_owned()),
            ("api", service.edition.to_string()),
        ]);
        self.0.register(
            "build",
            "The version of the program, and the edition of the API",
            build,
        );
        if let Some(metrics) = &service.metrics {
            self.0.register(
                "http_request_duration_seconds",
                "How long requests took until the head of the response was ready, by route; the status 0 is a connection that a fault rule closed",
                metrics.requests.clone(),
            );
        }
        self.gauge(
            "clock_seconds",
            "The server's clock, in seconds since 1970",
            service.clock.now(),
        );
    }

    fn caches(&mut self, service: &Service) {
        let responses = service.response_cache.counters();
        self.counter(
            "response_cache_hits",
            "Requests answered with remembered bytes",
            responses.hits,
        );
        self.counter(
            "response_cache_misses",
            "Requests whose response was rendered",
            responses.misses,
        );
        self.counter(
            "response_cache_evictions",
            "Responses removed to make room",
            responses.evictions,
        );
        self.gauge(
            "response_cache_entries",
            "Responses that are remembered",
            responses.entries,
        );
        self.gauge(
            "response_cache_bytes",
            "Their approximate size",
            responses.bytes,
        );
        self.gauge(
            "long_responses_bytes",
            "The size of responses of more than 1 MiB that are being sent",
            responses.long_kib << 10,
        );
        let lists = service.list_cache.counters();
        self.counter(
            "list_cache_hits",
            "Pages found in a remembered list",
            lists.hits,
        );
        self.counter(
            "list_cache_misses",
            "Pages found by counting and skipping rows",
            lists.misses,
        );
        self.counter(
            "list_cache_builds",
            "Lists that were read as a whole",
            lists.builds,
        );
        self.counter(
            "list_cache_repairs",
            "Lists that were repaired after a change",
            lists.repairs,
        );
        self.counter(
            "list_cache_evictions",
            "Lists removed to make room",
            lists.evictions,
        );
        self.gauge(
            "list_cache_entries",
            "Lists that are remembered",
            lists.entries,
        );
        self.gauge("list_cache_bytes", "Their approximate size", lists.bytes);
        self.gauge(
            "visibility_cache_bytes",
            "The approximate size of what is remembered of callers' visibility",
            lists.visibility_bytes,
        );
        let tokens = service.keys().map_or(0, |keys| keys.cached_tokens() as u64);
        self.gauge(
            "token_cache_entries",
            "Verified tokens that are remembered",
            tokens,
        );
    }

    fn store(&mut self, activity: &StoreActivity) {
        let reads = activity.waiting_reads;
        for (name, help, waiting) in [
            (
                "fast_read_queue",
                "Reads that wait for the fast lane",
                reads.fast,
            ),
            (
                "medium_read_queue",
                "Reads that wait for the medium lane",
                reads.medium,
            ),
            (
                "slow_read_queue",
                "Reads that wait for the slow or the last lane",
                reads.slow,
            ),
        ] {
            self.gauge(name, help, waiting as u64);
        }
        let writer = activity.writer;
        self.gauge(
            "writes_waiting",
            "Writes that wait for their transaction to begin",
            writer.waiting as u64,
        );
        self.counter(
            "writes",
            "Writes that no longer wait: their transaction began, or they were refused",
            writer.ended,
        );
        self.counter(
            "write_wait_seconds",
            "How long those waited together, for other writes and for the write-ahead log",
            writer.waited.as_secs_f64(),
        );
        self.counter(
            "replica_reads",
            "Pages read from a replica of the database",
            activity.replicas.served,
        );
        self.counter(
            "replica_refusals",
            "Pages read from the primary, since the replica showed another state or did not answer",
            activity.replicas.refused,
        );
        self.gauge(
            "wal_bytes",
            "The size of the write-ahead log",
            activity.log_bytes,
        );
    }

    fn version(&mut self, version: &Version) {
        self.gauge(
            "data_version_packages",
            "The data version: updates and deletions of packages",
            version.packages,
        );
        self.gauge(
            "data_version_last_package",
            "The data version: the highest id of a package",
            version.last_package,
        );
        self.gauge(
            "data_version_access",
            "The data version: changes to what callers may see",
            version.access,
        );
        self.gauge(
            "data_version_parents",
            "The data version: changes to apps, spaces and organizations",
            version.parents,
        );
    }
}
