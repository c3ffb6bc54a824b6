//! The parameters of a list, each read once: its faults, its conditions, and what hrefs repeat of it.

use super::parameters::{ListParameters, ParameterKind};
use super::{label_selector, timestamps};
use crate::edition::ruby::comma_list::{self, echo, echo_list};
use crate::edition::ruby::inspect::{Keys, pair, to_s};
use crate::edition::ruby::query_string::{Fields, Value};
use crate::edition::ruby::to_i::to_i;
use crate::error::ApiError;
use crate::listing::request::{Condition, Include, MAXIMUM_RESULT, OrderBy, Page};
use crate::records::Resource;

const DEFAULT_PAGE: i128 = 1;
const DEFAULT_PER_PAGE: i128 = 50;
const MOST_PER_PAGE: i128 = 5000;

/// What was read so far. Each method reads a parameter, if it is there.
#[derive(Debug, Default)]
pub struct ParameterParser {
    /// In the order in which they are told.
    pub faults: Vec<String>,
    pub conditions: Vec<Condition>,
    /// Encoded pairs for hrefs.
    pub echo: Vec<String>,
    pub include: Include,
}

impl ParameterParser {
    /// `page` and `per_page`; `None` where one has a fault.
    pub fn page(&mut self, fields: &Fields) -> Option<Page> {
        let number = integer(fields, "page", DEFAULT_PAGE);
        let per_page = integer(fields, "per_page", DEFAULT_PER_PAGE);
        if number <= 0 {
            self.faults.push("Page must be a positive integer".into());
        }
        if per_page <= 0 {
            self.faults
                .push("Per page must be a positive integer".into());
        } else if per_page > MOST_PER_PAGE {
            self.faults
                .push(format!("Per page must be between 1 and {MOST_PER_PAGE}"));
        }
        let most = i128::try_from(MAXIMUM_RESULT).unwrap_or(i128::MAX);
        if number.saturating_mul(per_page) > most {
            self.faults.push(format!(
                "Maximum result (page * per_page) must be less than {MAXIMUM_RESULT}"
            ));
        }
        Page::new(u128::try_from(number).ok()?, u32::try_from(per_page).ok()?)
    }

