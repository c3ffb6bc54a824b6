//! The claims of a token whose signature is right.

use super::*;

/// Returns valid claims with one of them replaced, or left out if `value` is empty.
fn with(name: &str, value: &str) -> String {
    let exp = (NOW + 60).to_string();
    let fields = [
        ("user_id", r#""alice""#),
        ("scope", r#"["cloud_controller.read"]"#),
        ("aud", r#"["cloud_controller"]"#),
        ("exp", exp.as_str()),
    ];
    let mut all: Vec<String> = fields
        .iter()
        .filter(|(field, _)| *field != name)
        .map(|(field, value)| format!(r#""{field}":{value}"#))
        .collect();
    if !value.is_empty() {
        all.push(format!(r#""{name}":{value}"#));
    }
    format!("{{{}}}", all.join(","))
}

#[track_caller]
fn assert_all_invalid(name: &str, values: &[&str]) {
    for value in values {
        assert_invalid(&signed(&with(name, value)), &format!("{name}: {value}"));
    }
}

#[test]
fn exp_must_be_an_integer_after_now() {
    let now = NOW.to_string();
    let before = (NOW - 1).to_string();
    assert_all_invalid(
        "exp",
        &[
            "",
            &now,
            &before,
            "0",
            "-1",
            "null",
            "[]",
            "{}",
            "true",
            "NaN",
            "1e400",
            "\"\"",
            "\"9999999999\"",
            "9999999999.0",
            "9999999999.5",
            "9.9e9",
            "9223372036854775808",
            "18446744073709551615",
            "18446744073709551616",
            "-9223372036854775809",
        ],
    );
    assert_accepted(&signed(&with("exp", &(NOW + 1).to_string())));
    assert_accepted(&signed(&with("exp", "9223372036854775807")));
}

#[test]
fn nbf_must_not_be_after_now_and_iat_is_ignored() {
    let later = (NOW + 1).to_string();
    assert_all_invalid(
        "nbf",
        &[
            &later,
            "null",
            "\"0\"",
            "0.5",
            "[]",
            "9223372036854775807",
            "9223372036854775808",
        ],
    );
    for nbf in [NOW.to_string(), "0".into(), "-1".into()] {
        assert_accepted(&signed(&with("nbf", &nbf)));
    }
    for iat in [later.as_str(), "\"x\"", "null"] {
        assert_accepted(&signed(&with("iat", iat)));
    }
}

#[test]
fn aud_must_name_cloud_controller() {
    assert_all_invalid(
        "aud",
        &[
            "",
            "\"\"",
            "\"other\"",
            "\"cloud_controller \"",
            "\"cloud_controller.read\"",
            "\"cloud_controller,other\"",
            "[]",
            "[\"other\"]",
            "[\"cloud_controller\",1]",
            "[[\"cloud_controller\"]]",
            "{\"cloud_controller\":true}",
            "1",
            "true",
            "null",
        ],
    );
    for aud in ["\"cloud_controller\"", "[\"other\",\"cloud_controller\"]"] {
        assert_accepted(&signed(&with("aud", aud)));
    }
}

#[test]
fn scope_must_be_a_list_of_strings() {
    assert_all_invalid(
        "scope",
        &[
            "",
            "\"cloud_controller.read\"",
            "\"cloud_controller.read cloud_controller.write\"",
            "{\"cloud_controller.read\":true}",
            "[[\"cloud_controller.read\"]]",
            "[\"cloud_controller.read\",1]",
            "[null]",
            "null",
            "1",
            "true",
        ],
    );
    let many = vec!["\"x\""; 100_000].join(",");
    let token = signed(&with("scope", &format!("[{many}]")));
    assert_eq!(reader(&keys(), &token), Err(ApiError::NotAuthorized));
}

#[test]
fn user_id_or_client_id_must_name_the_caller() {
    assert_all_invalid(
        "user_id",
        &["", "null", "\"\"", "1", "[\"alice\"]", "{}", "true"],
    );
    assert_all_invalid(
        "user_id",
        &[
            "\"\",\"client_id\":\"c\"",
            "1,\"client_id\":\"c\"",
            "null,\"client_id\":\"\"",
        ],
    );
    assert_accepted(&signed(&with("user_id", r#""alice","client_id":"cf""#)));
    assert_accepted(&signed(
        &with("user_id", "").replace('{', r#"{"client_id":"alice","#),
    ));
    assert_accepted(&signed(&with("user_id", r#"null,"client_id":"alice""#)));
}

#[test]
fn refresh_token_is_not_accepted_as_access_token() {
    assert_all_invalid("jti", &["\"-r\"", "\"8f4c-r\""]);
    for jti in ["\"8f4c\"", "\"-r8\"", "\"\"", "null", "7", "[\"-r\"]", ""] {
        assert_accepted(&signed(&with("jti", jti)));
    }
}

#[test]
fn duplicate_claim_is_invalid() {
    for (name, value) in [
        ("exp", "9999999999"),
        ("nbf", "0"),
        ("aud", "\"cloud_controller\""),
        ("scope", "[\"cloud_controller.admin\"]"),
        ("user_id", "\"bob\""),
        ("client_id", "\"bob\""),
        ("jti", "\"a\""),
    ] {
        let twice = with(name, &format!(r#"{value},"{name}":{value}"#));
        assert_invalid(&signed(&twice), &twice);
    }
    let escaped = with("exp", "9999999999").replace('{', r#"{"\u0065xp":1,"#);
    assert_invalid(&signed(&escaped), &escaped);
}

#[test]
fn claims_must_be_exactly_one_json_object() {
    let good = claims("");
    for payload in [
        "",
        "null",
        "7",
        "\"x\"",
        "[]",
        "{}",
        "{",
        "\u{feff}{}",
        &good[..good.len() - 1],
        &format!("{good}{good}"),
        &format!("{good},"),
        &format!("[{good}]"),
        &format!(
            r#"[{},0,["cloud_controller"],["cloud_controller.read"],"alice","c","j"]"#,
            NOW + 60
        ),
    ] {
        assert_invalid(&signed(payload), payload.get(..60).unwrap_or(payload));
    }
    assert_invalid(&signed(b"{\"exp\":\xff}"), "not UTF-8");
    assert_accepted(&signed(&format!(" \n{good} ")));
    // A claim that we do not read can have any type, and deep nesting must not overflow the stack.
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    assert_accepted(&signed(&claims(&format!(r#""x":{open}1{close},"#))));
    assert_invalid(
        &signed(&claims(&format!(r#""user_id":{open}1{close},"#))),
        "deep",
    );
}
