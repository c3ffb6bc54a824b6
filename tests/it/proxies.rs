//! A server behind a proxy: the path prefix of `--external-url`, and what `--trust-proxy` reads.

use serde_json::Value;

use crate::support::openapi_document::Document;
use crate::support::{Response, Server, WorkDir};

/// Sends a request with these headers beside `Host`.
fn send(server: &Server, line: &str, headers: &[&str], body: &str) -> Response {
    let headers: String = headers
        .iter()
        .map(|header| format!("{header}\r\n"))
        .collect();
    let length = body.len();
    server.send(format!(
        "{line} HTTP/1.1\r\nHost: example.org\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ))
}

/// Returns the hrefs of a document, except the empty ones.
fn hrefs(response: &Response) -> Vec<String> {
    fn collect(value: &Value, hrefs: &mut Vec<String>) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| collect(value, hrefs)),
            Value::Object(members) => {
                for (name, value) in members {
                    match value {
                        Value::String(href) if name == "href" => hrefs.push(href.clone()),
                        value => collect(value, hrefs),
                    }
                }
            }
            _ => {}
        }
    }
    let document = serde_json::from_str(&response.body).expect("JSON");
    let mut hrefs = Vec::new();
    collect(&document, &mut hrefs);
    hrefs.retain(|href| !href.is_empty());
    hrefs
}

/// Fails unless the document has hrefs, and each begins with `base` and leads to a path of the API or to the root.
fn assert_based_on(base: &str, response: &Response) {
    let hrefs = hrefs(response);
    assert!(!hrefs.is_empty(), "{}", response.body);
    for href in hrefs {
        let path = href.strip_prefix(base).unwrap_or_else(|| panic!("{href}"));
        let starts = ["/v3", "/networking"];
        assert!(
            path.is_empty() || starts.iter().any(|start| path.starts_with(start)),
            "{href}"
        );
    }
}

/// Returns the guid of the first package.
fn first_package(server: &Server) -> String {
    let list: Value = serde_json::from_str(&server.get("/v3/packages", "").body).expect("JSON");
    list["resources"][0]["guid"]
        .as_str()
        .expect("a guid")
        .to_owned()
}

