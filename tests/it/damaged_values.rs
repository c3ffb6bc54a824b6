//! A stored value that is damaged is an error of the server: it is never presented, never cached, and named in the log
//! and by `check`.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::support::Part::File;
use crate::support::{WorkDir, archive, upload};
use crate::uploads::serve;

/// The guid of a docker package of the seed `example`.
const GUID: &str = "guid-c24fd786-9aad-4bd2-85de-511186485d21";

/// A change to a row of one table, the documents that show the row, and the clause by which `check` names it.
struct Damage {
    table: &'static str,
    /// The assignments. A program can store such values that ignores checks; SQLite itself accepts some of them.
    set: &'static str,
    targets: &'static [&'static str],
    fault: &'static str,
}

const PACKAGES: &[&str] = &[
    "/v3/packages",
    "/v3/packages/guid-c24fd786-9aad-4bd2-85de-511186485d21",
];

const fn package(set: &'static str, fault: &'static str) -> Damage {
    Damage {
        table: "packages",
        set,
        targets: PACKAGES,
        fault,
    }
}

/// A build, its droplet, and a job. No seed holds such rows.
const BUILD: &str = "
    insert into builds (guid, app_id, space_id, package_guid, droplet_guid, state, lifecycle, buildpacks, stack,
                        environment_variables, user_guid, labels, created_at)
        select 'build', id, space_id, 'package', 'droplet', 'STAGED', 'buildpack', '[\"ruby\"]', 'cflinuxfs4',
               '{\"A\":\"b\"}', 'user', '{\"a\":\"b\"}', 1 from apps where id = 1;
    insert into droplets (guid, app_id, space_id, package_guid, lifecycle, buildpacks, stack, created_at)
        select 'droplet', id, space_id, 'package', 'buildpack', '[\"ruby\"]', 'cflinuxfs4', 1 from apps where id = 1;
    insert into jobs (guid, package_guid, state, created_at, updated_at, due)
        values ('job', 'package', 'COMPLETE', 1, 1, 9000000000000)";

const fn build(set: &'static str, fault: &'static str) -> Damage {
    Damage {
        table: "builds",
        set,
        targets: &["/v3/builds/build"],
        fault,
    }
}

const fn droplet(set: &'static str, fault: &'static str) -> Damage {
    Damage {
        table: "droplets",
        set,
        targets: &["/v3/droplets", "/v3/droplets/droplet"],
        fault,
    }
}

const fn job(set: &'static str, fault: &'static str) -> Damage {
    Damage {
        table: "jobs",
        set,
        targets: &["/v3/jobs/job"],
        fault,
    }
}

const NO_TIME: &str = " is no time from 1970 to 9999";

