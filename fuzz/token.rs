//! `Authorization` headers. A token is accepted if, and only if, a second implementation of the rules of
//! `docs/reference/access.md#jwt-rules` accepts it.
//!
//! An input is a header, or `hs256 HEADER\nPAYLOAD` or `rs256 …`: then it is signed first, so that the changes reach what
//! comes after the signature.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cf_packages::auth::{Identity, Keys};
use cf_packages::edition::Edition;
use cf_packages::error::ApiError;
use cf_packages::store::{Durability, OpenMode, Store, StoreError};
use ring::{hmac, signature};
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use crate::signing::{Rsa, with_hmac};
use crate::{Answer, Target, lines};

const NOW: i64 = 1_447_434_180;
const KEY: &[u8] = b"tokensecret";
const CLAIMS: &[&str] = &["exp", "nbf", "aud", "scope", "user_id", "client_id", "jti"];

pub struct Token {
    keys: Keys,
    rsa: Rsa,
}

impl Token {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("f");
        Store::create(&path, |_| Ok::<_, StoreError>(())).expect("a database");
        let store = Store::open(&path, OpenMode::ReadOnly, Durability::Full).expect("a database");
        let public_key = folder.path().join("public.pem");
        std::fs::write(
            &public_key,
            include_str!("../tests/fixtures/rsa-one.pub.pem"),
        )
        .expect("a file");
        let secrets = vec![cf_packages::auth::Secret::new(KEY)];
        let keys = store.read_blocking(|snapshot| Keys::load(snapshot, secrets, &[public_key]));
        Self {
            keys: keys.expect("the keys"),
            rsa: Rsa::new(),
        }
    }

    /// Returns the value of the header that an input stands for.
    fn header(&self, input: &[u8]) -> Vec<u8> {
        let parts = |rest: &[u8]| {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            Some((rest[..end].to_vec(), rest[end + 1..].to_vec()))
        };
        let token = if let Some((header, payload)) = input.strip_prefix(b"hs256 ").and_then(parts) {
            with_hmac(hmac::HMAC_SHA256, KEY, header, payload)
        } else if let Some((header, payload)) = input.strip_prefix(b"rs256 ").and_then(parts) {
            self.rsa.token(header, payload)
        } else {
            return input.to_vec();
        };
        format!("bearer {token}").into_bytes()
    }

    /// Returns the caller whom a header proves.
    fn expected(&self, header: &[u8]) -> Result<String, ApiError> {
        let scheme = header.get(..6).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Err(ApiError::NotAuthenticated);
        }
        let rest = std::str::from_utf8(&header[6..]).ok();
        let words: Vec<_> = rest
            .map(|rest| rest.split(' ').filter(|word| !word.is_empty()).collect())
            .unwrap_or_default();
        let is_separated = header.get(6) == Some(&b' ');
        match words[..] {
            [token] if is_separated => self.caller(token).ok_or(ApiError::InvalidToken),
            _ => Err(ApiError::InvalidToken),
        }
    }

    fn caller(&self, token: &str) -> Option<String> {
        let parts: Vec<_> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            return None;
        };
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        let fields = Fields::parse(&decode(header)?, &["alg", "kid", "crit"])?;
        let message = format!("{header}.{payload}");
        let signature = decode(signature)?;
        let is_signed = match fields.get("alg")?.as_str()? {
            "HS256" => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, KEY);
                hmac::verify(&key, message.as_bytes(), &signature).is_ok()
            }
            "RS256" => {
                let algorithm = &signature::RSA_PKCS1_2048_8192_SHA256;
                signature::UnparsedPublicKey::new(algorithm, self.rsa.public())
                    .verify(message.as_bytes(), &signature)
                    .is_ok()
            }
            _ => false,
        };
        let has_valid_kid = fields.get("kid").is_none_or(Value::is_string);
        if !is_signed || !has_valid_kid || fields.get("crit").is_some() {
            return None;
        }
        let claims = Fields::parse(&decode(payload)?, CLAIMS)?;
        let is_in_time = claims.get("exp")?.as_i64()? > NOW
            && match claims.get("nbf") {
                Some(nbf) => nbf.as_i64()? <= NOW,
                None => true,
            };
        let texts = |value: &Value| match value {
            Value::Array(values) => values
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect(),
            _ => None,
        };
        let audiences: Vec<String> = match claims.get("aud")? {
            Value::String(audience) => vec![audience.clone()],
            other => texts(other)?,
        };
        let _: Vec<String> = texts(claims.get("scope")?)?;
        let text = |name: &str| match claims.get(name) {
            None | Some(Value::Null) => Some(None),
            Some(value) => value.as_str().map(Some),
        };
        let (user, client) = (text("user_id")?, text("client_id")?);
        let is_refresh = claims
            .get("jti")
            .and_then(Value::as_str)
            .is_some_and(|jti| jti.ends_with("-r"));
        let caller = user.or(client).filter(|caller| !caller.is_empty())?;
        let is_ours = audiences
            .iter()
            .any(|audience| audience == "cloud_controller");
        (is_in_time && is_ours && !is_refresh).then(|| caller.to_owned())
    }
}