#[test]
fn path_prefix_of_the_external_url_is_in_every_href() {
    let dir = WorkDir::new();
    let flags = [
        "--ephemeral",
        "--seed",
        "demo",
        "--no-auth",
        "--api",
        "current",
    ];
    let external = ["--external-url", "https://example.org/cf/packages/"];
    let server = dir.serve(&[&flags[..], &external].concat());
    let base = "https://example.org/cf/packages";
    for target in [
        "/",
        "/v3",
        "/v3/info",
        "/v3/packages?per_page=2&page=2",
        "/v3/organizations",
        "/v3/spaces?include=organization",
        "/v3/apps?include=space.organization",
    ] {
        assert_based_on(base, &server.get(target, ""));
    }
    let apps: Value = serde_json::from_str(&server.get("/v3/apps", "").body).expect("JSON");
    let app = apps["resources"][0]["guid"].as_str().expect("a guid");
    let features = server.get(&format!("/v3/apps/{app}/features"), "").body;
    // Relative, as in a controller.
    let first = format!(r#""first":{{"href":"/cf/packages/v3/apps/{app}/features"}}"#);
    assert!(features.contains(&first), "{features}");
    let guid = first_package(&server);
    assert_based_on(base, &server.get(&format!("/v3/packages/{guid}"), ""));
    let deleted = send(&server, &format!("DELETE /v3/packages/{guid}"), &[], "");
    let job = deleted.header("location").expect("a job").to_owned();
    let job = job.strip_prefix(base).expect("the prefix");
    assert_based_on(base, &server.get(job, ""));
}

#[test]
fn path_prefix_is_in_the_paths_of_2015_too() {
    let dir = WorkDir::new();
    let flags = ["--ephemeral", "--seed", "demo", "--no-auth"];
    let external = ["--external-url", "https://example.org/cf"];
    let server = dir.serve(&[&flags[..], &external].concat());
    assert_based_on("/cf", &server.get("/v3/packages?page=2", ""));
    let guid = first_package(&server);
    assert_based_on("/cf", &server.get(&format!("/v3/packages/{guid}"), ""));
    let without = dir.serve(&flags);
    assert_based_on("", &without.get("/v3/packages?page=2", ""));
}

/// Fails unless the response has this status and is what the document says.
fn assert_described(document: &Document, line: &str, status: u16, response: &Response) {
    assert_eq!(response.status, status, "{line}: {}", response.body);
    let (method, target) = line.split_once(' ').expect("a method and a target");
    let body = serde_json::from_str(&response.body).expect("JSON");
    let checked = document.check(method, target, status, &body);
    assert_eq!(checked, Ok(()), "{line}");
}

#[test]
fn responses_behind_a_path_prefix_are_what_the_openapi_document_says() {
    let dir = WorkDir::new();
    let external = ["--external-url", "https://example.org/cf/packages.v1"];
    let forwarded = ["X-Forwarded-Prefix: /cf/packages.v1"];
    for edition in ["2015", "current"] {
        for (flags, headers) in [(&external[..], &[][..]), (&["--trust-proxy"], &forwarded)] {
            let server = dir.serve(&[&TRUSTING[..4], &["--api", edition], flags].concat());
            let document = server.get("/openapi.json", "").body;
            let document = Document::parse(document.as_bytes());
            let list: Value =
                serde_json::from_str(&server.get("/v3/packages", "").body).expect("JSON");
            let package = list["resources"][0]["guid"].as_str().expect("a guid");
            let href = list["resources"][0]["links"]["app"]["href"].as_str();
            let app = href
                .and_then(|href| href.rsplit('/').next())
                .expect("a guid");
            let mut targets = vec![
                "/v3/packages?per_page=2&page=2".to_owned(),
                format!("/v3/packages/{package}"),
                format!("/v3/apps/{app}"),
                format!("/v3/apps/{app}/packages"),
            ];
            if edition == "current" {
                targets.extend(parents_and_their_resources(&server, app));
            }
            for target in targets {
                let line = format!("GET {target}");
                let response = send(&server, &line, headers, "");
                assert!(response.body.contains("/cf/packages.v1"), "{line}");
                assert_described(&document, &line, 200, &response);
            }
        }
    }
}

/// Returns the targets of lists and of single resources of `current` whose documents have hrefs.
fn parents_and_their_resources(server: &Server, app: &str) -> Vec<String> {
    let first_guid = |target: &str| {
        let list: Value = serde_json::from_str(&server.get(target, "").body).expect("JSON");
        let guid = list["resources"][0]["guid"].as_str();
        guid.unwrap_or_else(|| panic!("{target} is empty"))
            .to_owned()
    };
    let mut targets = vec![
        "/".to_owned(),
        "/v3".to_owned(),
        "/v3/info".to_owned(),
        "/v3/apps?include=space.organization".to_owned(),
        "/v3/routes".to_owned(),
        format!("/v3/apps/{app}/tasks"),
        format!("/v3/apps/{app}/processes/web"),
        format!("/v3/apps/{app}/features"),
        format!("/v3/apps/{app}/env"),
        format!("/v3/apps/{app}/environment_variables"),
    ];
    for list in ["organizations", "spaces", "users", "roles", "processes"] {
        let list = format!("/v3/{list}");
        targets.push(format!("{list}/{}", first_guid(&list)));
        targets.push(list);
    }
    targets
}

#[test]
fn external_url_with_more_than_a_path_is_refused() {
    let dir = WorkDir::new();
    for url in [
        "https://a.example/p?q",
        "https://a.example//p",
        "https://a.example/../p",
        "a.example/p",
        "https://h:99999",
        "https://a..b/",
    ] {
        let output = dir.run(&["serve", "--ephemeral", "--external-url", url]);
        assert_eq!(output.status, 2, "{url}");
        assert!(
            output
                .stderr
                .contains("as `https://api.example.org/packages`"),
            "{}",
            output.stderr
        );
    }
}

const TRUSTING: [&str; 7] = [
    "--ephemeral",
    "--seed",
    "demo",
    "--no-auth",
    "--api",
    "current",
    "--trust-proxy",
];

#[test]
fn trusted_proxy_names_scheme_host_and_prefix() {
    let dir = WorkDir::new();
    let server = dir.serve(&TRUSTING);
    for (base, headers) in [
        ("http://example.org", &[][..]),
        ("https://example.org", &["X-Forwarded-Proto: https"]),
        (
            "http://a.example:8443",
            &["X-Forwarded-Host: evil.example, a.example:8443"],
        ),
        ("http://example.org/p", &["X-Forwarded-Prefix: /p"]),
        (
            "https://a.example/p/q",
            &[
                "X-Forwarded-Proto: https",
                "X-Forwarded-Host: a.example",
                "X-Forwarded-Prefix: /p/q/",
            ],
        ),
        (
            "https://a.example",
            &["Forwarded: for=1.2.3.4;proto=https;host=a.example"],
        ),
    ] {
        // The second response to the same request may come from the cache.
        for target in ["/", "/v3/packages", "/v3/packages", "/v3/apps"] {
            assert_based_on(base, &send(&server, &format!("GET {target}"), headers, ""));
        }
    }
}

#[test]
fn headers_of_a_proxy_are_not_read_without_the_flag() {
    let dir = WorkDir::new();
    let external = ["--external-url", "https://b.example/x"];
    for (flags, base) in [
        (TRUSTING[..6].to_vec(), "http://example.org"),
        ([&TRUSTING[..6], &external].concat(), "https://b.example/x"),
        ([&TRUSTING[..], &external].concat(), "https://b.example/x"),
    ] {
        let server = dir.serve(&flags);
        let headers = [
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: a.example",
            "X-Forwarded-Prefix: /p",
            "Forwarded: proto=https;host=a.example",
        ];
        assert_based_on(base, &send(&server, "GET /v3/packages", &headers, ""));
    }
    for flags in [TRUSTING[..6].to_vec(), [&TRUSTING[..], &external].concat()] {
        let server = dir.serve(&flags);
        let malformed = send(&server, "GET /v3/packages", &["X-Forwarded-Proto: ftp"], "");
        assert_eq!(malformed.status, 200, "{flags:?}");
    }
}

#[test]
fn malformed_header_of_a_trusted_proxy_gets_400() {
    let dir = WorkDir::new();
    let server = dir.serve(&TRUSTING);
    for (header, named) in [
        ("X-Forwarded-Proto: javascript", "X-Forwarded-Proto"),
        ("X-Forwarded-Host: a.example/p", "X-Forwarded-Host"),
        ("X-Forwarded-Host: user@a.example", "X-Forwarded-Host"),
        ("X-Forwarded-Host: a.example:99999", "X-Forwarded-Host"),
        ("X-Forwarded-Host: a.example:", "X-Forwarded-Host"),
        ("X-Forwarded-Host: a..example", "X-Forwarded-Host"),
        ("X-Forwarded-Prefix: //evil.example", "X-Forwarded-Prefix"),
        ("X-Forwarded-Prefix: p", "X-Forwarded-Prefix"),
        ("Forwarded: host=\"a", "Forwarded"),
        ("Forwarded: host=a..example", "Forwarded"),
    ] {
        let response = send(&server, "GET /v3/packages", &[header], "");
        assert_eq!(response.status, 400, "{header}");
        let error: Value = serde_json::from_str(&response.body).expect("JSON");
        assert_eq!(error["errors"][0]["title"], "CF-InvalidRequest");
        let detail = error["errors"][0]["detail"].as_str().expect("a text");
        assert!(detail.contains(&format!("`{named}`")), "{detail}");
        assert_eq!(send(&server, "GET /healthz", &[header], "").status, 200);
    }
}

#[test]
fn web_page_of_the_host_that_the_proxy_names_may_change_data() {
    let dir = WorkDir::new();
    let server = dir.serve(&TRUSTING);
    let guid = first_package(&server);
    let patch = |headers: &[&str]| {
        let line = format!("PATCH /v3/packages/{guid}");
        send(&server, &line, headers, "{\"metadata\":{}}").status
    };
    let host = "X-Forwarded-Host: a.example";
    assert_eq!(patch(&[host, "Origin: https://a.example"]), 200);
    assert_eq!(patch(&[host, "Origin: https://evil.example"]), 403);
    assert_eq!(patch(&["Origin: https://a.example"]), 403);
    let https = "X-Forwarded-Proto: https";
    assert_eq!(patch(&[host, https, "Origin: https://a.example"]), 200);
    assert_eq!(patch(&[host, https, "Origin: http://a.example"]), 403);
    assert_eq!(patch(&[https, "Origin: http://example.org"]), 403);
    // Without the flag, nothing tells the scheme that the proxy speaks.
    let untold = dir.serve(&TRUSTING[..6]);
    let line = "DELETE /v3/packages/none";
    for origin in ["Origin: http://example.org", "Origin: https://example.org"] {
        assert_eq!(
            send(&untold, line, &[https, origin], "").status,
            404,
            "{origin}"
        );
    }
}

#[test]
fn web_page_of_the_external_url_in_another_scheme_may_not_change_data() {
    let dir = WorkDir::new();
    // `send` requests that host.
    let external = ["--external-url", "https://example.org/cf"];
    let server = dir.serve(&[&TRUSTING[..6], &external].concat());
    let line = "DELETE /v3/packages/none";
    for (origin, status) in [
        ("Origin: https://example.org", 404),
        ("Origin: http://example.org", 403),
    ] {
        assert_eq!(
            send(&server, line, &[origin], "").status,
            status,
            "{origin}"
        );
    }
}
