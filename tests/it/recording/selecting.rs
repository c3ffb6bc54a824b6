//! Which part of a controller is recorded.

use super::{HARD, record, recorded, serve_seed};

/// Returns the guids of the entries of a recording, in order.
fn guids(recording: &str) -> Vec<String> {
    let entries = recording.lines().map(|line| {
        let entry: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let fields = entry.as_object().and_then(|entry| entry.values().next());
        let guid = fields.and_then(|fields| fields["guid"].as_str());
        guid.expect("a guid").to_owned()
    });
    entries.collect()
}

#[test]
fn parents_and_roles_are_those_of_what_is_selected() {
    let (dir, server) = serve_seed(HARD);
    for (flags, expected) in [
        (
            &["--organization", "ACME, INC. 100%"][..],
            "o1 s2 s1 a1 a2 a3 u1 p3 p1 p2 p4 p5 p6",
        ),
        (&["--organization", "o2"], "o2 u2"),
        (
            &[
                "--organization",
                "o2",
                "--organization",
                "o1",
                "--limit",
                "1",
            ],
            "o1 o2 s2 s1 a1 a2 a3 u1 u2 p3",
        ),
        (&["--space", "prod"], "o1 s1 a1 u1 p3 p5 p6"),
        (&["--space", "s2"], "o1 s2 a2 a3 u1 p1 p2 p4"),
        (&["--app", "idle"], "o1 s2 a3 u1"),
        (&["--space", "dev", "--app", "shop"], "o1 s2 a2 u1 p1 p2 p4"),
        (
            &["--app", "a1", "--app", "idle"],
            "o1 s2 s1 a1 a3 u1 p3 p5 p6",
        ),
        (&["--limit", "0"], "o1 o2 s2 s1 a1 a2 a3 u1 u2"),
        (
            &["--limit", "4", "--per-page", "3"],
            "o1 o2 s2 s1 a1 a2 a3 u1 u2 p3 p1 p2 p4",
        ),
    ] {
        let recording = recorded(&dir, &server, flags);
        assert_eq!(guids(&recording).join(" "), expected, "{flags:?}");
    }
}

#[test]
fn users_of_what_is_selected_have_the_order_of_all_users() {
    // Roles are listed in the order of the guids of their users. More than 100 users are looked for in the whole list.
    for count in [20, 130] {
        let user = |n: usize| {
            let roles = match n % 5 {
                0 => "",
                1 => r#", "roles": [{"role": "organization_user", "organization": "o2"}]"#,
                _ => r#", "roles": [{"role": "organization_user", "organization": "o1"}]"#,
            };
            format!(r#"{{"guid": "u{}"{roles}}}"#, 9999 - 7 * n)
        };
        let users: Vec<_> = (0..count).map(user).collect();
        let seed = format!(
            r#"{{"organizations": [{{"guid": "o1", "name": "acme"}}, {{"guid": "o2", "name": "beta"}}], "users": [{}]}}"#,
            users.join(", ")
        );
        let (dir, server) = serve_seed(&seed);
        let recording = recorded(&dir, &server, &["--organization", "o1", "--per-page", "9"]);
        let expected = (0..count).filter(|n| n % 5 > 1);
        let expected: Vec<_> = expected.map(|n| format!("u{}", 9999 - 7 * n)).collect();
        assert_eq!(guids(&recording)[1..], expected);
    }
}

#[test]
fn variables_select_several() {
    let (dir, server) = serve_seed(HARD);
    let url = format!("http://{}", server.address());
    let token = dir.admin_token();
    let output = dir
        .command()
        .args(["record", &url])
        .env("CF_PACKAGES_TOKEN", format!("bearer {token}"))
        .env("CF_PACKAGES_APP", "idle, a1")
        .output()
        .expect("the program runs");
    let recording = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(guids(&recording).join(" "), "o1 s2 s1 a1 a3 u1 p3 p5 p6");
}

#[test]
fn name_that_nothing_has_is_an_error_that_shows_it() {
    let (dir, server) = serve_seed(HARD);
    for (flags, said) in [
        (
            &["--organization", "nobody"][..],
            "no organization has the name or the guid `nobody`",
        ),
        (
            &["--organization", "empty", "--space", "prod"],
            "no space has the name or the guid `prod`",
        ),
        (
            &["--app", "shop", "--app", "x"],
            "no app has the name or the guid `x`",
        ),
    ] {
        let output = record(&dir, &server, flags);
        assert_eq!((output.status, output.stdout.as_str()), (1, ""));
        assert!(output.stderr.contains(said), "{}", output.stderr);
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
    }
}
