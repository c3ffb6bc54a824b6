//! Random list requests: each parameter as text for the server and as a condition for the model.

use std::fmt::Write;

use super::data::{Data, KEYS, Resource, VALUES, random_time};
use crate::support::STATES;
use crate::support::random::Random;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum List {
    Packages,
    Apps,
    Spaces,
    Organizations,
}

type Condition = Box<dyn Fn(&Resource) -> bool>;
type SortKey = Box<dyn Fn(&Resource) -> (i64, String)>;

pub struct ListRequest {
    pub list: List,
    /// The app of `GET /v3/apps/:guid/packages` or of `app_guid`.
    pub app: Option<usize>,
    pub conditions: Vec<Condition>,
    /// The sort key, and whether the order is descending.
    pub order: Option<(SortKey, bool)>,
    pub page: usize,
    pub per_page: usize,
    path: String,
    /// The encoded parameters without `page`.
    query: Vec<String>,
    has_page: bool,
}

impl ListRequest {
    /// Returns path and query; with `page`, those of another page of the same list.
    pub fn target(&self, page: Option<usize>) -> String {
        let mut pairs = self.query.clone();
        match page {
            Some(page) => pairs.push(format!("page={page}")),
            None if self.has_page => pairs.insert(0, format!("page={}", self.page)),
            None => {}
        }
        format!("{}?{}", self.path, pairs.join("&"))
    }

    fn new(random: &mut Random, list: List, path: String) -> Self {
        let mut request = Self {
            list,
            app: None,
            conditions: Vec::new(),
            order: None,
            page: 1,
            per_page: 50,
            path,
            query: Vec::new(),
            has_page: random.one_in(2),
        };
        if request.has_page {
            let last = *random.choose(&[4, 4, 4, 100]);
            request.page = 1 + random.below(last);
        }
        if random.one_in(2) {
            request.per_page = *random.choose(&[1, 2, 7, 50, 200, 5000]);
            request.query.push(format!("per_page={}", request.per_page));
        }
        request
    }

    pub fn random_2015(random: &mut Random, data: &Data) -> Self {
        if random.one_in(3) {
            return Self::of_app(random, data);
        }
        Self::new(random, List::Packages, "/v3/packages".into())
    }

    fn of_app(random: &mut Random, data: &Data) -> Self {
        let app = random.below(data.apps.len());
        let guid = data.apps[app].guid.clone();
        let mut request = Self::new(random, List::Packages, format!("/v3/apps/{guid}/packages"));
        request.app = Some(app);
        request.conditions.push(Box::new(move |resource| {
            resource.fields["app_guids"] == guid
        }));
        request
    }

    pub fn random(random: &mut Random, data: &Data) -> Self {
        let mut request = match random.below(10) {
            0 => Self::new(random, List::Apps, "/v3/apps".into()),
            1 => Self::new(random, List::Spaces, "/v3/spaces".into()),
            2 => Self::new(random, List::Organizations, "/v3/organizations".into()),
            3 => Self::of_app(random, data),
            _ => Self::new(random, List::Packages, "/v3/packages".into()),
        };
        if request.list == List::Packages && request.app.is_none() && random.one_in(25) {
            request.app_guid(random, data);
        }
        let within_an_app = request.app.is_some();
        let lists: &[&str] = match request.list {
            List::Packages if within_an_app => &["guids", "states", "types"],
            List::Packages => &[
                "guids",
                "states",
                "types",
                "app_guids",
                "space_guids",
                "organization_guids",
            ],
            List::Apps => &[
                "guids",
                "names",
                "space_guids",
                "organization_guids",
                "stacks",
                "lifecycle_type",
            ],
            List::Spaces => &["guids", "names", "organization_guids"],
            List::Organizations => &["guids", "names"],
        };
        for name in lists {
            let odds = if *name == "guids" { 20 } else { 6 };
            if random.one_in(odds) {
                request.list_filter(random, data, name);
            }
        }
        for name in ["created_ats", "updated_ats"] {
            if random.one_in(7) {
                request.times(random, name);
            }
        }
        if random.one_in(if request.list == List::Packages {
            4
        } else {
            12
        }) {
            request.labels(random);
        }
        if random.one_in(2) {
            request.order_by(random);
        }
        // The order of the parameters must not matter.
        for at in (1..request.query.len()).rev() {
            request.query.swap(at, random.below(at + 1));
        }
        request
    }

    /// Adds `app_guid`, which selects the list of one app.
    fn app_guid(&mut self, random: &mut Random, data: &Data) {
        let app = random.below(data.apps.len());
        let guid = data.apps[app].guid.clone();
        self.query.push(format!("app_guid={guid}"));
        self.app = Some(app);
        self.conditions.push(Box::new(move |resource| {
            resource.fields["app_guids"] == guid
        }));
    }