const DAMAGED: &[Damage] = &[
    package("labels = '{\"a'", "with a damaged `labels`"),
    package("labels = '[]'", "with a damaged `labels`"),
    package("labels = '\"text\"'", "with a damaged `labels`"),
    package("labels = ''", "with a damaged `labels`"),
    package("labels = '{\"a\":1}'", "with a damaged `labels`"),
    package(
        "annotations = '{\"a\":\"b\"} {}'",
        "with a damaged `annotations`",
    ),
    package(
        "annotations = cast(x'7b22ff223a2261227d' as text)",
        "with a damaged `annotations`",
    ),
    package("guid = cast(x'ff' as text)", "with a damaged `guid`"),
    package(
        "guid = 'a\"b'",
        "with a damaged `guid`: the text is no guid",
    ),
    package("guid = 'a/b'", "with a damaged `guid`: the text is no guid"),
    package(
        "guid = 'a' || char(10)",
        "with a damaged `guid`: the text is no guid",
    ),
    package("guid = ''", "with a damaged `guid`: the text is no guid"),
    package("error = cast(x'ff' as text)", "with a damaged `error`"),
    package("sha1 = cast(x'ff' as text)", "with a damaged `sha1`"),
    package("sha256 = cast(x'ff' as text)", "with a damaged `sha256`"),
    package("image = cast(x'ff' as text)", "with a damaged `image`"),
    package(
        "image = 'a' || char(0)",
        "with a damaged `image`: the text contains U+0000",
    ),
    package(
        "error = char(0)",
        "with a damaged `error`: the text contains U+0000",
    ),
    package(
        "docker_user = char(0) || 'a'",
        "with a damaged `docker_user`: the text contains U+0000",
    ),
    package(
        r#"labels = '{"a":"b","c":"d","a":"b"}'"#,
        "with a damaged `labels`: the text is no JSON object of text: the key `a` appears twice",
    ),
    package(
        r#"labels = '{"a":"' || printf('%064d', 0) || '"}'"#,
        "with a damaged `labels`: '00000000...' is greater than 63 characters",
    ),
    package(
        r#"annotations = '{"a":"\u0000"}'"#,
        "with a damaged `annotations`: the text is no JSON object of text: a text contains U+0000",
    ),
    package(
        r#"type = 'bits', image = null, store_image = null, docker_user = null, docker_password = null,
           docker_email = null, docker_login_server = null, sha1 = 'x'"#,
        "with a damaged `sha1`: the text is no checksum of 40 lower-case hex digits",
    ),
    package(
        r#"type = 'bits', image = null, store_image = null, docker_user = null, docker_password = null,
           docker_email = null, docker_login_server = null, sha256 = printf('%063d', 0) || 'A'"#,
        "with a damaged `sha256`: the text is no checksum of 64",
    ),
    package(
        "docker_user = cast(x'ff' as text)",
        "with a damaged `docker_user`",
    ),
    package(
        "docker_password = cast(x'ff' as text)",
        "with a damaged `docker_password`",
    ),
    package(
        "created_at = -9223372036854775808",
        "with a damaged `created_at`: -9223372036854775808 is no time from 1970 to 9999",
    ),
    package("created_at = -1", NO_TIME),
    package("created_at = 253402300800", NO_TIME),
    package("updated_at = 9223372036854775807", NO_TIME),
    package(
        "state = 'RE\"ADY'",
        "with a damaged `state`: the text is none of `AWAITING_UPLOAD`, `PROCESSING_UPLOAD`, `READY`",
    ),
    package("state = cast(x'ff' as text)", "with a damaged `state`"),
    package(
        "type = 'zip'",
        "with a damaged `type`: the text is none of `bits`, `docker`",
    ),
    package(
        "image = null",
        "of the type `docker` without `image` or `store_image`",
    ),
    package(
        "sha1 = printf('%040d', 0)",
        "of the type `docker` with a checksum",
    ),
    package(
        "type = 'bits'",
        "of the type `bits` with values of a docker package",
    ),
    package(
        "store_image = 2",
        "with a damaged `store_image`: 2 is no flag, 0 or 1",
    ),
    Damage {
        table: "organizations",
        set: "suspended = 7",
        targets: &["/v3/organizations"],
        fault: "with a damaged `suspended`: 7 is no flag, 0 or 1",
    },
    Damage {
        table: "organizations",
        set: "name = cast(x'ff' as text)",
        targets: &["/v3/organizations"],
        fault: "with a damaged `name`",
    },
    Damage {
        table: "organizations",
        set: "name = 'a' || char(0)",
        targets: &["/v3/organizations"],
        fault: "with a damaged `name`: the text contains U+0000",
    },
    Damage {
        table: "organizations",
        set: "created_at = -1",
        targets: &["/v3/organizations"],
        fault: NO_TIME,
    },
    Damage {
        table: "spaces",
        set: "name = cast(x'ff' as text)",
        targets: &["/v3/spaces"],
        fault: "with a damaged `name`",
    },
    Damage {
        table: "spaces",
        set: "created_at = 253402300800",
        targets: &["/v3/spaces"],
        fault: NO_TIME,
    },
    Damage {
        table: "apps",
        set: "guid = cast(x'ff' as text)",
        targets: &["/v3/apps", "/v3/packages"],
        fault: "with a damaged `guid`",
    },
    Damage {
        table: "apps",
        set: "guid = 'a\"b'",
        targets: &["/v3/apps", "/v3/packages"],
        fault: "with a damaged `guid`: the text is no guid",
    },
    Damage {
        table: "spaces",
        set: "guid = 'a/b'",
        targets: &["/v3/spaces", "/v3/apps"],
        fault: "with a damaged `guid`: the text is no guid",
    },
    Damage {
        table: "apps",
        set: "lifecycle = 'x'",
        targets: &["/v3/apps"],
        fault: "with a damaged `lifecycle`: the text is none of `buildpack`, `docker`, `cnb`",
    },
    Damage {
        table: "apps",
        set: "created_at = -1",
        targets: &["/v3/apps"],
        fault: NO_TIME,
    },
    Damage {
        table: "organizations",
        set: "labels = '{'",
        targets: &["/v3/organizations"],
        fault: "with a damaged `labels`",
    },
    Damage {
        table: "organizations",
        set: "annotations = '[]'",
        targets: &["/v3/organizations"],
        fault: "with a damaged `annotations`",
    },
    Damage {
        table: "spaces",
        set: "labels = '{'",
        targets: &["/v3/spaces"],
        fault: "with a damaged `labels`",
    },
    Damage {
        table: "spaces",
        set: "annotations = '[]'",
        targets: &["/v3/spaces"],
        fault: "with a damaged `annotations`",
    },
    Damage {
        table: "apps",
        set: "labels = '{'",
        targets: &["/v3/apps"],
        fault: "with a damaged `labels`",
    },
    Damage {
        table: "apps",
        set: "annotations = '[]'",
        targets: &["/v3/apps"],
        fault: "with a damaged `annotations`",
    },
    build(
        "buildpacks = '{\"z\":1}'",
        "with a damaged `buildpacks`: the text is no JSON array of text: ",
    ),
    // The document of such a build shows no buildpacks.
    build(
        "lifecycle = 'docker', stack = null, buildpacks = '{\"z\":1}'",
        "with a damaged `buildpacks`: the text is no JSON array of text: ",
    ),
    build(
        "environment_variables = '[7]'",
        "with a damaged `environment_variables`: the text is no JSON object: ",
    ),
    build(
        r#"environment_variables = '{"a":["\u0000"]}'"#,
        "with a damaged `environment_variables`: the text is no JSON object: a text contains U+0000",
    ),
    build(
        r#"labels = '{"a":"b","a":"c"}'"#,
        "with a damaged `labels`: the text is no JSON object of text: the key `a` appears twice",
    ),
    build(
        r#"labels = '{"a":"\u0000"}'"#,
        "with a damaged `labels`: the text is no JSON object of text: a text contains U+0000",
    ),
    build("labels = '[]'", "with a damaged `labels`"),
    build("labels = '{\"a\":\"-\"}'", "with a damaged `labels`: '-' "),
    build("annotations = '[]'", "with a damaged `annotations`"),
    build(
        "state = 'x'",
        "with a damaged `state`: the text is none of `STAGING`, `STAGED`, `FAILED`",
    ),
    build(
        "lifecycle = 'x'",
        "with a damaged `lifecycle`: the text is none of",
    ),
    build("created_at = -1", NO_TIME),
    build("updated_at = 253402300800", NO_TIME),
    droplet(
        "buildpacks = '[1]'",
        "with a damaged `buildpacks`: the text is no JSON array of text: ",
    ),
    droplet(
        "buildpacks = '{}'",
        "with a damaged `buildpacks`: the text is no JSON array of text: ",
    ),
    droplet(
        r#"buildpacks = '["a\u0000b"]'"#,
        "with a damaged `buildpacks`: the text is no JSON array of text: a text contains U+0000",
    ),
    droplet(
        "lifecycle = 'x'",
        "with a damaged `lifecycle`: the text is none of",
    ),
    droplet("created_at = -1", NO_TIME),
    job(
        "state = 'x'",
        "with a damaged `state`: the text is none of `PROCESSING`, `COMPLETE`",
    ),
    job("created_at = -1", NO_TIME),
    job("updated_at = -1", NO_TIME),
    Damage {
        table: "users",
        set: "name = cast(x'ff' as text)",
        targets: &["/v3/users", "/v3/roles?include=user"],
        fault: "with a damaged `name`",
    },
    Damage {
        table: "users",
        set: "name = 'a' || char(0)",
        targets: &["/v3/users", "/v3/roles?include=user"],
        fault: "with a damaged `name`: the text contains U+0000",
    },
    Damage {
        table: "users",
        set: "guid = 'a/../b'",
        targets: &["/v3/users", "/v3/roles"],
        fault: "with a damaged `guid`: the text is no guid",
    },
    Damage {
        table: "organizations",
        set: "guid = 'a/b'",
        targets: &["/v3/organizations", "/v3/spaces", "/v3/roles"],
        fault: "with a damaged `guid`: the text is no guid",
    },
    Damage {
        table: "space_roles",
        set: "role = 'king'",
        targets: &["/v3/roles"],
        fault: "with a damaged `role`: the text is none of `space_auditor`",
    },
    Damage {
        table: "organization_roles",
        set: "role = cast(x'ff' as text)",
        targets: &["/v3/roles"],
        fault: "with a damaged `role`",
    },
];

