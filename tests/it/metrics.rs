//! `GET /metrics`: what Prometheus reads, on a listener of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::{Connection, Response, WorkDir, get};

/// A server with `--metrics`, killed when it is dropped.
struct Measured {
    child: Child,
    api: String,
    metrics: String,
}

impl Measured {
    fn start(mut command: Command, flags: &[&str]) -> Self {
        let mut child = command
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--metrics",
                "127.0.0.1:0",
            ])
            .args(flags)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let metrics = lines.next().unwrap().unwrap();
        let (_, metrics) = metrics.split_once("metrics: http://").unwrap();
        let metrics = metrics.strip_suffix("/metrics").unwrap().to_owned();
        // The rest of stderr is read, so that the log is never full.
        std::thread::spawn(move || lines.count());
        let mut api = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut api)
            .unwrap();
        let api = api
            .trim_end()
            .strip_prefix("listening on http://")
            .unwrap()
            .to_owned();
        Self {
            child,
            api,
            metrics,
        }
    }

    fn send(address: &str, raw: String) -> Response {
        let mut connection = Connection::open(address.parse().unwrap());
        connection.send(raw);
        connection.read(false).unwrap()
    }

    fn get(&self, target: &str) -> Response {
        Self::send(&self.api, get(target, ""))
    }

    fn metrics(&self) -> String {
        let response = Self::send(&self.metrics, get("/metrics", ""));
        assert_eq!(response.status, 200, "{}", response.body);
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; version=0.0.4; charset=utf-8")
        );
        response.body
    }

    /// Returns the value of a metric, with its labels as they are written.
    fn value(&self, metric: &str) -> Option<f64> {
        let prefix = format!("cf_packages_{metric} ");
        let text = self.metrics();
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix))?;
        Some(line.parse().unwrap())
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(dir: &WorkDir, flags: &[&str]) -> Measured {
    let common = ["--no-auth", "--api", "current"];
    Measured::start(dir.command(), &[&common, flags].concat())
}