/// The members of a JSON object that matter, none of them twice.
struct Fields(Vec<(String, Value)>);

impl Fields {
    fn parse(bytes: &[u8], names: &'static [&'static str]) -> Option<Self> {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        let fields = deserializer.deserialize_map(FieldVisitor(names)).ok()?;
        deserializer.end().ok()?;
        let is_unique = |index: usize| {
            fields[..index]
                .iter()
                .all(|(name, _)| *name != fields[index].0)
        };
        (0..fields.len()).all(is_unique).then_some(Self(fields))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        let mut fields = self.0.iter();
        fields
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

struct FieldVisitor(&'static [&'static str]);

impl<'de> Visitor<'de> for FieldVisitor {
    type Value = Vec<(String, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if self.0.contains(&name.as_str()) {
                fields.push((name, map.next_value()?));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(fields)
    }
}

impl Target for Token {
    fn corpus(&self) -> Vec<Vec<u8>> {
        // A line feed within an input is written as `\n`.
        let inputs = lines(include_str!("corpus/token.txt")).into_iter();
        let unescaped = inputs.map(|input| {
            String::from_utf8(input)
                .expect("UTF-8")
                .replace("\\n", "\n")
                .into_bytes()
        });
        unescaped.collect()
    }

    fn dictionary(&self) -> &'static [&'static str] {
        &[
            "hs256 ",
            "rs256 ",
            "bearer ",
            "Bearer",
            "Basic ",
            "{\"alg\":\"HS256\"}",
            "{\"alg\":\"RS256\"}",
            "\"alg\"",
            "\"kid\"",
            "\"crit\"",
            "\"exp\"",
            "\"nbf\"",
            "\"aud\"",
            "\"scope\"",
            "\"user_id\"",
            "\"client_id\"",
            "\"jti\"",
            "\"iat\"",
            "\"cloud_controller\"",
            "[\"cloud_controller\"]",
            "\"cloud_controller.read\"",
            "\"HS256\"",
            "\"none\"",
            "\"x-r\"",
            "1447434180",
            "1447434181",
            "1447434179",
            "null",
            "true",
            "{}",
            "[]",
            "\"\"",
            ":",
            ",",
            "{",
            "}",
            "\"",
            "\n",
            ".",
            "=",
            " ",
            "\\u0065",
            "\\ud800",
            "\t",
        ]
    }

    fn try_input(&mut self, input: &[u8]) -> Result<Answer, String> {
        let header = self.header(input);
        let rules = Edition::Current.access_rules();
        let identify = || self.keys.identify(&[&header], NOW, rules);
        let expected = self.expected(&header);
        // The second time, the token comes from the cache.
        for time in ["first", "second"] {
            let found = identify().map(|Identity { user, .. }| user);
            if found != expected {
                return Err(format!(
                    "{time} time: {found:?} instead of {expected:?} for {}",
                    header.escape_ascii()
                ));
            }
        }
        Ok(Answer {
            is_accepted: expected.is_ok(),
            text: format!("{:?}", expected.map(|user| user.len().min(20))),
        })
    }
}