#[test]
fn damaged_value_is_500_and_logged_and_not_cached_and_named_by_check() {
    for Damage {
        table,
        set,
        targets,
        fault,
    } in DAMAGED
    {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        let other = Connection::open(dir.path("x.db")).unwrap();
        other.execute_batch(BUILD).unwrap();
        let server = dir.serve(&["--db", "x.db", "--no-auth", "--api", "current"]);
        for target in *targets {
            assert_eq!(server.get(target, "").status, 200, "{target}");
        }

        let row = match *table {
            "packages" => format!("guid = '{GUID}'"),
            "organization_roles" | "space_roles" => "true".to_owned(),
            _ => "id = 1".to_owned(),
        };
        let sql =
            format!("pragma ignore_check_constraints = on; update {table} set {set} where {row}");
        other.execute_batch(&sql).unwrap();
        for target in *targets {
            // By its guid, a package without its guid is not found.
            if set.starts_with("guid") && target.contains(GUID) {
                continue;
            }
            for _ in 0..3 {
                let response = server.get(target, "");
                assert_eq!(response.status, 500, "{set} {target}: {}", response.body);
                assert!(response.body.contains("UnknownError"), "{}", response.body);
                assert_eq!(response.header("etag"), None);
                let health = server.get("/healthz", "");
                assert_eq!(health.status, 503, "{set} {target}");
            }
        }
        let checked = dir.run(&["check", "--db", "x.db"]);
        assert_eq!(checked.status, 1, "{set}");
        let start = format!("cf-packages: `x.db` has a row in `{table}` (");
        let is_named = |line: &str| line.starts_with(&start) && line.contains(fault);
        assert!(
            checked.stderr.lines().any(is_named),
            "{set}: {}",
            checked.stderr
        );
        let exported = dir.run(&["export", "--db", "x.db"]);
        let is_exported = !["builds", "droplets", "jobs"].contains(table);
        assert_eq!(exported.status, i32::from(is_exported), "{set}");

        drop(other);
        server.signal("TERM");
        let (code, _, log) = server.wait();
        assert_eq!(code, Some(0));
        assert_eq!(
            log.contains(&format!("`{table}`")) || log.contains(GUID),
            !targets.is_empty(),
            "{set}: {log}"
        );
    }
}

