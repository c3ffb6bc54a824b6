//! The admin API: a test suite in any language changes data, clock and faults over HTTP.

use crate::support::{Response, Server, WorkDir, archive, get};

const FLAGS: [&str; 4] = ["--ephemeral", "--no-auth", "--api", "current"];

/// Starts an ephemeral server of the `current` edition that needs no token.
fn serve(dir: &WorkDir, flags: &[&str]) -> Server {
    let mut all = FLAGS.to_vec();
    all.extend(flags);
    dir.serve(&all)
}

fn send(server: &Server, method: &str, path: &str, body: &str) -> Response {
    server.send(format!(
        "{method} {path} HTTP/1.1\r\nHost: example.org\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ))
}

fn total(server: &Server) -> String {
    let body = server.get("/v3/packages?per_page=1", "").body;
    let total = body
        .strip_prefix("{\"pagination\":{\"total_results\":")
        .unwrap();
    total.split(',').next().unwrap().to_owned()
}

#[test]
fn seed_is_visible_at_once() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    assert_eq!(total(&server), "0");
    let answer = send(&server, "POST", "/admin/seed", "{\"name\":\"demo\"}");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer
            .body
            .contains("\"packages\":{\"added\":300,\"changed\":0,\"unchanged\":0}")
    );
    assert_eq!(total(&server), "300");
    let lines = "{\"app\":{\"name\":\"new\",\"space\":\"41e849e6-b52b-48a8-aed5-8082f983c4ff\"}}\n{\"package\":{\"app\":\"new\",\"type\":\"bits\"}}\n";
    let answer = send(&server, "POST", "/admin/seed", lines);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(total(&server), "301");
}

#[test]
fn seed_with_prune_removes_everything_else() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "demo"]);
    let answer = send(
        &server,
        "POST",
        "/admin/seed?pruen=true",
        "{\"name\":\"example\"}",
    );
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("`prune=true`"), "{}", answer.body);
    let answer = send(
        &server,
        "POST",
        "/admin/seed?prune=true",
        "{\"name\":\"example\"}",
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer
            .body
            .contains("\"packages\":{\"added\":4,\"changed\":0,\"unchanged\":0,\"removed\":300}"),
        "{}",
        answer.body
    );
    assert_eq!(total(&server), "4");
}

#[test]
fn every_fault_of_a_refused_seed_is_answered() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let answer = send(
        &server,
        "POST",
        "/admin/seed",
        r#"{"users": [{}, {"guid": 1}]}"#,
    );
    assert_eq!(answer.status, 422);
    for words in [
        "`users[0]`",
        "`users[1].guid`",
        "2 faults; nothing was stored",
    ] {
        assert!(answer.body.contains(words), "{}", answer.body);
    }
}

#[test]
fn refused_seed_gets_422_and_stores_nothing() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "example"]);
    let seed =
        r#"{"organizations": [{"name": "one"}], "packages": [{"app": "nope", "type": "bits"}]}"#;
    let answer = send(&server, "POST", "/admin/seed", seed);
    assert_eq!(answer.status, 422);
    assert!(
        answer.body.contains("packages[0].app") && answer.body.contains("\"code\":10008"),
        "{}",
        answer.body
    );
    let organizations = server.get("/v3/organizations?names=one", "");
    assert!(organizations.body.contains("\"total_results\":0"));
    let answer = send(&server, "POST", "/admin/seed", "{\"name\":\"nope\"}");
    assert_eq!(answer.status, 422);
}

#[test]
fn reset_restores_data_clock_and_faults() {
    let dir = WorkDir::new();
    let server = serve(
        &dir,
        &["--seed", "example", "--clock", "2026-01-01T00:00:00Z"],
    );
    let before = server.get("/v3/packages", "").body;
    send(&server, "POST", "/admin/seed", "{\"name\":\"demo\"}");
    send(&server, "PUT", "/admin/clock", "{\"advance\":\"2h\"}");
    send(
        &server,
        "POST",
        "/admin/faults",
        "{\"path\":\"/v3/packages\",\"status\":500}",
    );
    assert_eq!(
        send(&server, "POST", "/admin/reset", "").status_and_body(),
        (204, "")
    );
    assert_eq!(server.get("/v3/packages", "").body, before);
    let clock = send(&server, "PUT", "/admin/clock", "{\"advance\":\"0s\"}");
    assert_eq!(
        clock.status_and_body(),
        (200, "{\"time\":\"2026-01-01T00:00:00Z\"}")
    );
}

