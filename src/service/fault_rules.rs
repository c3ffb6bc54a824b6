//! FaultRules on demand: what a client's author wants to see their client meet. The first added goes first.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};

use crate::duration;
use crate::error::{ApiError, InjectedError};
use crate::json_object::parse as object;

/// The faults that wait for their requests.
#[derive(Debug, Default)]
pub struct FaultRules {
    waiting: Mutex<Vec<FaultRule>>,
    /// How many wait: a request without faults does not lock.
    count: AtomicUsize,
}

/// A fault as it is request for, listed and kept: for which requests, how often, and one thing that happens to them.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FaultRule {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default = "once", deserialize_with = "whole")]
    times: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<String>,
    #[serde(
        default,
        deserialize_with = "whole_or_null",
        skip_serializing_if = "Option::is_none"
    )]
    status: Option<u16>,
    #[serde(
        default,
        deserialize_with = "whole_or_null",
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
}

#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum FaultKind {
    RateLimit,
    ExpiredToken,
}

/// What happens to one request.
#[derive(Debug)]
pub(crate) enum FaultEffect {
    /// It waits, and is then answered as ever.
    Delay(Duration),
    /// It is refused.
    Refuse(ApiError),
    /// Its answer breaks off in the middle.
    DropConnection,
    /// Its answer has a warning.
    Warn(String),
}

fn get() -> String {
    "GET".into()
}

fn once() -> u64 {
    1
}

/// A whole number, also where it is written as `1.0`: to JSON they are the same.
fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    whole_or_null(deserializer)?.ok_or_else(|| D::Error::custom("null is not a number"))
}

fn whole_or_null<'de, D: Deserializer<'de>, T: TryFrom<u64>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let float = number.as_f64().filter(|number| number.fract() == 0.0);
    number
        .as_u64()
        .or_else(|| format!("{:.0}", float?).parse().ok())
        .and_then(|number| T::try_from(number).ok())
        .map(Some)
        .ok_or_else(|| D::Error::custom(format!("{number} is not a whole number of that size")))
}

impl FaultRule {
    /// Reads one; what is wrong with it is said in a sentence.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let order: Self = object(body).map_err(|error| error.to_string())?;
        order.event()?;
        if !order.path.starts_with('/') || order.path.contains('?') {
            return Err(format!(
                "path `{}` must begin with `/` and have no query",
                order.path
            ));
        }
        if order.times == 0 {
            return Err("times must be 1 at least".into());
        }
        Ok(order)
    }

    fn event(&self) -> Result<FaultEffect, String> {
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
            return Err("`code`, `title` and `detail` go with `status`".into());
        }
        if let Some(delay) = &self.delay {
            return duration::parse(delay).map(FaultEffect::Delay);
        }
        if let Some(status) = self.status {
            if !(400..=599).contains(&status) {
                return Err(format!("status {status} is no error; expected 400 to 599"));
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
            (Some(false), ..) => Err("`cut` is `true` or left out".into()),
            (_, Some(FaultKind::RateLimit), _) => Ok(FaultEffect::Refuse(ApiError::RateLimited)),
            (_, Some(FaultKind::ExpiredToken), _) => {
                Ok(FaultEffect::Refuse(ApiError::InvalidToken))
            }
            (_, _, Some(warning)) => Ok(FaultEffect::Warn(warning.clone())),
            _ => Err("nothing is request for".into()),
        }
    }

    fn is_for(&self, method: &str, path: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        self.method.eq_ignore_ascii_case(method) && self.path == path
    }
}

impl FaultRules {
    /// Adds one behind the others.
    pub(crate) fn add(&self, order: FaultRule) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(order);
        self.count.store(waiting.len(), Ordering::Release);
    }

    /// Those that wait, in their order.
    pub(crate) fn list(&self) -> Vec<FaultRule> {
        self.waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Forgets all of them.
    pub(crate) fn clear(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.clear();
        self.count.store(0, Ordering::Release);
    }

    /// What happens to this request, once.
    pub(crate) fn take(&self, method: &str, path: &str) -> Option<FaultEffect> {
        if self.count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let at = waiting
            .iter()
            .position(|order| order.is_for(method, path))?;
        let order = &mut waiting[at];
        let event = order.event().ok();
        order.times -= 1;
        if order.times == 0 {
            waiting.remove(at);
        }
        self.count.store(waiting.len(), Ordering::Release);
        event
    }
}
