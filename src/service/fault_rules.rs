//! Fault rules: a test requests that some requests fail, wait, or get a warning, to see what its client does.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::duration::DurationText;
use crate::error::{ApiError, InjectedError};
use crate::json_object;

/// How many fault rules may wait for requests. Each request is compared with all of them.
const MAX_RULES: usize = 1000;
/// How many bytes the bodies of their requests may have together.
const MAX_BYTES: usize = 1 << 20;
/// The methods of requests that a rule may match. A request with `HEAD` is matched as `GET`.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The fault rules that still wait for requests, in the order in which they were added.
#[derive(Debug, Default)]
pub struct FaultRules {
    rules: Mutex<Vec<FaultRule>>,
    /// The number of rules, so that requests do not lock while there are none.
    count: AtomicUsize,
}

/// A fault rule as the admin API takes and shows it: which requests it matches, how many of them, and one effect.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultRule {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default = "once", deserialize_with = "whole_number")]
    times: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<DurationText>,
    #[serde(
        default,
        deserialize_with = "optional_whole_number",
        skip_serializing_if = "Option::is_none"
    )]
    status: Option<u16>,
    #[serde(
        default,
        deserialize_with = "optional_whole_number",
        skip_serializing_if = "Option::is_none"
    )]
    code: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<FaultKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    /// The length of the JSON that the rule was parsed from, in bytes.
    #[serde(skip)]
    length: usize,
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    RateLimit,
    ExpiredToken,
}

/// What a fault rule does to a request.
#[derive(Debug)]
pub(crate) enum FaultEffect {
    /// The request is answered normally after a delay.
    Delay(Duration),
    /// The request is answered with an error.
    Refuse(ApiError),
    /// The connection is closed, and nothing is sent.
    DropConnection,
    /// The request is answered normally, with this `X-Cf-Warnings` header.
    Warn(String),
}

fn get() -> String {
    "GET".into()
}

fn once() -> u64 {
    1
}

/// Deserializes a whole number, which JSON may also write as `1.0`.
fn whole_number<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<T, D::Error> {
    optional_whole_number(deserializer)?.ok_or_else(|| D::Error::custom("null is not a number"))
}

fn optional_whole_number<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    if value.is_null() {
        return Ok(None);
    }
    let float = value.as_f64().filter(|number| number.fract() == 0.0);
    value
        .as_u64()
        .or_else(|| format!("{:.0}", float?).parse().ok())
        .and_then(|number| T::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| {
            D::Error::custom(format!(
                "`{value}`: expected a whole number without quotes, from 0 to {}",
                u64::MAX >> (64 - 8 * size_of::<T>())
            ))
        })
}