#[test]
fn reset_of_a_file_is_refused() {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--admin-api",
        "--no-auth",
        "--api",
        "current",
        "--seed",
        "example",
    ]);
    let answer = send(&server, "POST", "/admin/reset", "");
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("--ephemeral"), "{}", answer.body);
    assert_eq!(total(&server), "4");
}

#[test]
fn export_over_http_is_the_export_of_the_command() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "demo", "--generate", "2000"]);
    let server = dir.serve(&["--admin-api", "--no-auth"]);
    let answer = server.get("/admin/export", "");
    assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
    assert_eq!(
        answer.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    assert!(answer.body.len() > 500_000, "{}", answer.body.len());
    assert!(answer.body == dir.run_ok(&["export"]), "the exports differ");
}

#[test]
fn export_over_http_says_how_many_packages_have_bits() {
    let dir = WorkDir::new();
    dir.write("shop.zip", archive(&[("a", b"x")]));
    dir.write(
        "seed.json",
        r#"{"organizations": [{"name": "acme"}], "spaces": [{"name": "dev", "organization": "acme"}],
            "apps": [{"name": "shop", "space": "dev"}],
            "packages": [{"app": "shop", "type": "bits", "bits": "shop.zip"},
                         {"app": "shop", "type": "bits", "bits": "shop.zip"},
                         {"app": "shop", "type": "bits"}]}"#,
    );
    let server = dir.serve(&["--admin-api", "--no-auth"]);
    assert_eq!(
        server.get("/admin/export", "").header("x-cf-warnings"),
        None
    );
    dir.run_ok(&["seed", "seed.json"]);
    let answer = server.get("/admin/export", "");
    let warning = answer.header("x-cf-warnings").expect("a warning");
    assert!(
        warning.starts_with("2%20packages%20have%20bits%2C%20which%20are%20left%20out"),
        "{warning}"
    );
    assert!(
        answer.body == dir.run(&["export"]).stdout,
        "the exports differ"
    );
}

#[test]
fn client_that_leaves_an_export_does_no_harm() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "--generate", "2000"]);
    let server = dir.serve(&["--admin-api", "--no-auth"]);
    // More clients than there are readers.
    for _ in 0..20 {
        let mut client = server.connect();
        client.send(get("/admin/export", ""));
        drop(client);
    }
    assert_eq!(server.get("/admin/export", "").status, 200);
    assert_eq!(server.get("/v3/packages", "").status, 200);
    server.stop();
}

