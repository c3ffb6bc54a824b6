//! What a token that is signed rightly must say, and must not.

use super::*;

/// Claims with one of them replaced, or left out where `value` is empty.
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
fn all_refused(name: &str, values: &[&str]) {
    for value in values {
        refused(&signed(&with(name, value)), &format!("{name}: {value}"));
    }
}

#[test]
fn expiry_is_a_whole_number_and_has_no_leeway() {
    let now = NOW.to_string();
    let before = (NOW - 1).to_string();
    all_refused(
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
    accepted(&signed(&with("exp", &(NOW + 1).to_string())));
    accepted(&signed(&with("exp", "9223372036854775807")));
}

#[test]
fn a_token_does_not_hold_before_its_time() {
    let later = (NOW + 1).to_string();
    all_refused(
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
        accepted(&signed(&with("nbf", &nbf)));
    }
    // When it was issued is not asked.
    for iat in [later.as_str(), "\"x\"", "null"] {
        accepted(&signed(&with("iat", iat)));
    }
}

#[test]
fn the_audience_is_ours() {
    all_refused(
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
        accepted(&signed(&with("aud", aud)));
    }
}

#[test]
fn scopes_are_a_list_of_text() {
    all_refused(
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
    assert_eq!(identify(&keys(), &token), Err(ApiError::NotAuthorized));
}

#[test]
fn a_caller_is_named() {
    all_refused(
        "user_id",
        &["", "null", "\"\"", "1", "[\"alice\"]", "{}", "true"],
    );
    all_refused(
        "user_id",
        &[
            "\"\",\"client_id\":\"c\"",
            "1,\"client_id\":\"c\"",
            "null,\"client_id\":\"\"",
        ],
    );
    accepted(&signed(&with("user_id", r#""alice","client_id":"cf""#)));
    accepted(&signed(
        &with("user_id", "").replace('{', r#"{"client_id":"alice","#),
    ));
    accepted(&signed(&with("user_id", r#"null,"client_id":"alice""#)));
}

#[test]
fn a_refresh_token_is_no_access_token() {
    all_refused("jti", &["\"-r\"", "\"8f4c-r\""]);
    for jti in ["\"8f4c\"", "\"-r8\"", "\"\"", "null", "7", "[\"-r\"]", ""] {
        accepted(&signed(&with("jti", jti)));
    }
}

#[test]
fn a_claim_stands_once() {
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
        refused(&signed(&twice), &twice);
    }
    let escaped = with("exp", "9999999999").replace('{', r#"{"\u0065xp":1,"#);
    refused(&signed(&escaped), &escaped);
}

#[test]
fn claims_are_one_json_object() {
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
        refused(&signed(payload), payload.get(..60).unwrap_or(payload));
    }
    let message = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(b"{\"exp\":\xff}"));
    let key = EncodingKey::from_secret(KEY);
    let signature = crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    refused(&format!("{message}.{signature}"), "not UTF-8");
    accepted(&signed(&format!(" \n{good} ")));
    // What we do not ask for may be of any shape, and no depth of it overflows the stack.
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    accepted(&signed(&claims(&format!(r#""x":{open}1{close},"#))));
    refused(
        &signed(&claims(&format!(r#""user_id":{open}1{close},"#))),
        "deep",
    );
}
