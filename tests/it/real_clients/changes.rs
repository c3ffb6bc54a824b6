//! What the `cf` command and go-cfclient send to create, upload, copy, update and delete packages.

use serde_json::{Value, json};

use super::login::log_in;
use super::server::{ClientResponse, Server};
use super::{assert_is_time, text};

/// Apps of the seed `demo`, one of each lifecycle, and another.
const APP: &str = "325ca6bf-200f-433e-8777-dd14f4dd59ab";
const OTHER_APP: &str = "ca1e92f6-eaf2-42f0-9970-b516bb982833";
const DOCKER_APP: &str = "84eed8a5-a50e-41b0-8fa7-68430ac0f898";

/// An archive as both clients make it, with Go's `archive/zip`: a folder, compressed files whose sizes follow their data,
/// and times in extra fields.
const ZIP: &[u8] = include_bytes!("../../fixtures/cf-package.zip");

/// Boundaries as Go's `mime/multipart` makes them: 60 hexadecimal digits.
const BOUNDARY: &str = "5d1e2a8c3f0b4967d1c0a2e4f6b8190a3c5e7f9012b4d6f8a0c2e4061823";

/// The headers of a client in the order in which Go sends them.
struct Client {
    server: Server,
    agent: &'static str,
    /// The headers before and after `Content-Type`.
    before: Vec<String>,
    after: Vec<String>,
    /// Whether requests without a body have a `Content-Type` too.
    always_typed: bool,
}

impl Client {
    /// A server, and a `cf` that is logged in.
    fn cf(flags: &[&str]) -> Self {
        let server = start(flags);
        let token = text(&log_in(&server, "admin").ok()["access_token"]);
        Self {
            server,
            agent: "User-Agent: cf/8.18.4+ab12cd3.2026-08-01 (go1.26.6; amd64 linux)",
            before: vec![
                "Accept: application/json".into(),
                format!("Authorization: bearer {token}"),
            ],
            after: vec![
                "X-B3-Spanid: 6f9e1c0d2b3a4857".into(),
                "X-B3-Traceid: 6f9e1c0d2b3a48576f9e1c0d2b3a4857".into(),
                "Accept-Encoding: gzip".into(),
            ],
            always_typed: true,
        }
    }

    /// A server, and a go-cfclient that is logged in.
    fn go(flags: &[&str]) -> Self {
        let server = start(flags);
        let token = text(&log_in(&server, "admin").ok()["access_token"]);
        Self {
            server,
            agent: "User-Agent: Go-CF-Client/3.0",
            before: vec![format!("Authorization: Bearer {token}")],
            after: vec!["Accept-Encoding: gzip".into()],
            always_typed: false,
        }
    }

    fn send_bytes(
        &self,
        method: &str,
        target: &str,
        media_type: &str,
        body: &[u8],
    ) -> ClientResponse {
        let request = format!("{method} {target} HTTP/1.1");
        let length = format!("Content-Length: {}", body.len());
        let media_type = format!("Content-Type: {media_type}");
        let mut head = vec![request.as_str(), "Host: HOST", self.agent];
        if !body.is_empty() {
            head.push(&length);
        }
        head.extend(self.before.iter().map(String::as_str));
        if self.always_typed || !body.is_empty() {
            head.push(&media_type);
        }
        head.extend(self.after.iter().map(String::as_str));
        self.server.open_bytes(&head, body).response()
    }

    fn send(&self, method: &str, target: &str, body: &str) -> ClientResponse {
        self.send_bytes(method, target, "application/json", body.as_bytes())
    }

    fn get(&self, target: &str) -> Value {
        self.send("GET", target, "").ok()
    }