#[test]
fn value_that_no_seed_may_give_is_named_by_check() {
    const BITS: &str = "guid-c7c3b552-28f0-42f9-9e1f-d231fcdd4a78";
    let no_name = "with a damaged `name`: the text is no name, 1 to 250 characters";
    let not_folded = "with a damaged `folded_name`: the text is not `name` in lower case";
    let cases = [
        ("organizations", "name = ''", no_name),
        ("spaces", "name = 'a' || char(10)", no_name),
        ("apps", "name = ''", no_name),
        (
            "apps",
            "name = 'a' || char(0)",
            "with a damaged `name`: the text contains U+0000",
        ),
        ("users", "name = ''", no_name),
        (
            "users",
            "guid = 'a b'",
            "with a damaged `guid`: the text is no guid",
        ),
        (
            "packages",
            "guid = 'a.json'",
            "with a damaged `guid`: the guid ends in `.json`",
        ),
        (
            "packages",
            r#"labels = '{"a b":"c"}'"#,
            "with a damaged `labels`: 'a b' contains invalid characters",
        ),
        (
            "packages",
            r#"labels = '{"a":"-"}'"#,
            "with a damaged `labels`: '-' starts or ends with invalid characters",
        ),
        (
            "packages",
            r#"annotations = '{"":"c"}'"#,
            "with a damaged `annotations`: key cannot be empty string",
        ),
        (
            "packages",
            r#"annotations = '{"a\u0000":"c"}'"#,
            "with a damaged `annotations`: the text is no JSON object of text: a text contains U+0000",
        ),
        (
            "apps",
            r#"annotations = '{"":"c"}'"#,
            "with a damaged `annotations`: key cannot be empty string",
        ),
        ("organizations", "folded_name = 'other'", not_folded),
        ("spaces", "name = 'Other'", not_folded),
        ("apps", "folded_name = upper(name)", not_folded),
    ];
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "sound.db"]);
    for (table, set, fault) in cases {
        std::fs::copy(dir.path("sound.db"), dir.path("x.db")).unwrap();
        let database = Connection::open(dir.path("x.db")).unwrap();
        let row = match table {
            "packages" => format!("guid = '{BITS}'"),
            _ => "id = 1".to_owned(),
        };
        let sql =
            format!("pragma ignore_check_constraints = on; update {table} set {set} where {row}");
        database.execute_batch(&sql).unwrap();
        assert_eq!(database.changes(), 1, "{set}");
        drop(database);
        let checked = dir.run(&["check", "--db", "x.db"]);
        assert_eq!(checked.status, 1, "{set}");
        let start = format!("cf-packages: `x.db` has a row in `{table}` (");
        let is_named = |line: &str| line.starts_with(&start) && line.contains(fault);
        assert!(
            checked.stderr.lines().any(is_named),
            "{set}: {}",
            checked.stderr
        );
    }
}

