//! `/admin/requests`: a test suite reads what was requested of the server.

use serde_json::{Value, json};

use crate::support::{Response, Server, WorkDir, get};

fn serve(dir: &WorkDir) -> Server {
    dir.serve(&[
        "--ephemeral",
        "--api",
        "current",
        "--no-auth",
        "--seed",
        "example",
    ])
}

fn send(server: &Server, method: &str, target: &str, headers: &str) -> Response {
    server.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: example.org\r\n{headers}Content-Length: 0\r\n\r\n"
    ))
}

fn json_of(server: &Server, target: &str) -> Value {
    let answer = server.get(target, "");
    assert_eq!(answer.status, 200, "{target}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn request_is_shown_with_its_route_query_status_and_caller() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    let response = send(
        &server,
        "GET",
        "/v3//packages/guid-none/?include=x",
        "X-Vcap-Request-Id: mine\r\n",
    );
    let shown = json_of(&server, "/admin/requests");
    let mut request = shown["requests"][0].clone();
    let milliseconds = request["milliseconds"].take();
    assert!(milliseconds.as_f64().unwrap() >= 0.0);
    let time = request["time"].take();
    assert_eq!(
        time.as_str().unwrap().len(),
        "2026-01-01T00:00:00.123Z".len()
    );
    assert_eq!(
        request,
        json!({
            "time": null,
            "method": "GET",
            "path": "/v3/packages/guid-none",
            "query": "include=x",
            "route": "/v3/packages/:guid",
            "status": response.status,
            "milliseconds": null,
            "request_id": response.header("x-vcap-request-id").unwrap(),
            "caller": "admin",
        })
    );
    assert_eq!(shown["forgotten"], 0);
}

#[test]
fn parameters_select_by_method_path_and_status() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    for (method, target) in [
        ("GET", "/v3/packages"),
        ("HEAD", "/v3/packages"),
        ("GET", "/v3/packages?page=2"),
        ("GET", "/v3/packages/none"),
        ("POST", "/v3/nothing"),
        ("GET", "/v3/apps"),
    ] {
        send(&server, method, target, "");
    }
    for (query, count) in [
        ("", 6),
        ("?method=GET", 4),
        ("?method=head", 1),
        ("?path=/v3/packages", 3),
        ("?path=/v3/packages*", 4),
        ("?path=/v3/*", 6),
        ("?status=404", 2),
        ("?status=404&method=GET", 1),
        ("?path=/v3/packages&method=GET&status=200", 2),
        ("?status=500", 0),
    ] {
        let counted = json_of(&server, &format!("/admin/requests/count{query}"));
        assert_eq!(counted, json!({"count": count, "forgotten": 0}), "{query}");
        let list = json_of(&server, &format!("/admin/requests{query}"));
        assert_eq!(list["requests"].as_array().unwrap().len(), count, "{query}");
    }
    for (query, text) in [
        (
            "state=1",
            "there is no parameter `state`; give `method`, `path` or `status`",
        ),
        (
            "path=v3",
            "path `v3` must begin with `/`; a `*` at its end stands for any rest",
        ),
        ("status=4xx", "status `4xx` is not a number from 100 to 599"),
        (
            "method=GET&method=PUT",
            "`method` is given twice; give it once",
        ),
    ] {
        for path in ["/admin/requests", "/admin/requests/count"] {
            let answer = server.get(&format!("{path}?{query}"), "");
            assert_eq!(answer.status, 422, "{query}");
            assert!(answer.body.contains(text), "{}", answer.body);
        }
    }
}

#[test]
fn requests_for_admin_and_health_are_not_recorded() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    server.get("/healthz", "");
    server.get("/admin/clock", "");
    server.get("/admin/nothing", "");
    assert_eq!(json_of(&server, "/admin/requests")["requests"], json!([]));
}