    /// `order_by`.
    pub fn order<R: Resource>(
        &mut self,
        parameters: &ListParameters,
        fields: &Fields,
    ) -> Option<OrderBy> {
        let text = match fields.get("order_by")? {
            Value::Null => return None,
            Value::Text(text) if is_blank(text) => return None,
            Value::Text(text) => text.as_str(),
            Value::Array(_) | Value::Map(_) => "",
        };
        let (descending, name) = match text.strip_prefix('-') {
            Some(name) => (true, name),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let order = parameters
            .orders
            .contains(&name)
            .then(|| R::order(name))
            .flatten();
        let Some(order) = order else {
            self.faults.push(format!(
                "Order by can only be: '{}'",
                parameters.orders.join("', '")
            ));
            return None;
        };
        let sign = if descending { '-' } else { '+' };
        self.echo.push(echo("order_by", &format!("{sign}{name}")));
        Some(OrderBy { order, descending })
    }

    /// `created_ats` and `updated_ats`, which filter by the `order` of that name.
    pub fn times<R: Resource>(
        &mut self,
        name: &str,
        order: &str,
        fields: &Fields,
    ) -> Result<(), ApiError> {
        let (Some(value), Some(order)) = (fields.get(name), R::order(order)) else {
            return Ok(());
        };
        let times = timestamps::read(name, value, order)?;
        let shown = humanized(name);
        let faults = times.faults.iter().map(|fault| format!("{shown} {fault}"));
        self.faults.extend(faults);
        self.conditions.extend(times.conditions);
        self.echo.extend(times.echo);
        Ok(())
    }

    /// `label_selector`. What has no labels has none that is asked for, and fulfils what is asked to be missing.
    pub fn label_selector<R: Resource>(&mut self, fields: &Fields) {
        let Some(value) = fields.get("label_selector") else {
            return;
        };
        match label_selector::read(value) {
            Ok(requirements) if R::LABELLED => self
                .conditions
                .extend(requirements.into_iter().map(Condition::Label)),
            Ok(requirements) => {
                let unfulfilled = requirements.into_iter().filter(|label| !label.negated);
                self.conditions
                    .extend(unfulfilled.map(|_| Condition::Nothing));
            }
            Err(faults) => self.faults.extend(faults),
        }
        if let Value::Text(text) = value {
            self.echo.push(echo("label_selector", text));
        }
    }

    /// Names that are not parameters.
    pub fn unknown(&mut self, parameters: &[&str], fields: &Fields) {
        let unknown = fields.unknown(parameters);
        if !unknown.is_empty() {
            self.faults.push(format!(
                "Unknown query parameter(s): '{}'. Valid parameters are: '{}'",
                unknown.join("', '"),
                parameters.join("', '")
            ));
        }
    }

    /// A comma list.
    pub fn list<R: Resource>(
        &mut self,
        name: &str,
        kind: &ParameterKind,
        fields: &Fields,
    ) -> Result<(), ApiError> {
        let Some(value) = fields.get(name) else {
            return Ok(());
        };
        match (value, kind) {
            (Value::Map(_), _) | (Value::Null, ParameterKind::ListWithValue) => self
                .faults
                .push(format!("{} must be an array", humanized(name))),
            (Value::Null, _) => {
                self.conditions.push(Condition::Nothing);
                self.echo.push(name.to_owned());
            }
            (value, _) => {
                let elements = comma_list::split(&to_s(value, Keys::Text))?;
                self.echo.push(echo_list(name, &elements));
                self.conditions.push(one_of::<R>(name, elements));
            }
        }
        Ok(())
    }

    /// One of some words.
    pub fn word<R: Resource>(&mut self, name: &str, words: &[&str], fields: &Fields) {
        let Some(value) = fields.get(name) else {
            return;
        };
        let text = to_s(value, Keys::Symbols);
        if !matches!(value, Value::Text(_)) || !words.contains(&text.as_str()) {
            self.faults.push(format!("Invalid {name}: '{text}'"));
            return;
        }
        self.echo.push(echo(name, &text));
        self.conditions.push(one_of::<R>(name, vec![text]));
    }

    /// `include` (reference: neighbours.md §1.4, §4).
    pub fn include(
        &mut self,
        words: &[(&'static str, Include)],
        fields: &Fields,
    ) -> Result<(), ApiError> {
        let elements = match fields.get("include") {
            None => return Ok(()),
            Some(Value::Map(map)) => map.iter().map(|(name, value)| pair(name, value)).collect(),
            Some(value) => comma_list::split(&to_s(value, Keys::Text))?,
        };
        let mut met = vec![0_usize; words.len()];
        for element in &elements {
            let Some(at) = words.iter().position(|(word, _)| word == element) else {
                let valid: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                self.faults.push(format!(
                    "Invalid included resource: '{element}'. Valid included resources are: '{}'",
                    valid.join("', '")
                ));
                continue;
            };
            met[at] += 1;
            if met[at] == 2 {
                self.faults
                    .push(format!("Duplicate included resource: '{element}'"));
            }
            let (_, shown) = words[at];
            self.include.spaces |= shown.spaces;
            self.include.organizations |= shown.organizations;
        }
        self.echo.push(echo_list("include", &elements));
        Ok(())
    }

    /// Parameters that the packages of one app cannot have.
    pub fn refused_within_an_app(&mut self, names: &[&str], fields: &Fields) {
        let given: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !matches!(fields.get(name), None | Some(Value::Null)))
            .collect();
        if !given.is_empty() {
            self.faults.push(format!(
                "Unknown query parameter(s): '{}'",
                given.join("', '")
            ));
        }
    }
}

/// What a parameter that means another list than the path does names, if it is not blank.
pub fn named(name: &str, fields: &Fields) -> Option<String> {
    match fields.get(name)? {
        Value::Array(values) if values.is_empty() => None,
        value => Some(to_s(value, Keys::Symbols)).filter(|text| !is_blank(text)),
    }
}

/// A condition on the filter of that name. A filter that the resource does not have selects nothing.
pub fn one_of<R: Resource>(name: &str, values: Vec<String>) -> Condition {
    R::filter(name).map_or(Condition::Nothing, |filter| {
        Condition::OneOf(filter, values)
    })
}

/// A number as Ruby takes it from a text; 0, which no number may be, where it is no text.
fn integer(fields: &Fields, name: &str, default: i128) -> i128 {
    match fields.get(name) {
        None | Some(Value::Null) => default,
        Some(Value::Text(text)) => to_i(text),
        Some(Value::Array(_) | Value::Map(_)) => 0,
    }
}

/// `organization_guids`: `Organization guids`.
fn humanized(name: &str) -> String {
    let mut shown = name.replace('_', " ");
    if let Some(first) = shown.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    shown
}

fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}