#[test]
fn damaged_build_is_500_in_2015_too() {
    for set in [
        "environment_variables = '[7]'",
        "buildpacks = '{\"z\":1}'",
        r#"buildpacks = '["a\u0000b"]'"#,
    ] {
        let dir = WorkDir::new();
        dir.run_ok(&["seed", "example", "--db", "x.db"]);
        let other = Connection::open(dir.path("x.db")).unwrap();
        other.execute_batch(BUILD).unwrap();
        let server = dir.serve(&["--db", "x.db", "--no-auth"]);
        let target = "/v3/droplets/build";
        assert_eq!(server.get(target, "").status, 200);
        let sql = format!("pragma ignore_check_constraints = on; update builds set {set}");
        other.execute_batch(&sql).unwrap();
        assert_eq!(server.get(target, "").status, 500, "{set}");
    }
}

#[test]
fn document_is_the_same_again_once_its_value_is_mended() {
    let dir = WorkDir::new();
    dir.run_ok(&["seed", "example", "--db", "x.db"]);
    let server = dir.serve(&["--db", "x.db", "--no-auth", "--api", "current"]);
    let list = server.get("/v3/packages", "");
    let other = Connection::open(dir.path("x.db")).unwrap();
    for (damage, mend) in [
        ("labels = '{'", "labels = '{}'"),
        ("state = 'x'", "state = 'READY'"),
    ] {
        let update = |set: &str| {
            other
                .execute_batch(&format!(
                    "pragma ignore_check_constraints = on; update packages set {set} where guid = '{GUID}'"
                ))
                .unwrap();
        };
        update(damage);
        assert_eq!(server.get("/v3/packages", "").status, 500, "{damage}");
        // A document without the damaged value is not a sign of health.
        assert_eq!(server.get("/v3/organizations", "").status, 200);
        assert_eq!(server.get("/healthz", "").status, 503, "{damage}");
        update(mend);
        let mended = server.get("/v3/packages", "");
        assert_eq!((mended.status, &mended.body), (200, &list.body), "{damage}");
        assert_eq!(server.get("/healthz", "").status, 200);
    }
}

