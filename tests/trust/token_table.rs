//! Every row of `docs/reference/access.md#authentication-outcomes` and `#jwt-rules`, against servers of both editions.

use ring::hmac::{HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::run::{Row, Run};
use crate::signing::{Rsa, part, with_hmac};
use crate::support::WorkDir;

/// What each token is sent with: a request that reads, and one that writes.
const REQUESTS: [&str; 2] = ["GET /v3/packages", "DELETE /v3/packages/nope"];
/// The time of the servers' clock, which stands still: 2015-11-13T17:03:00Z.
const NOW: i64 = 1_447_434_180;
const KEY: &[u8] = b"tokensecret";
const HS256: &str = r#"{"typ":"JWT","alg":"HS256"}"#;
const PUBLIC_PEM: &str = include_str!("../fixtures/rsa-one.pub.pem");

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// 200, with an empty list if the user is unknown. A request that writes gets 404: there is no such package.
    Accepted,
    InvalidToken,
    NotAuthenticated,
    NotAuthorized,
    /// 431 or 401: the limit of the head may come first.
    Refused,
}

use Outcome::{Accepted, InvalidToken, NotAuthenticated, NotAuthorized, Refused};

pub fn table(_: &Run) -> Row {
    let mut row = Row::begin("every row of the token table, in both editions");
    let cases = cases();
    for edition in ["2015", "current"] {
        let dir = WorkDir::new();
        dir.write("public.pem", PUBLIC_PEM);
        let server = dir.serve(&[
            "--seed",
            "example",
            "--token-key",
            "tokensecret",
            "--token-public-key",
            "public.pem",
            "--clock",
            "2015-11-13T17:03:00Z",
            "--api",
            edition,
        ]);
        for case in &cases {
            for (request, expected) in REQUESTS.iter().zip(case.expected) {
                row.tried += 1;
                let mut client = Client::open(server.address()).expect("a connection");
                client.send(format!(
                    "{request} HTTP/1.1\r\nHost: x\r\n{}\r\n",
                    case.headers
                ));
                let found = client.read(false).and_then(|answer| outcome(&answer));
                let is_refused = expected == Refused && found == Some(InvalidToken);
                if found != Some(expected) && !is_refused {
                    row.failures.push(format!(
                        "{edition}: {request}: {}: {found:?} instead of {expected:?}",
                        case.name
                    ));
                }
            }
        }
        server.stop();
    }
    row.seen("")
}

fn outcome(answer: &Answer) -> Option<Outcome> {
    let body = answer.text();
    let is = |code: &str| body.contains(code);
    match answer.status {
        200 => Some(Accepted),
        404 if is("Package not found") => Some(Accepted),
        401 if is("CF-InvalidAuthToken") && is("1000") => Some(InvalidToken),
        401 if is("CF-NotAuthenticated") && is("10002") => Some(NotAuthenticated),
        403 if is("CF-NotAuthorized") => Some(NotAuthorized),
        431 => Some(Refused),
        _ => None,
    }
}

/// Returns valid claims of a user, with these changed. Null removes a claim.
fn claims(changes: &Value) -> String {
    let mut claims = json!({
        "user_id": "uaa-id-463", "aud": ["cloud_controller"], "exp": NOW + 60,
        "scope": ["cloud_controller.read", "cloud_controller.write"]
    });
    let object = claims.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        match value {
            Value::Null => object.remove(name),
            value => object.insert(name.clone(), value.clone()),
        };
    }
    claims.to_string()
}

/// Returns an `Authorization` header.
fn bearer(token: &str) -> String {
    format!("Authorization: bearer {token}\r\n")
}

struct Case {
    name: String,
    headers: String,
    /// For each of [`REQUESTS`].
    expected: [Outcome; 2],
}