#[test]
fn token_of_any_user_is_signed_without_the_key() {
    let dir = WorkDir::new();
    let flags = [
        "--ephemeral",
        "--seed",
        "example",
        "--admin-token-file",
        "admin",
    ];
    let server = dir.serve(&flags);
    let admin = String::from_utf8(dir.read("admin")).unwrap();
    let sign = |token: &str, body: &str| {
        server.send(format!(
            "POST /admin/token HTTP/1.1\r\nHost: example.org\r\nAuthorization: bearer {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    let signed = |body: &str| {
        let answer = sign(&admin, body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        serde_json::from_str::<serde_json::Value>(&answer.body).unwrap()
    };
    for (body, packages) in [
        (r#"{"user":"uaa-id-463"}"#, r#""total_results": 3"#),
        (r#"{"user":"admin","ttl":"5s"}"#, r#""total_results": 4"#),
    ] {
        let token = signed(body)["token"].as_str().unwrap().to_owned();
        let list = server.get("/v3/packages", &token);
        assert!(list.body.contains(packages), "{}", list.body);
    }
    assert_eq!(signed(r#"{"user":"admin","ttl":"5s"}"#)["expires_in"], 5);

    for (body, what) in [
        (r#"{"user":"nobody"}"#, "no user has the guid `nobody`"),
        (
            r#"{"user":"admin","ttl":"0s"}"#,
            "ttl: expected a second or more",
        ),
        (r#"{"user":"admin","ttl":5}"#, "`5`: expected a text"),
        (r#"{"name":"admin"}"#, "unknown field `name`"),
    ] {
        let answer = sign(&admin, body);
        assert_eq!(answer.status, 422, "{body}");
        assert!(answer.body.contains(what), "{body}: {}", answer.body);
    }
    let user = signed(r#"{"user":"uaa-id-463"}"#)["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(sign(&user, r#"{"user":"admin"}"#).status, 403);
    assert_eq!(sign("", r#"{"user":"admin"}"#).status, 401);
    server.stop();

    let open = serve(&dir, &[]);
    assert_eq!(
        send(&open, "POST", "/admin/token", r#"{"user":"admin"}"#).status,
        400
    );
    open.stop();
}

#[test]
fn clock_is_set_and_advanced() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--clock", "2026-01-01T00:00:00Z"]);
    let put = |body: &str| send(&server, "PUT", "/admin/clock", body);
    assert_eq!(
        put("{\"time\":\"2027-05-06T07:08:09Z\"}").body,
        "{\"time\":\"2027-05-06T07:08:09Z\"}"
    );
    assert_eq!(
        put("{\"advance\":\"2h\"}").body,
        "{\"time\":\"2027-05-06T09:08:09Z\"}"
    );
    for (body, status) in [
        ("{}", 422),
        ("{\"time\":\"soon\"}", 422),
        ("{\"advance\":\"-1h\"}", 422),
        (
            "{\"time\":\"2027-05-06T07:08:09Z\",\"advance\":\"1s\"}",
            422,
        ),
        ("nonsense", 400),
    ] {
        assert_eq!(put(body).status, status, "{body}");
    }
    for (body, sentence) in [
        (
            r#"{"advance":"5"}"#,
            "advance: `5`: expected a unit too: `5ms`, `5s`, `5m`, `5h` or `5d`",
        ),
        (
            r#"{"advance":"-1h"}"#,
            "advance: `-1h`: expected a whole number and a unit, such as `250ms`, `90s`, `10m`, `2h` or `1d`",
        ),
        (
            r#"{"advance":3600}"#,
            r#"advance: `3600`: expected a text, such as `\"250ms\"`, `\"90s\"` or `\"2h\"`"#,
        ),
        (
            r#"{"time":1767225600}"#,
            "time: `1767225600`: expected an RFC 3339 time from 1970 to 9999, such as `2015-11-13T17:03:00Z`",
        ),
    ] {
        let answer = put(body);
        assert!(answer.body.contains(sentence), "{}", answer.body);
    }
}

#[test]
fn admin_api_needs_its_flag_and_an_admins_token() {
    let dir = WorkDir::new();
    let server = dir.serve(&["--admin-api", "--seed", "example"]);
    let (admin, user) = (dir.admin_token(), dir.token("uaa-id-463"));
    assert_eq!(server.get("/admin/export", "").status, 401);
    assert_eq!(server.get("/admin/export", &user).status, 403);
    assert_eq!(server.get("/admin/export", &admin).status, 200);
    server.stop();
    let server = dir.serve(&[]);
    for path in ["/admin/export", "/admin/faults", "/admin/seed"] {
        assert_eq!(server.get(path, &admin).status, 404, "{path}");
    }
}

#[test]
fn admins_token_stays_valid_after_the_clock_was_moved() {
    let dir = WorkDir::new();
    let server = dir.serve(&[
        "--admin-api",
        "--seed",
        "example",
        "--clock",
        "2026-01-01T00:00:00Z",
    ]);
    let admin = dir.admin_token();
    let put = |body: &str| {
        server.send(format!(
            "PUT /admin/clock HTTP/1.1\r\nHost: x\r\nAuthorization: bearer {admin}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    };
    assert_eq!(put("{\"time\":\"2099-01-01T00:00:00Z\"}").status, 200);
    assert_eq!(server.get("/v3/packages", &admin).status, 401);
    assert_eq!(put("{\"time\":\"2026-01-01T00:00:00Z\"}").status, 200);
    assert_eq!(server.get("/v3/packages", &admin).status, 200);
}

#[test]
fn fault_rules_apply_in_order_and_as_often_as_they_say() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "example"]);
    let fault = |body: &str| {
        let answer = send(&server, "POST", "/admin/faults", body);
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    let ask = || server.get("/v3/packages?per_page=1", "");
    fault(
        r#"{"path":"/v3/packages","status":503,"code":10015,"title":"CF-ServiceUnavailable","detail":"later","times":2}"#,
    );
    fault(r#"{"path":"/v3/packages","kind":"rate_limit"}"#);
    fault(r#"{"path":"/v3/packages","kind":"expired_token"}"#);
    fault(r#"{"path":"/v3/packages","warning":"old, and odd"}"#);
    let later =
        "{\"errors\":[{\"detail\":\"later\",\"title\":\"CF-ServiceUnavailable\",\"code\":10015}]}";
    assert_eq!(ask().status_and_body(), (503, later));
    assert_eq!(server.get("/v3/packages/nope", "").status, 404);
    assert_eq!(ask().status_and_body(), (503, later));
    let limited = ask();
    assert_eq!(limited.status, 429);
    assert!(limited.body.contains("\"code\":10013"));
    for header in [
        "x-ratelimit-limit",
        "x-ratelimit-remaining",
        "x-ratelimit-reset",
        "retry-after",
    ] {
        assert!(limited.header(header).is_some(), "{header}");
    }
    let expired = "{\"errors\":[{\"detail\":\"Invalid Auth Token\",\"title\":\"CF-InvalidAuthToken\",\"code\":1000}]}";
    assert_eq!(ask().status_and_body(), (401, expired));
    let warned = ask();
    assert_eq!(
        (warned.status, warned.header("x-cf-warnings")),
        (200, Some("old%2C%20and%20odd"))
    );
    assert_eq!(ask().header("x-cf-warnings"), None);
    assert_eq!(server.get("/admin/faults", "").body, "{\"faults\":[]}");
}

#[test]
fn cut_closes_the_connection_of_one_request() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "example"]);
    send(
        &server,
        "POST",
        "/admin/faults",
        r#"{"path":"/v3/packages","cut":true}"#,
    );
    let mut client = server.connect();
    client.send(get("/v3/packages", ""));
    assert_eq!(client.read(false), None);
    assert_eq!(total(&server), "4");
}

#[test]
fn fault_rules_are_cleared_and_wrong_ones_refused() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "example"]);
    send(
        &server,
        "POST",
        "/admin/faults",
        r#"{"path":"/v3/packages","status":500}"#,
    );
    assert_eq!(
        send(&server, "DELETE", "/admin/faults", "").status_and_body(),
        (204, "")
    );
    assert_eq!(total(&server), "4");
    for body in [
        "{}",
        r#"{"path":"/v3/packages"}"#,
        r#"{"path":"v3/packages","cut":true}"#,
        r#"{"path":"/v3/packages?page=1","cut":true}"#,
        r#"{"path":"/v3/packages","cut":true,"status":500}"#,
        r#"{"path":"/v3/packages","cut":true,"times":0}"#,
        r#"{"path":"/v3/packages","status":200}"#,
        r#"{"path":"/v3/packages","kind":"earthquake"}"#,
        r#"{"path":"/v3/packages","delay":"soon"}"#,
    ] {
        assert_eq!(
            send(&server, "POST", "/admin/faults", body).status,
            422,
            "{body}"
        );
    }
    for (fields, sentence) in [
        (
            r#""delay":300"#,
            r#"delay: `300`: expected a text, such as `\"250ms\"`, `\"90s\"` or `\"2h\"`"#,
        ),
        (
            r#""delay":"soon""#,
            "delay: `soon`: expected a whole number and a unit",
        ),
        (
            r#""status":"503""#,
            r#"status: `\"503\"`: expected a whole number without quotes, from 0 to 65535"#,
        ),
        (
            r#""kind":"earthquake""#,
            "kind: unknown variant `earthquake`, expected `rate_limit` or `expired_token`",
        ),
        (r#""dely":"300ms""#, "unknown field `dely`"),
    ] {
        let body = format!("{{\"path\":\"/v3/packages\",{fields}}}");
        let answer = send(&server, "POST", "/admin/faults", &body);
        assert!(answer.body.contains(sentence), "{}", answer.body);
    }
}

#[test]
fn fault_rule_matches_an_exact_path_or_its_beginning() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "example"]);
    let add = |rule: &str| send(&server, "POST", "/admin/faults", rule);
    let rule = r#"{"path":"/v3/packages/*","status":503}"#;
    assert_eq!(add(rule).status, 200);
    assert_eq!(total(&server), "4");
    assert_eq!(server.get("/v3/packages/nope", "").status, 503);
    assert_eq!(server.get("/v3/packages/nope", "").status, 404);
    for (fields, sentence) in [
        (
            r#""path":"/v3/packages/""#,
            "path `/v3/packages/` ends with `/`",
        ),
        (
            r#""path":"/v3/*/packages""#,
            "path `/v3/*/packages` has a `*` before its end",
        ),
        (
            r#""path":"/v3/packages","method":"FETCH""#,
            "method `FETCH` is unknown; give one of GET,",
        ),
        (
            r#""path":"/v3/packages","method":"HEAD""#,
            "method `HEAD` is unknown; give one of GET,",
        ),
    ] {
        let answer = add(&format!("{{{fields},\"cut\":true}}"));
        assert_eq!(answer.status, 422);
        assert!(answer.body.contains(sentence), "{}", answer.body);
    }
}

#[test]
fn query_of_a_request_without_parameters_is_refused() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--seed", "example"]);
    assert_eq!(total(&server), "4");
    for (method, path) in [
        ("DELETE", "/admin/requests"),
        ("DELETE", "/admin/faults"),
        ("POST", "/admin/reset"),
    ] {
        let answer = send(&server, method, &format!("{path}?path=/x"), "");
        assert_eq!(answer.status, 422, "{path}");
        let sentence = "the query `path=/x` is unknown; this request has no parameters";
        assert!(answer.body.contains(sentence), "{}", answer.body);
    }
    let count = server.get("/admin/requests/count", "").body;
    assert!(count.contains("\"count\":1"), "{count}");
}

#[test]
fn clock_that_would_pass_its_last_time_stays() {
    let dir = WorkDir::new();
    let server = serve(&dir, &["--clock", "2026-01-01T00:00:00Z"]);
    let put = |body: &str| send(&server, "PUT", "/admin/clock", body);
    let answer = put(r#"{"advance":"99999999d"}"#);
    assert_eq!(answer.status, 422);
    let sentence =
        "advance `99999999d` leads beyond 9999-12-31T23:59:59Z, the last time of the clock";
    assert!(answer.body.contains(sentence), "{}", answer.body);
    assert_eq!(
        put(r#"{"advance":"0s"}"#).body,
        "{\"time\":\"2026-01-01T00:00:00Z\"}"
    );
    let answer = put("");
    assert_eq!(answer.status, 422);
    assert!(
        answer
            .body
            .contains("give exactly one of `time` and `advance`"),
        "{}",
        answer.body
    );
}

#[test]
fn fault_rules_are_limited_in_number_and_size() {
    let dir = WorkDir::new();
    let server = serve(&dir, &[]);
    let add = |path: &str| {
        let rule = format!("{{\"path\":\"{path}\",\"cut\":true}}");
        send(&server, "POST", "/admin/faults", &rule)
    };
    for _ in 0..1000 {
        assert_eq!(add("/x").status, 200);
    }
    let refused = add("/x");
    assert_eq!(refused.status, 422);
    assert!(
        refused.body.contains("DELETE /admin/faults"),
        "{}",
        refused.body
    );
    assert_eq!(send(&server, "DELETE", "/admin/faults", "").status, 204);
    let long = format!("/{}", "x".repeat(60_000));
    let statuses: Vec<u16> = (0..20).map(|_| add(&long).status).collect();
    let added = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(added, (1 << 20) / (long.len() + 22), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&422));
}