impl FaultRule {
    /// Parses a rule and checks it.
    ///
    /// # Errors
    ///
    /// Fails with a sentence that says what is wrong with the rule.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let mut rule: Self = json_object::parse_request(body).map_err(|error| error.to_string())?;
        rule.length = body.len();
        rule.effect()?;
        rule.check_method()?;
        rule.check_path()?;
        if rule.times == 0 {
            return Err("times is 0; give 1 or more, or leave it out".into());
        }
        Ok(rule)
    }

    fn check_method(&self) -> Result<(), String> {
        let is_known = |known: &&str| known.eq_ignore_ascii_case(&self.method);
        if METHODS.iter().any(is_known) {
            return Ok(());
        }
        Err(format!(
            "method `{}` is unknown; give one of {}, or leave it out for `GET`, which matches `HEAD` too",
            self.method,
            METHODS.join(", ")
        ))
    }

    fn check_path(&self) -> Result<(), String> {
        let path = &self.path;
        if !path.starts_with('/') || path.contains('?') {
            return Err(format!(
                "path `{path}` must begin with `/` and have no query"
            ));
        }
        let beginning = path.strip_suffix('*').unwrap_or(path);
        if beginning.contains('*') {
            return Err(format!(
                "path `{path}` has a `*` before its end; give the exact path, or its beginning and one `*`, such as `/v3/packages/*`"
            ));
        }
        if path.len() > 1 && path.ends_with('/') {
            return Err(format!(
                "path `{path}` ends with `/`, which the path of a request never does here; give `{}`",
                path.trim_end_matches('/')
            ));
        }
        Ok(())
    }

    /// Returns the one effect that the rule names.
    fn effect(&self) -> Result<FaultEffect, String> {
        let given = [
            self.delay.is_some(),
            self.status.is_some(),
            self.cut.is_some(),
            self.kind.is_some(),
            self.warning.is_some(),
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err(
                "give exactly one of `delay`, `status`, `cut`, `kind` and `warning`".into(),
            );
        }
        if self.status.is_none()
            && (self.code.is_some() || self.title.is_some() || self.detail.is_some())
        {
            return Err("`code`, `title` and `detail` need `status`".into());
        }
        if let Some(delay) = &self.delay {
            return Ok(FaultEffect::Delay(delay.duration));
        }
        if let Some(status) = self.status {
            if !(400..=599).contains(&status) {
                return Err(format!("status {status} is not an error; give 400 to 599"));
            }
            return Ok(FaultEffect::Refuse(ApiError::InjectedError(Box::new(
                InjectedError {
                    status,
                    code: self.code.unwrap_or(10001),
                    title: self.title.clone().unwrap_or_else(|| "UnknownError".into()),
                    detail: self
                        .detail
                        .clone()
                        .unwrap_or_else(|| "An unknown error occurred.".into()),
                },
            ))));
        }
        match (self.cut, self.kind, &self.warning) {
            (Some(true), ..) => Ok(FaultEffect::DropConnection),
            (Some(false), ..) => Err("`cut` is false; give `true`, or leave it out".into()),
            (_, Some(FaultKind::RateLimit), _) => Ok(FaultEffect::Refuse(ApiError::RateLimited)),
            (_, Some(FaultKind::ExpiredToken), _) => {
                Ok(FaultEffect::Refuse(ApiError::InvalidToken))
            }
            (_, _, Some(warning)) => Ok(FaultEffect::Warn(warning.clone())),
            (None, None, None) => Err("the rule has no effect".into()),
        }
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        let is_path = match self.path.strip_suffix('*') {
            Some(beginning) => path.starts_with(beginning),
            None => self.path == path,
        };
        self.method.eq_ignore_ascii_case(method) && is_path
    }
}

impl FaultRules {
    /// Adds a rule after the others.
    ///
    /// # Errors
    ///
    /// Fails with a sentence if there are too many rules, or if they are too long together.
    pub(crate) fn add(&self, rule: FaultRule) -> Result<(), String> {
        let mut rules = self.lock();
        let bytes = rules.iter().map(|rule| rule.length).sum::<usize>();
        if rules.len() >= MAX_RULES || bytes.saturating_add(rule.length) > MAX_BYTES {
            return Err(format!(
                "{} fault rules of {bytes} bytes wait for requests, and there may be {MAX_RULES} of {MAX_BYTES} bytes; remove them with `DELETE /admin/faults`",
                rules.len()
            ));
        }
        rules.push(rule);
        self.count.store(rules.len(), Ordering::Release);
        Ok(())
    }

    /// Returns the rules in their order.
    pub(crate) fn list(&self) -> Vec<FaultRule> {
        self.lock().clone()
    }

    /// Removes all rules.
    pub(crate) fn clear(&self) {
        let mut rules = self.lock();
        rules.clear();
        self.count.store(0, Ordering::Release);
    }

    /// Returns the effect of the first rule that matches a request, and counts the request. A rule that has matched as
    /// many requests as it says is removed.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<FaultEffect> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut rules = self.lock();
        let index = rules.iter().position(|rule| rule.matches(method, path))?;
        let rule = &mut rules[index];
        let effect = rule.effect().ok();
        rule.times -= 1;
        if rule.times == 0 {
            rules.remove(index);
        }
        self.count.store(rules.len(), Ordering::Release);
        effect
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FaultRule>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