    /// Sends the parts, which end with `bits`, as Go's `mime/multipart` writes them.
    fn upload(&self, guid: &str, parts: &str, file_name: &str) -> ClientResponse {
        let before = format!(
            "{parts}--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"bits\"; filename=\"{file_name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let after = format!("\r\n--{BOUNDARY}--\r\n");
        let body = [before.as_bytes(), ZIP, after.as_bytes()].concat();
        let media_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let target = format!("/v3/packages/{guid}/upload");
        self.send_bytes("POST", &target, &media_type, &body)
    }

    /// Polls as both clients do, until the package is ready. Returns the states that it had.
    fn poll(&self, guid: &str) -> Vec<String> {
        let mut states = Vec::new();
        loop {
            let package = self.get(&format!("/v3/packages/{guid}"));
            assert_eq!(package["guid"], guid);
            let state = text(&package["state"]);
            if states.last() != Some(&state) {
                states.push(state.clone());
            }
            // Otherwise the clients poll for ever, or for five minutes.
            match state.as_str() {
                "READY" | "FAILED" | "EXPIRED" => return states,
                "PROCESSING_UPLOAD" | "COPYING" => {}
                other => panic!("{other}"),
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

fn start(flags: &[&str]) -> Server {
    Server::start(&[&["--api", "current", "--seed", "demo", "--login"], flags].concat())
}

/// Returns the guid of a package that a client has created, after it has decoded it.
#[track_caller]
fn created(response: &ClientResponse) -> String {
    let package = response.json(201);
    // go-cfclient ignores the body of an answer that names a job.
    assert_eq!(response.header("location"), None);
    assert!(package["type"] == "bits" || package["type"] == "docker");
    assert!(package.get("data").is_some());
    assert_is_time(&package["created_at"]);
    assert_is_time(&package["updated_at"]);
    text(&package["guid"])
}

#[test]
fn cf_create_package_of_a_folder_or_an_archive() {
    // `cf` waits three seconds before it asks for the state. The states between have time to be seen.
    let cf = Client::cf(&["--processing", "100ms"]);
    let body =
        format!(r#"{{"relationships":{{"app":{{"data":{{"guid":"{APP}"}}}}}},"type":"bits"}}"#);
    let guid = created(&cf.send("POST", "/v3/packages", &body));
    let uploaded = cf.upload(&guid, "", "cf-cli-2718281828").ok();
    assert_eq!(uploaded["state"], "PROCESSING_UPLOAD");
    assert_eq!(cf.poll(&guid).last().expect("a state"), "READY");
}

#[test]
fn cf_push_sends_what_is_new_beside_a_list_of_resources() {
    let cf = Client::cf(&[]);
    let body =
        format!(r#"{{"relationships":{{"app":{{"data":{{"guid":"{APP}"}}}}}},"type":"bits"}}"#);
    let guid = created(&cf.send("POST", "/v3/packages", &body));
    let resources =
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n[]\r\n");
    cf.upload(&guid, &resources, "package.zip").ok();
    assert_eq!(cf.poll(&guid), ["READY"]);
}

#[test]
fn cf_create_package_of_a_docker_image_does_not_poll() {
    let cf = Client::cf(&[]);
    let body = format!(
        r#"{{"relationships":{{"app":{{"data":{{"guid":"{DOCKER_APP}"}}}}}},"type":"docker","data":{{"image":"registry.example.com/shop:1"}}}}"#
    );
    let response = cf.send("POST", "/v3/packages", &body);
    created(&response);
    assert_eq!(response.json(201)["state"], "READY");
}

#[test]
fn cf_copy_source_copies_the_newest_ready_package() {
    let cf = Client::cf(&["--processing", "50ms"]);
    let newest = cf.get(&format!(
        "/v3/packages?app_guids={APP}&order_by=-created_at&page=1&per_page=1&states=READY"
    ));
    let source = text(&newest["resources"][0]["guid"]);
    let body = format!(r#"{{"relationships":{{"app":{{"data":{{"guid":"{OTHER_APP}"}}}}}}}}"#);
    let copy = created(&cf.send("POST", &format!("/v3/packages?source_guid={source}"), &body));
    assert_eq!(cf.poll(&copy).last().expect("a state"), "READY");
}

#[test]
fn cf_stage_package_polls_the_build() {
    let cf = Client::cf(&["--staging", "auto:50ms"]);
    let ready = cf.get(&format!(
        "/v3/packages?app_guids={APP}&page=1&per_page=1&states=READY"
    ));
    let package = text(&ready["resources"][0]["guid"]);
    let body = format!(r#"{{"package":{{"guid":"{package}"}}}}"#);
    let build = cf.send("POST", "/v3/builds", &body).json(201);
    let target = format!("/v3/builds/{}", text(&build["guid"]));
    let staged = loop {
        let build = cf.get(&target);
        match text(&build["state"]).as_str() {
            "STAGED" => break build,
            "STAGING" => std::thread::sleep(std::time::Duration::from_millis(10)),
            other => panic!("{other}"),
        }
    };
    let droplet = text(&staged["droplet"]["guid"]);
    let droplets = cf.get(&format!(
        "/v3/droplets?app_guids={APP}&order_by=-created_at"
    ));
    assert_eq!(droplets["resources"][0]["guid"], droplet);
    // `cf set-droplet` shows the text of the error.
    let assigned = cf.send(
        "PATCH",
        &format!("/v3/apps/{APP}/relationships/current_droplet"),
        &format!(r#"{{"data":{{"guid":"{droplet}"}}}}"#),
    );
    let detail = text(&assigned.json(422)["errors"][0]["detail"]);
    assert!(
        detail.starts_with("Unable to assign current droplet."),
        "{detail}"
    );
}

#[test]
fn cf_curl_deletes_a_package() {
    let cf = Client::cf(&[]);
    let list = cf.get(&format!("/v3/packages?app_guids={APP}&per_page=1"));
    let target = format!("/v3/packages/{}", text(&list["resources"][0]["guid"]));
    let deleted = cf.send("DELETE", &target, "");
    assert_eq!((deleted.status, deleted.body.as_str()), (202, ""));
    let job = json!(deleted.header("location").expect("a job"));
    let job = cf.get(&cf.server.target(&job));
    assert_eq!(job["state"], "COMPLETE");
    assert_eq!(
        cf.send("GET", &target, "").json(404)["errors"][0]["code"],
        10010
    );
}

#[test]
fn go_cfclient_creates_uploads_and_polls() {
    let go = Client::go(&["--processing", "50ms"]);
    let body = format!(
        "{{\"type\":\"bits\",\"relationships\":{{\"app\":{{\"data\":{{\"guid\":\"{APP}\"}}}}}}}}\n"
    );
    let guid = created(&go.send("POST", "/v3/packages", &body));
    // `Upload` accepts 200 only.
    go.upload(&guid, "", "package.zip").ok();
    assert_eq!(go.poll(&guid).last().expect("a state"), "READY");

    let body = format!(
        "{{\"type\":\"docker\",\"relationships\":{{\"app\":{{\"data\":{{\"guid\":\"{DOCKER_APP}\"}}}}}},\"data\":{{\"image\":\"shop:1\",\"username\":\"u\",\"password\":\"p\"}}}}\n"
    );
    let docker = go.send("POST", "/v3/packages", &body);
    created(&docker);
    assert_eq!(docker.json(201)["data"]["username"], "u");
}

#[test]
fn go_cfclient_copies_and_updates() {
    let go = Client::go(&[]);
    let ready = go.get(&format!(
        "/v3/packages?app_guids={APP}&page=1&per_page=50&states=READY&types=bits"
    ));
    let source = text(&ready["resources"][0]["guid"]);
    let body =
        format!("{{\"relationships\":{{\"app\":{{\"data\":{{\"guid\":\"{OTHER_APP}\"}}}}}}}}\n");
    let copy = created(&go.send("POST", &format!("/v3/packages?source_guid={source}"), &body));
    assert_eq!(go.poll(&copy), ["READY"]);

    let target = format!("/v3/packages/{copy}");
    let update = |body: &str| go.send("PATCH", &target, body).ok()["metadata"].clone();
    update("{\"metadata\":{\"labels\":{\"old\":\"x\"}}}\n");
    let metadata = update(
        "{\"metadata\":{\"labels\":{\"env\":\"qa\",\"old\":null},\"annotations\":{\"note\":\"a b\"}}}\n",
    );
    let expected = json!({"labels": {"env": "qa"}, "annotations": {"note": "a b"}});
    assert_eq!(metadata, expected);
}

#[test]
fn go_cfclient_deletes_and_waits_for_the_job() {
    let go = Client::go(&["--processing", "50ms"]);
    let list = go.get("/v3/packages?page=1&per_page=50");
    let target = format!("/v3/packages/{}", text(&list["resources"][0]["guid"]));
    let deleted = go.send("DELETE", &target, "");
    assert_eq!(deleted.status, 202);
    // The client takes the last part of `Location`, if the part before it is `jobs`.
    let location = deleted.header("location").expect("a job").to_owned();
    let mut parts = location.rsplit('/');
    let (job, before) = (parts.next().expect("a guid"), parts.next());
    assert_eq!(before, Some("jobs"));
    loop {
        match text(&go.get(&format!("/v3/jobs/{job}"))["state"]).as_str() {
            "COMPLETE" => break,
            "PROCESSING" => std::thread::sleep(std::time::Duration::from_millis(10)),
            other => panic!("{other}"),
        }
    }
    assert_eq!(go.send("GET", &target, "").status, 404);
}
