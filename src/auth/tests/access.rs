//! What scopes and roles allow, by the rules of both editions. See `docs/reference/access.md`.

use super::*;
use crate::caller::Writer;

const ALL: Option<&str> = Some("everything");
const ROLE: Option<&str> = Some("by role");
const NONE: Option<&str> = None;

/// Returns what a token with these scopes lets alice read and write, and whether it is an admin's.
fn access(edition: Edition, scopes: &str) -> (Option<&'static str>, Option<&'static str>, bool) {
    let rules = edition.access_rules();
    let token = signed(&format!(
        r#"{{"user_id":"alice","scope":[{scopes}],"aud":"cloud_controller","exp":{}}}"#,
        NOW + 60
    ));
    let identity = keys()
        .identify(&[format!("bearer {token}").as_bytes()], NOW, rules)
        .unwrap();
    let alice = Member {
        user: "alice".into(),
        rules,
    };
    let read = match identity.clone().into_reader() {
        Ok(Caller::Everything) => ALL,
        Ok(Caller::Member(member)) if member == alice => ROLE,
        Err(ApiError::NotAuthorized) => NONE,
        other => panic!("{other:?}"),
    };
    let admin = identity.admin;
    let write = match identity.into_writer() {
        Ok(Writer::Everything) => ALL,
        Ok(Writer::Member(member) | Writer::GlobalReader(member)) if member == alice => ROLE,
        Err(ApiError::NotAuthorized) => NONE,
        other => panic!("{other:?}"),
    };
    (read, write, admin)
}

#[test]
fn read_and_write_scopes_allow_what_the_roles_allow() {
    for edition in [Edition::Of2015, Edition::Current] {
        for (scopes, read, write) in [
            (r#""openid","cloud_controller.read""#, ROLE, NONE),
            (r#""cloud_controller.write""#, NONE, ROLE),
            (
                r#""cloud_controller.read","cloud_controller.write""#,
                ROLE,
                ROLE,
            ),
        ] {
            assert_eq!(access(edition, scopes), (read, write, false), "{scopes}");
        }
    }
}

#[test]
fn admin_scope_reads_and_writes_everything() {
    for edition in [Edition::Of2015, Edition::Current] {
        assert_eq!(
            access(edition, r#""cloud_controller.admin""#),
            (ALL, ALL, true)
        );
    }
}

#[test]
fn global_reader_scopes_of_current_read_everything_and_write_nothing() {
    for scope in ["admin_read_only", "global_auditor"] {
        let alone = format!(r#""cloud_controller.{scope}""#);
        assert_eq!(access(Edition::Current, &alone), (ALL, NONE, false));
        assert_eq!(access(Edition::Of2015, &alone), (NONE, NONE, false));
        let both = format!(r#"{alone},"cloud_controller.read","cloud_controller.write""#);
        assert_eq!(access(Edition::Current, &both), (ALL, ROLE, false));
        assert_eq!(access(Edition::Of2015, &both), (ROLE, ROLE, false));
    }
}

#[test]
fn scope_with_another_spelling_allows_nothing() {
    for edition in [Edition::Of2015, Edition::Current] {
        for scopes in [
            "",
            r#""cloud_controller.read ""#,
            r#"" cloud_controller.admin""#,
            r#""cloud_controller.admin cloud_controller.read""#,
            r#""CLOUD_CONTROLLER.ADMIN""#,
            r#""cloud_controller.аdmin""#,
            r#""cloud_controller.admin\u0000""#,
        ] {
            assert_eq!(access(edition, scopes), (NONE, NONE, false), "{scopes}");
        }
    }
}

#[test]
fn space_developers_write_and_other_space_roles_only_read() {
    for (edition, readers) in [
        (
            Edition::Of2015,
            &["space_developer", "space_manager", "space_auditor"][..],
        ),
        (
            Edition::Current,
            &[
                "space_developer",
                "space_manager",
                "space_auditor",
                "space_supporter",
            ],
        ),
    ] {
        let rules = edition.access_rules();
        assert_eq!(rules.reading_roles, readers);
        assert_eq!(rules.writing_role, "space_developer");
        assert!(rules.staging_roles.contains(&rules.writing_role));
    }
}

#[test]
fn caller_without_a_token_has_the_scopes_to_read_and_write() {
    let rules = current();
    let admin = Identity::without_token(&Caller::Everything, rules);
    assert!(admin.admin);
    assert_eq!(admin.clone().into_reader(), Ok(Caller::Everything));
    assert_eq!(admin.into_writer(), Ok(Writer::Everything));
    let alice = Identity::without_token(&member("alice", rules), rules);
    assert!(!alice.admin);
    assert_eq!(alice.clone().into_reader(), Ok(member("alice", rules)));
    assert!(matches!(alice.into_writer(), Ok(Writer::Member(member)) if member.user == "alice"));
}