#[test]
fn connection_that_a_fault_rule_closed_has_no_status() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    let rule = r#"{"path":"/v3/packages","cut":true}"#;
    let added = server.send(format!(
        "POST /admin/faults HTTP/1.1\r\nHost: example.org\r\nContent-Length: {}\r\n\r\n{rule}",
        rule.len()
    ));
    assert_eq!(added.status, 200);
    let mut connection = server.connect();
    connection.send(get("/v3/packages", ""));
    assert_eq!(connection.read(false), None);
    let shown = json_of(&server, "/admin/requests");
    assert_eq!(shown["requests"][0]["status"], Value::Null);
    assert_eq!(shown["requests"][0]["path"], "/v3/packages");
}

#[test]
fn delete_and_reset_forget_the_requests() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    for (method, target) in [("DELETE", "/admin/requests"), ("POST", "/admin/reset")] {
        server.get("/v3/packages", "");
        assert_eq!(json_of(&server, "/admin/requests/count")["count"], 1);
        let answer = send(&server, method, target, "");
        assert_eq!(answer.status_and_body(), (204, ""));
        assert_eq!(json_of(&server, "/admin/requests/count")["count"], 0);
    }
}

#[test]
fn last_thousand_requests_are_remembered() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    let mut connection = server.connect();
    for number in 0..1003 {
        connection.send(get(&format!("/v3/packages/{number}"), ""));
        connection.read(false).unwrap();
    }
    let counted = json_of(&server, "/admin/requests/count");
    assert_eq!(counted, json!({"count": 1000, "forgotten": 3}));
    let shown = json_of(&server, "/admin/requests");
    assert_eq!(shown["requests"][0]["path"], "/v3/packages/3");
    assert_eq!(shown["requests"][999]["path"], "/v3/packages/1002");
}

#[test]
fn secrets_in_a_target_are_hidden() {
    let dir = WorkDir::new();
    let server = serve(&dir);
    let token = dir.run_ok(&["token", "--admin", "--token-key", "topsecret"]);
    let token = token.trim_end();
    for target in [
        format!("/v3/packages?access_token={token}"),
        format!("/v3/packages?x={token}&page=1"),
        format!("/v3/packages/{token}"),
        "/oauth/token?username=alice&x=topsecret".to_owned(),
        "/v3/packages?client_secret=topsecret".to_owned(),
    ] {
        server.get(&target, token);
    }
    let shown = server.get("/admin/requests", "").body;
    assert_eq!(json_of(&server, "/admin/requests/count")["count"], 5);
    assert!(
        !shown.contains("eyJ") && !shown.contains("topsecret"),
        "{shown}"
    );
    assert!(shown.contains(r#""query":"x=***&page=1""#), "{shown}");
}

#[test]
fn caller_is_the_user_of_the_token_and_nobody_without_one() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example"]);
    let (token, admin) = (dir.token("uaa-id-463"), dir.admin_token());
    let server = dir.serve(&["--admin-api"]);
    server.get("/v3/packages", &token);
    server.get("/v3/packages", "wrong");
    server.get("/v3/packages", "");
    let shown = server.get("/admin/requests", &admin).body;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    let callers: Vec<_> = shown["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|request| (&request["status"], &request["caller"]))
        .collect();
    assert_eq!(
        callers,
        [
            (&json!(200), &json!("uaa-id-463")),
            (&json!(401), &Value::Null),
            (&json!(401), &Value::Null)
        ]
    );
    assert_eq!(server.get("/admin/requests", &token).status, 403);
    assert_eq!(server.get("/admin/requests", "").status, 401);
}

#[test]
fn clock_is_shown() {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--ephemeral",
        "--no-auth",
        "--clock",
        "2026-01-01T00:00:00Z",
    ]);
    assert_eq!(
        json_of(&server, "/admin/clock"),
        json!({"time": "2026-01-01T00:00:00Z"})
    );
}

#[test]
fn server_without_the_admin_api_shows_no_requests() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--no-auth"]);
    for target in ["/admin/requests", "/admin/requests/count", "/admin/clock"] {
        assert_eq!(server.get(target, "").status, 404, "{target}");
    }
}