    fn list_filter(&mut self, random: &mut Random, data: &Data, name: &'static str) {
        if name == "lifecycle_type" {
            let word = (*random.choose(&["buildpack", "docker", "cnb"])).to_owned();
            self.query.push(format!("lifecycle_type={word}"));
            self.conditions.push(Box::new(move |resource| {
                resource.fields["lifecycle_type"] == word
            }));
            return;
        }
        if name != "stacks" && random.one_in(15) {
            self.query.push(name.into());
            self.conditions.push(Box::new(|_| false));
            return;
        }
        let count = *random.choose(&[1, 1, 1, 2, 2, 3, 12]);
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(match random.below(12) {
                0 => "unknown".to_owned(),
                1 => String::new(),
                _ => filter_value(random, data, self.list, name),
            });
        }
        let mut text = String::new();
        for (n, element) in elements.iter().enumerate() {
            let comma = if n == 0 {
                ""
            } else {
                *random.choose(&[",", "%2C", ",%20", ",+"])
            };
            let _ = write!(text, "{comma}{}", escaped(element));
        }
        if name == "names" {
            elements = elements.iter().map(|name| name.to_lowercase()).collect();
        }
        self.query.push(format!("{name}={text}"));
        self.conditions.push(Box::new(move |resource| {
            resource
                .fields
                .get(name)
                .is_some_and(|value| elements.contains(value))
        }));
    }

    fn times(&mut self, random: &mut Random, name: &'static str) {
        let time = move |resource: &Resource| {
            if name == "created_ats" {
                resource.created
            } else {
                resource.updated
            }
        };
        if random.one_in(2) {
            let seconds: Vec<i64> = (0..=random.below(3)).map(|_| random_time(random)).collect();
            let texts: Vec<String> = seconds.iter().map(|second| rfc3339(*second)).collect();
            self.query.push(format!("{name}={}", texts.join(",")));
            self.conditions
                .push(Box::new(move |resource| seconds.contains(&time(resource))));
            return;
        }
        // One entry of `query`: of two bounds with the same operator the last counts, so they stay in this order.
        let mut pairs = Vec::new();
        let mut last: Vec<(&str, i64)> = Vec::new();
        for _ in 0..=random.below(3) {
            let operator = *random.choose(&["lt", "lte", "gt", "gte"]);
            let second = random_time(random);
            let brackets = *random.choose(&["[]", "%5B%5D"]);
            let (open, close) = brackets.split_at(brackets.len() / 2);
            pairs.push(format!("{name}{open}{operator}{close}={}", rfc3339(second)));
            last.retain(|(known, _)| *known != operator);
            last.push((operator, second));
        }
        self.query.push(pairs.join("&"));
        self.conditions.push(Box::new(move |resource| {
            last.iter().all(|(operator, second)| match *operator {
                "lt" => time(resource) < *second,
                "lte" => time(resource) <= *second,
                "gt" => time(resource) > *second,
                _ => time(resource) >= *second,
            })
        }));
    }

    fn labels(&mut self, random: &mut Random) {
        let mut pieces = Vec::new();
        for _ in 0..=random.below(3) {
            let key = *random.choose(&[KEYS[0], KEYS[1], KEYS[2], KEYS[3], KEYS[4], "none"]);
            let mut values: Vec<&str> = (0..random.below(4))
                .map(|_| *random.choose(&VALUES))
                .collect();
            let form = random.below(7);
            if form < 3 {
                values.truncate(1);
            }
            let list = values.join(",");
            let (piece, negated, any) = match form {
                0 => (format!("{key}={list}"), false, false),
                1 => (format!("{key}=={list}"), false, false),
                2 => (format!("{key}!={list}"), true, false),
                3 => (format!("{key} in ({list})"), false, false),
                4 => (format!("{key} notin ({list})"), true, false),
                5 => (key.to_owned(), false, true),
                _ => (format!("!{key}"), true, true),
            };
            pieces.push(piece);
            // Empty values at the end are ignored.
            while values.last().is_some_and(|value| value.is_empty()) {
                values.pop();
            }
            self.conditions.push(Box::new(move |resource| {
                let is_match = resource
                    .labels
                    .get(key)
                    .is_some_and(|value| any || values.contains(&value.as_str()));
                is_match != negated
            }));
        }
        self.query
            .push(format!("label_selector={}", escaped(&pieces.join(","))));
    }

    fn order_by(&mut self, random: &mut Random) {
        let names: &[&str] = match self.list {
            List::Packages => &["created_at", "updated_at"],
            List::Apps => &["created_at", "updated_at", "name", "state"],
            List::Spaces | List::Organizations => &["created_at", "updated_at", "name"],
        };
        let name = *random.choose(names);
        let (sign, descending) = *random.choose(&[("", false), ("%2B", false), ("-", true)]);
        self.query.push(format!("order_by={sign}{name}"));
        let order: SortKey = match name {
            "created_at" => Box::new(|resource| (resource.created, String::new())),
            "updated_at" => Box::new(|resource| (resource.updated, String::new())),
            "name" => Box::new(|resource| (0, resource.name.clone())),
            _ => Box::new(|_| (0, String::new())),
        };
        self.order = Some((order, descending));
    }
}

/// Returns a value for the filter of that name. Most exist, some only in another case.
fn filter_value(random: &mut Random, data: &Data, list: List, name: &str) -> String {
    let guid = |random: &mut Random, list: List| random.choose(data.resources(list)).guid.clone();
    match name {
        "guids" => guid(random, list),
        "app_guids" => guid(random, List::Apps),
        "space_guids" => guid(random, List::Spaces),
        "organization_guids" => guid(random, List::Organizations),
        "states" => (*random.choose(&[
            STATES[0], STATES[1], STATES[2], STATES[3], STATES[4], STATES[5], "ready",
        ]))
        .into(),
        "types" => (*random.choose(&["bits", "docker", "BITS"])).into(),
        "stacks" => (*random.choose(&["cflinuxfs4", "windows"])).into(),
        _ => {
            let name = &random.choose(data.resources(list)).fields["name"];
            match random.below(3) {
                0 => name.to_uppercase(),
                1 => name.to_lowercase(),
                _ => name.clone(),
            }
        }
    }
}

fn rfc3339(second: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(second).unwrap();
    time.format(&time::format_description::well_known::Rfc3339)
        .unwrap()
}

/// Escapes text for a query.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