#[test]
fn requests_are_counted_by_route_and_status() {
    let dir = WorkDir::of_files();
    let server = serve(&dir, &["--ephemeral", "--seed", "example"]);
    for target in [
        "/v3/packages",
        "/v3/packages?page=2",
        "/v3//packages/?per_page=1",
        "/v3/packages/one",
        "/v3/packages/two",
        "/v3/packages?states=x&nothing=1",
        "/nothing/at/all",
        "/healthz",
        "/admin/clock",
    ] {
        server.get(target);
    }
    let method = "BREW /v3/packages HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_eq!(Measured::send(&server.api, method.into()).status, 404);
    for (labels, count) in [
        (r#"method="GET",route="/v3/packages",status="200""#, 3.0),
        (
            r#"method="GET",route="/v3/packages/:guid",status="404""#,
            2.0,
        ),
        (r#"method="GET",route="/v3/packages",status="400""#, 1.0),
        (r#"method="GET",route="other",status="404""#, 1.0),
        (r#"method="other",route="other",status="404""#, 1.0),
        (r#"method="GET",route="/healthz",status="200""#, 1.0),
        (r#"method="GET",route="/admin/clock",status="200""#, 1.0),
    ] {
        let metric = format!("http_request_duration_seconds_count{{{labels}}}");
        assert_eq!(server.value(&metric), Some(count), "{}", server.metrics());
    }
    let text = server.metrics();
    for raw in ["one", "nothing", "BREW", "page="] {
        assert!(!text.contains(raw), "{raw} in {text}");
    }
}

#[test]
fn caches_writes_and_the_data_version_are_shown() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let server = serve(&dir, &["--admin-api"]);
    let version = server.value("data_version_last_package").unwrap();
    server.get("/v3/packages");
    server.get("/v3/packages");
    assert_eq!(server.value("response_cache_hits_total"), Some(1.0));
    assert_eq!(server.value("response_cache_misses_total"), Some(1.0));
    assert_eq!(server.value("response_cache_entries"), Some(1.0));
    assert!(server.value("response_cache_bytes").unwrap() > 256.0);
    assert_eq!(server.value("response_cache_evictions_total"), Some(0.0));

    let seed = r#"{"packages": [{"guid": "more", "app": "my-app", "type": "bits"}]}"#;
    let posted = Measured::send(
        &server.api,
        format!(
            "POST /admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{seed}",
            seed.len()
        ),
    );
    assert_eq!(posted.status, 200, "{}", posted.body);
    assert_eq!(
        server.value("data_version_last_package"),
        Some(version + 1.0)
    );
    assert_eq!(server.value("writes_total"), Some(1.0));
    assert!(server.value("write_wait_seconds_total").is_some());
    let wal = std::fs::metadata(dir.path("packages.db-wal"));
    // A server of databases has a log of its own.
    let wal = wal.map_or(0, |wal| wal.len());
    assert_eq!(wal > 0, !dir.database_files().is_empty());
    assert_eq!(server.value("wal_bytes"), Some(wal as f64));
    for idle in [
        "fast_read_queue",
        "medium_read_queue",
        "slow_read_queue",
        "writes_waiting",
        "long_responses_bytes",
    ] {
        assert_eq!(server.value(idle), Some(0.0), "{idle}");
    }
}

#[test]
fn queued_writes_wait_at_the_same_time_for_another_program_and_are_refused() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let server = serve(&dir, &["--admin-api"]);
    let _held = dir.hold_writers();
    std::thread::scope(|scope| {
        let writes: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let seed = "POST /admin/seed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";
                    Measured::send(&server.api, seed.into()).status
                })
            })
            .collect();
        // All are counted from the moment when they are queued, not one after the other.
        while server.value("writes_waiting") != Some(3.0) {
            assert_eq!(server.value("writes_total"), Some(0.0));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        for write in writes {
            assert_eq!(write.join().unwrap(), 503);
        }
    });
    assert_eq!(server.value("writes_waiting"), Some(0.0));
    assert_eq!(server.value("writes_total"), Some(3.0));
    assert!(server.value("write_wait_seconds_total").unwrap() > 0.0);
}

#[test]
fn full_response_cache_counts_evictions() {
    let dir = WorkDir::of_files();
    let server = serve(
        &dir,
        &["--ephemeral", "--seed", "demo", "--cache-size", "1"],
    );
    for per_page in 1..60 {
        server.get(&format!("/v3/packages?per_page={per_page}"));
    }
    assert!(server.value("response_cache_evictions_total").unwrap() > 0.0);
    assert!(server.value("response_cache_bytes").unwrap() <= f64::from(1 << 20));
}

#[test]
fn every_line_is_a_comment_or_a_sample_and_has_help() {
    let dir = WorkDir::of_files();
    let server = serve(&dir, &["--ephemeral", "--seed", "example"]);
    server.get("/v3/packages");
    let text = server.metrics();
    let mut samples = 0;
    for line in text.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            assert!(
                comment.starts_with("HELP cf_packages_")
                    || comment.starts_with("TYPE cf_packages_"),
                "{line}"
            );
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("cf_packages_"), "{line}");
        assert!(value.parse::<f64>().is_ok(), "{line}");
        samples += 1;
    }
    assert!(samples > 30, "{text}");
    assert!(text.contains("cf_packages_build_info{version="), "{text}");
}

#[test]
fn listener_of_metrics_serves_nothing_else_and_the_api_no_metrics() {
    let dir = WorkDir::of_files();
    let server = serve(&dir, &["--ephemeral", "--seed", "example"]);
    for target in [
        "/v3/packages",
        "/healthz",
        "/admin/clock",
        "/",
        "/metrics/",
        "//metrics",
        "/metrics//",
        "/metrics.json",
        "/%6detrics",
        "/metrics/x",
    ] {
        let response = Measured::send(&server.metrics, get(target, ""));
        assert_eq!(response.status, 404, "{target}");
    }
    assert_eq!(server.get("/metrics").status, 404);
    let rebound = "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n";
    assert_eq!(Measured::send(&server.metrics, rebound.into()).status, 421);
    // Fault rules are about the API.
    let rule = r#"{"path":"/metrics","status":500}"#;
    Measured::send(
        &server.api,
        format!(
            "POST /admin/faults HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{rule}",
            rule.len()
        ),
    );
    server.metrics();
}

#[test]
fn address_of_metrics_that_is_in_use_is_named_with_its_flag() {
    let dir = WorkDir::of_files();
    let server = serve(&dir, &["--ephemeral"]);
    let output = dir.run(&[
        "serve",
        "--ephemeral",
        "--listen",
        "127.0.0.1:0",
        "--metrics",
        &server.metrics,
    ]);
    assert_eq!(output.status, 1);
    assert_eq!(
        output.stderr,
        format!(
            "cf-packages: cannot listen on `{}`: address already in use; name another with `--metrics`\n",
            server.metrics
        )
    );
    assert_eq!(output.stdout, "");
}