#[test]
fn damaged_outcome_is_logged_once_and_named_by_check_and_never_copied() {
    for (set, fault) in [
        ("error = cast(x'ff41' as text)", "with a damaged `error`"),
        (
            "error = char(0)",
            "with a damaged `error`: the text contains U+0000",
        ),
        (
            "sha1 = 'x'",
            "with a damaged `sha1`: the text is no checksum of 40",
        ),
        (
            "sha256 = 'x'",
            "with a damaged `sha256`: the text is no checksum of 64",
        ),
        (
            "state = 'COPYING'",
            "with a damaged `state`: the text is none of `READY`, `FAILED`",
        ),
    ] {
        let dir = WorkDir::of_files();
        let server = serve(&dir, &["--processing", "1d"]);
        let token = dir.token("dora");
        let zip = archive(&[("data", b"abc")]);
        for guid in ["first", "second"] {
            let path = format!("/v3/packages/{guid}/upload");
            let sent = server.send(upload(&path, &token, &[File("bits", &zip)]));
            assert_eq!(sent.status, 200);
        }
        let state_is = |guid: &str, wanted: &str| {
            let answer = server.get(&format!("/v3/packages/{guid}"), &token);
            assert_eq!(answer.status, 200, "{set}: {}", answer.body);
            answer.body.contains(&format!("\"{wanted}\""))
        };
        let wait_for = |guid: &str, wanted: &str| {
            let begin = Instant::now();
            while !state_is(guid, wanted) {
                assert!(begin.elapsed() < Duration::from_secs(60), "{set}: {guid}");
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        let other = Connection::open(dir.path("packages.db")).unwrap();
        let update = |set: &str| {
            let sql = format!(
                "pragma ignore_check_constraints = on;
                 update package_outcomes set {set}
                 where package_id = (select id from packages where guid = 'first')"
            );
            other.execute_batch(&sql).unwrap();
        };
        update(set);
        // Both are due in the same transaction.
        let sql = "update package_outcomes set due = 1000";
        assert_eq!(other.execute(sql, []).unwrap(), 2);
        // What is sound is finished.
        wait_for("second", "READY");
        assert!(state_is("first", "PROCESSING_UPLOAD"), "{set}");

        let checked = dir.run(&["check", "--db", "packages.db"]);
        assert_eq!(checked.status, 1, "{set}");
        let start = "cf-packages: `packages.db` has a row in `package_outcomes` (id ";
        let is_named = |line: &str| line.starts_with(start) && line.contains(fault);
        assert!(
            checked.stderr.lines().any(is_named),
            "{set}: {}",
            checked.stderr
        );
        let exported = dir.run(&["export", "--db", "packages.db"]);
        assert_eq!(exported.status, 1, "{set}");

        update("state = 'FAILED', error = null, sha1 = null, sha256 = null");
        wait_for("first", "FAILED");
        drop(other);
        server.signal("TERM");
        let (code, _, log) = server.wait();
        assert_eq!(code, Some(0), "{set}");
        assert_eq!(log.matches("`package_outcomes`").count(), 1, "{set}: {log}");
        assert!(log.contains(fault), "{set}: {log}");
    }
}
