//! A stored value that is damaged is an error of the server: it is never presented, never cached, and named in the log.

use rusqlite::Connection;

use crate::support::WorkDir;

const GUID: &str = "guid-c24fd786-9aad-4bd2-85de-511186485d21";

/// Values that a program can store that ignores checks, and those that SQLite accepts.
const DAMAGED: &[&str] = &[
    "labels = '{\"a'",
    "labels = '[]'",
    "labels = '\"text\"'",
    "labels = ''",
    "labels = '{\"a\":1}'",
    "annotations = '{\"a\":\"b\"} {}'",
    "annotations = cast(x'7b22ff223a2261227d' as text)",
];

#[test]
fn damaged_value_is_500_and_logged_and_not_cached_and_named_by_check() {
    for damage in DAMAGED {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        let server = dir.serve(&["--db", "x.db", "--no-auth", "--api", "current"]);
        let list = server.get("/v3/packages", "");
        assert_eq!(list.status, 200);

        let other = Connection::open(dir.path("x.db")).unwrap();
        let update = |set: &str| {
            let sql = format!(
                "pragma ignore_check_constraints = on; update packages set {set} where guid = '{GUID}'"
            );
            other.execute_batch(&sql).unwrap();
        };
        update(damage);
        let one = format!("/v3/packages/{GUID}");
        for target in ["/v3/packages", &one, "/v3/packages?per_page=1&page=2"] {
            for _ in 0..3 {
                let response = server.get(target, "");
                assert_eq!(response.status, 500, "{damage} {target}");
                assert!(response.body.contains("UnknownError"), "{}", response.body);
                assert_eq!(response.header("etag"), None);
                let health = server.get("/healthz", "");
                assert_eq!(health.status, 503, "{damage} {target}");
            }
        }
        // A document without the damaged value is not a sign of health.
        assert_eq!(server.get("/v3/organizations", "").status, 200);
        assert_eq!(server.get("/healthz", "").status, 503, "{damage}");

        let checked = dir.run(&["check", "--db", "x.db"]);
        let fault = format!(
            "`x.db` has a package `{GUID}` that has labels or annotations that are not JSON objects"
        );
        assert_eq!(checked.status, 1);
        assert!(
            checked.stderr.contains(&fault),
            "{damage}: {}",
            checked.stderr
        );

        update("labels = '{}', annotations = '{}'");
        assert_eq!(server.get("/v3/packages", "").body, list.body, "{damage}");
        assert_eq!(server.get("/healthz", "").status, 200);
        drop(other);
        server.signal("TERM");
        let (code, _, log) = server.wait();
        assert_eq!(code, Some(0));
        assert!(
            log.contains(GUID) || log.contains("column"),
            "{damage}: {log}"
        );
    }
}