impl Case {
    /// Returns a case that does not depend on the request.
    fn new(name: impl Into<String>, headers: String, expected: Outcome) -> Self {
        Self {
            name: name.into(),
            headers,
            expected: [expected; 2],
        }
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    headers(&mut cases);
    valid_and_wrong_claims(&mut cases);
    scopes(&mut cases);
    raw_claims(&mut cases);
    keys_and_algorithms(&mut cases);
    forms(&mut cases);
    cases
}

fn hs256(payload: impl AsRef<[u8]>) -> String {
    with_hmac(HMAC_SHA256, KEY, HS256, payload)
}

fn headers(cases: &mut Vec<Case>) {
    let good = hs256(claims(&json!({})));
    for (header, expected) in [
        (String::new(), NotAuthenticated),
        ("Authorization: \r\n".into(), NotAuthenticated),
        ("Authorization: Basic YTpi\r\n".into(), NotAuthenticated),
        (format!("Authorization: {good}\r\n"), NotAuthenticated),
        (format!("Cookie: token={good}\r\n"), NotAuthenticated),
        (format!("X-Auth-Token: {good}\r\n"), NotAuthenticated),
        (format!("Authorization: bearer {good}\r\n"), Accepted),
        (format!("Authorization: Bearer {good}\r\n"), Accepted),
        (format!("Authorization: BEARER {good}\r\n"), Accepted),
        (format!("AUTHORIZATION: bEaReR   {good}\r\n"), Accepted),
        (
            format!("Cookie: \r\nAuthorization: bearer {good}\r\n"),
            Accepted,
        ),
        ("Authorization: bearer\r\n".into(), InvalidToken),
        ("Authorization: bearer potato\r\n".into(), InvalidToken),
        (format!("Authorization: bearerX {good}\r\n"), InvalidToken),
        (format!("Authorization: bearer\t{good}\r\n"), InvalidToken),
        (format!("Authorization: bearer {good} x\r\n"), InvalidToken),
        (
            format!("Authorization: bearer bearer {good}\r\n"),
            InvalidToken,
        ),
        (format!("{0}{0}", bearer(&good)), InvalidToken),
        (
            format!("{}Authorization: Basic x\r\n", bearer(&good)),
            InvalidToken,
        ),
    ] {
        let name = format!("{:?}", header.replace(&good, "TOKEN"));
        cases.push(Case::new(name, header, expected));
    }
}

fn valid_and_wrong_claims(cases: &mut Vec<Case>) {
    for (change, expected) in [
        (json!({}), Accepted),
        (json!({"user_id": "nobody"}), Accepted),
        (json!({"user_id": null, "client_id": "cf"}), Accepted),
        (json!({"user_id": null}), InvalidToken),
        (json!({"user_id": ""}), InvalidToken),
        (json!({"user_id": 7}), InvalidToken),
        (json!({"exp": NOW + 1}), Accepted),
        (json!({"exp": NOW}), InvalidToken),
        (json!({"exp": null}), InvalidToken),
        (json!({"exp": "1999999999"}), InvalidToken),
        (json!({"exp": 1_999_999_999.5}), InvalidToken),
        (json!({"exp": -1}), InvalidToken),
        (json!({"exp": 0}), InvalidToken),
        (json!({"exp": i64::MAX}), Accepted),
        (json!({"exp": u64::MAX}), InvalidToken),
        (json!({"exp": [NOW + 60]}), InvalidToken),
        (json!({"exp": true}), InvalidToken),
        (json!({"nbf": NOW}), Accepted),
        (json!({"nbf": NOW + 1}), InvalidToken),
        (json!({"nbf": "0"}), InvalidToken),
        (json!({"nbf": 0.5}), InvalidToken),
        (json!({"iat": NOW + 1000}), Accepted),
        (json!({"iat": "soon"}), Accepted),
        (json!({"iss": "anybody"}), Accepted),
        (json!({"jti": "abc"}), Accepted),
        (json!({"jti": "abc-r"}), InvalidToken),
        (json!({"aud": null}), InvalidToken),
        (json!({"aud": []}), InvalidToken),
        (json!({"aud": ["other"]}), InvalidToken),
        (json!({"aud": ["other", "cloud_controller"]}), Accepted),
        (json!({"aud": "cloud_controller"}), Accepted),
        (json!({"aud": "cloud_controller other"}), InvalidToken),
        (json!({"aud": 7}), InvalidToken),
        (json!({"aud": {"cloud_controller": 1}}), InvalidToken),
        (json!({"aud": ["cloud_controller", 7]}), InvalidToken),
        (json!({"scope": null}), InvalidToken),
        (json!({"scope": "cloud_controller.read"}), InvalidToken),
        (json!({"scope": [["cloud_controller.read"]]}), InvalidToken),
    ] {
        let payload = claims(&change);
        let name: String = change.to_string().chars().take(60).collect();
        cases.push(Case::new(name, bearer(&hs256(payload)), expected));
    }
}

/// The scopes, and whether they allow reading and writing.
fn scopes(cases: &mut Vec<Case>) {
    let many: Vec<String> = (0..500).map(|number| format!("s{number}")).collect();
    for (scopes, reading, writing) in [
        (json!([]), NotAuthorized, NotAuthorized),
        (json!(["cloud_controller.read"]), Accepted, NotAuthorized),
        (json!(["cloud_controller.write"]), NotAuthorized, Accepted),
        (
            json!(["cloud_controller.read "]),
            NotAuthorized,
            NotAuthorized,
        ),
        (
            json!(["cloud_controller.write "]),
            NotAuthorized,
            NotAuthorized,
        ),
        (
            json!(["Cloud_Controller.Write"]),
            NotAuthorized,
            NotAuthorized,
        ),
        (
            json!(["Cloud_Controller.Read"]),
            NotAuthorized,
            NotAuthorized,
        ),
        (
            json!(["cloud_controller.re\u{430}d"]),
            NotAuthorized,
            NotAuthorized,
        ),
        (
            json!(["cloud_controller.read,cloud_controller.write"]),
            NotAuthorized,
            NotAuthorized,
        ),
        (json!(many), NotAuthorized, NotAuthorized),
        (
            json!(["openid", "cloud_controller.read"]),
            Accepted,
            NotAuthorized,
        ),
        (
            json!(["openid", "cloud_controller.write"]),
            NotAuthorized,
            Accepted,
        ),
        (json!(["cloud_controller.admin"]), Accepted, Accepted),
    ] {
        let name = scopes.to_string().chars().take(60).collect();
        let payload = claims(&json!({"scope": scopes}));
        cases.push(Case {
            name,
            headers: bearer(&hs256(payload)),
            expected: [reading, writing],
        });
    }
    // Only `current` knows the other global scopes, which tests/it/role_matrix.rs covers.
}

/// Claims that no JSON library would write.
fn raw_claims(cases: &mut Vec<Case>) {
    let rest = r#""user_id":"u","scope":["cloud_controller.read","cloud_controller.write"],"aud":["cloud_controller"]"#;
    let exp = format!(r#""exp":{}"#, NOW + 60);
    for (payload, expected) in [
        (format!("{{{rest},{exp}}}"), Accepted),
        (format!(" {{{rest},{exp}}}\n"), Accepted),
        (format!("{{{rest},{exp},{exp}}}"), InvalidToken),
        (format!(r#"{{"exp":1,{rest},{exp}}}"#), InvalidToken),
        (
            format!(r#"{{{rest},{exp},"user_id":"admin"}}"#),
            InvalidToken,
        ),
        (
            format!(r#"{{{rest},{exp},"scope":["cloud_controller.admin"]}}"#),
            InvalidToken,
        ),
        (format!(r#"{{{rest},"exp":1e400}}"#), InvalidToken),
        (format!(r#"{{{rest},"exp":9e9}}"#), InvalidToken),
        (format!(r#"{{{rest},"exp":NaN}}"#), InvalidToken),
        (format!(r#"{{{rest},"exp":null}}"#), InvalidToken),
        (format!(r#"{{{rest},{exp},"nbf":null}}"#), InvalidToken),
        (format!("{{{rest},{exp}}} x"), InvalidToken),
        (format!("[{rest},{exp}]"), InvalidToken),
        (String::new(), InvalidToken),
        ("null".into(), InvalidToken),
        ("[".repeat(100), InvalidToken),
    ] {
        let name: String = payload.chars().take(60).collect();
        cases.push(Case::new(name, bearer(&hs256(payload)), expected));
    }
}

fn keys_and_algorithms(cases: &mut Vec<Case>) {
    let rsa = Rsa::new();
    let payload = claims(&json!({}));
    let mut add = |name: &str, token: String, expected| {
        cases.push(Case::new(name, bearer(&token), expected));
    };
    add("RS256", rsa.token(r#"{"alg":"RS256"}"#, &payload), Accepted);
    add(
        "RS256 named HS256",
        rsa.token(HS256, &payload),
        InvalidToken,
    );
    add(
        "RS256 named RS512",
        rsa.token(r#"{"alg":"RS512"}"#, &payload),
        InvalidToken,
    );
    for (name, key) in [
        ("the public key as PEM", PUBLIC_PEM.as_bytes()),
        (
            "the public key as PEM, trimmed",
            PUBLIC_PEM.trim_end().as_bytes(),
        ),
        ("the public key as DER", rsa.public()),
        ("no key", b""),
        ("another key", b"another"),
        ("the key with a line feed", b"tokensecret\n"),
    ] {
        let token = with_hmac(HMAC_SHA256, key, HS256, &payload);
        add(&format!("HS256 with {name}"), token, InvalidToken);
    }
    for (name, algorithm) in [("HS384", HMAC_SHA384), ("HS512", HMAC_SHA512)] {
        let header = format!(r#"{{"alg":"{name}"}}"#);
        add(
            name,
            with_hmac(algorithm, KEY, header, &payload),
            InvalidToken,
        );
    }
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"nOnE"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"typ":"JWT"}"#,
        "{}",
        "[]",
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","crit":["exp"]}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","kid":7}"#,
    ] {
        add(
            header,
            with_hmac(HMAC_SHA256, KEY, header, &payload),
            InvalidToken,
        );
        // Without a signature.
        add(
            header,
            format!("{}.{}.", part(header), part(&payload)),
            InvalidToken,
        );
    }
    let long = format!(r#"{{"alg":"HS256","kid":"{}"}}"#, "k".repeat(8000));
    for header in [
        r#"{"alg":"HS256","kid":"../../dev/null"}"#,
        r#"{"alg":"HS256","kid":"' or 1=1 --"}"#,
        r#"{"alg":"HS256","kid":"unknown"}"#,
        &long,
        r#"{"alg":"HS256","jku":"http://127.0.0.1:9/keys"}"#,
        r#"{"alg":"HS256","jwk":{"kty":"oct","k":"eA"}}"#,
        r#"{"alg":"HS256","x5u":"http://127.0.0.1:9/cert"}"#,
        r#"{"alg":"HS256","x5c":["eA"]}"#,
    ] {
        let name: String = header.chars().take(60).collect();
        add(
            &name,
            with_hmac(HMAC_SHA256, KEY, header, &payload),
            Accepted,
        );
        // What the header names must not verify it.
        add(
            &name,
            with_hmac(HMAC_SHA256, b"x", header, &payload),
            InvalidToken,
        );
    }
}

fn forms(cases: &mut Vec<Case>) {
    let good = hs256(claims(&json!({})));
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let (header, payload) = message.split_once('.').expect("three parts");
    let mut add = |name: &str, token: String, expected| {
        cases.push(Case::new(name, bearer(&token), expected));
    };
    for token in [
        message.to_owned(),
        format!("{message}."),
        format!("{good}."),
        format!("{good}.{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}..{signature}"),
        "..".into(),
        ".".into(),
        header.into(),
        format!("{good}="),
        format!("{good}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{message}.{}", "A".repeat(signature.len())),
        format!("{message}.{}", &signature[..signature.len() - 1]),
        format!("{message}.{}", &signature[..signature.len() / 2]),
        format!("{message}.+/{}", &signature[2..]),
    ] {
        add(&token.replace(&good, "TOKEN"), token, InvalidToken);
    }
    // One bit of each byte of the three parts.
    let mut random = crate::support::random::Random(1);
    for place in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[place] ^= 1 << random.below(5);
        // A byte that may not be in a header at all would be refused for that.
        let is_visible = bytes[place].is_ascii_graphic();
        if let Some(token) = String::from_utf8(bytes).ok().filter(|_| is_visible) {
            add(
                &format!("a flipped bit of byte {place}"),
                token,
                InvalidToken,
            );
        }
    }
    add(
        "a megabyte",
        format!("{good}{}", "A".repeat(1 << 20)),
        Refused,
    );
    add(
        "a list of 100,000 scopes",
        hs256(claims(&json!({"scope": vec!["x"; 100_000]}))),
        Refused,
    );
}
