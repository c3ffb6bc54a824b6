//! Random requests: each parameter as text for the server and as a predicate for the model.

use std::fmt::Write;

use super::data::{Data, KEYS, Random, Row, STATES, VALUES, second};

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    Packages,
    Apps,
    Spaces,
    Organizations,
}

type Holds = Box<dyn Fn(&Row) -> bool>;
type SortColumn = Box<dyn Fn(&Row) -> (i64, String)>;

pub(crate) struct Ask {
    pub(crate) list: List,
    /// The app whose packages are asked for.
    pub(crate) app: Option<usize>,
    pub(crate) conditions: Vec<Holds>,
    pub(crate) order: Option<(SortColumn, bool)>,
    pub(crate) page: usize,
    pub(crate) per_page: usize,
    path: String,
    /// All but the page, encoded.
    query: Vec<String>,
    page_given: bool,
}

impl Ask {
    /// What is sent; another page of it with `page`.
    pub(crate) fn target(&self, page: Option<usize>) -> String {
        let mut pairs = self.query.clone();
        match page {
            Some(page) => pairs.push(format!("page={page}")),
            None if self.page_given => pairs.insert(0, format!("page={}", self.page)),
            None => {}
        }
        format!("{}?{}", self.path, pairs.join("&"))
    }

    fn new(random: &mut Random, list: List, path: String) -> Self {
        let mut ask = Self {
            list,
            app: None,
            conditions: Vec::new(),
            order: None,
            page: 1,
            per_page: 50,
            path,
            query: Vec::new(),
            page_given: random.one_in(2),
        };
        if ask.page_given {
            let last = *random.of(&[4, 4, 4, 100]);
            ask.page = 1 + random.below(last);
        }
        if random.one_in(2) {
            ask.per_page = *random.of(&[1, 2, 7, 50, 200, 5000]);
            ask.query.push(format!("per_page={}", ask.per_page));
        }
        ask
    }

    pub(crate) fn of_2015(random: &mut Random, data: &Data) -> Self {
        if random.one_in(3) {
            return Self::of_app(random, data);
        }
        Self::new(random, List::Packages, "/v3/packages".into())
    }

    fn of_app(random: &mut Random, data: &Data) -> Self {
        let app = random.below(data.apps.len());
        let guid = data.apps[app].guid.clone();
        let mut ask = Self::new(random, List::Packages, format!("/v3/apps/{guid}/packages"));
        ask.app = Some(app);
        ask.conditions
            .push(Box::new(move |row| row.fields["app_guids"] == guid));
        ask
    }

    pub(crate) fn of_today(random: &mut Random, data: &Data) -> Self {
        let mut ask = match random.below(10) {
            0 => Self::new(random, List::Apps, "/v3/apps".into()),
            1 => Self::new(random, List::Spaces, "/v3/spaces".into()),
            2 => Self::new(random, List::Organizations, "/v3/organizations".into()),
            3 => Self::of_app(random, data),
            _ => Self::new(random, List::Packages, "/v3/packages".into()),
        };
        if ask.list == List::Packages && ask.app.is_none() && random.one_in(25) {
            ask.app_guid(random, data);
        }
        let within_an_app = ask.app.is_some();
        let lists: &[&str] = match ask.list {
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
                ask.list_filter(random, data, name);
            }
        }
        for name in ["created_ats", "updated_ats"] {
            if random.one_in(7) {
                ask.times(random, name);
            }
        }
        if random.one_in(if ask.list == List::Packages { 4 } else { 12 }) {
            ask.labels(random);
        }
        if random.one_in(2) {
            ask.order_by(random);
        }
        // The order of parameters means nothing.
        for at in (1..ask.query.len()).rev() {
            ask.query.swap(at, random.below(at + 1));
        }
        ask
    }

    /// `app_guid` means the app's own list.
    fn app_guid(&mut self, random: &mut Random, data: &Data) {
        let app = random.below(data.apps.len());
        let guid = data.apps[app].guid.clone();
        self.query.push(format!("app_guid={guid}"));
        self.app = Some(app);
        self.conditions
            .push(Box::new(move |row| row.fields["app_guids"] == guid));
    }

    fn list_filter(&mut self, random: &mut Random, data: &Data, name: &'static str) {
        if name == "lifecycle_type" {
            let word = (*random.of(&["buildpack", "docker", "cnb"])).to_owned();
            self.query.push(format!("lifecycle_type={word}"));
            self.conditions
                .push(Box::new(move |row| row.fields["lifecycle_type"] == word));
            return;
        }
        if name != "stacks" && random.one_in(15) {
            self.query.push(name.into());
            self.conditions.push(Box::new(|_| false));
            return;
        }
        let count = *random.of(&[1, 1, 1, 2, 2, 3, 12]);
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(match random.below(12) {
                0 => "unknown".to_owned(),
                1 => String::new(),
                _ => element(random, data, self.list, name),
            });
        }
        let mut text = String::new();
        for (n, element) in elements.iter().enumerate() {
            let comma = if n == 0 {
                ""
            } else {
                *random.of(&[",", "%2C", ",%20", ",+"])
            };
            let _ = write!(text, "{comma}{}", escaped(element));
        }
        if name == "names" {
            elements = elements.iter().map(|name| name.to_lowercase()).collect();
        }
        self.query.push(format!("{name}={text}"));
        self.conditions.push(Box::new(move |row| {
            row.fields
                .get(name)
                .is_some_and(|value| elements.contains(value))
        }));
    }

    fn times(&mut self, random: &mut Random, name: &'static str) {
        let time = move |row: &Row| {
            if name == "created_ats" {
                row.created
            } else {
                row.updated
            }
        };
        if random.one_in(2) {
            let seconds: Vec<i64> = (0..=random.below(3)).map(|_| second(random)).collect();
            let texts: Vec<String> = seconds.iter().map(|second| shown(*second)).collect();
            self.query.push(format!("{name}={}", texts.join(",")));
            self.conditions
                .push(Box::new(move |row| seconds.contains(&time(row))));
            return;
        }
        // One pair a query: the parts of one parameter must stay in their order.
        let mut pairs = Vec::new();
        let mut last: Vec<(&str, i64)> = Vec::new();
        for _ in 0..=random.below(3) {
            let operator = *random.of(&["lt", "lte", "gt", "gte"]);
            let second = second(random);
            let brackets = *random.of(&["[]", "%5B%5D"]);
            let (open, close) = brackets.split_at(brackets.len() / 2);
            pairs.push(format!("{name}{open}{operator}{close}={}", shown(second)));
            last.retain(|(known, _)| *known != operator);
            last.push((operator, second));
        }
        self.query.push(pairs.join("&"));
        self.conditions.push(Box::new(move |row| {
            last.iter().all(|(operator, second)| match *operator {
                "lt" => time(row) < *second,
                "lte" => time(row) <= *second,
                "gt" => time(row) > *second,
                _ => time(row) >= *second,
            })
        }));
    }

    fn labels(&mut self, random: &mut Random) {
        let mut pieces = Vec::new();
        for _ in 0..=random.below(3) {
            let key = *random.of(&[KEYS[0], KEYS[1], KEYS[2], KEYS[3], KEYS[4], "none"]);
            let mut values: Vec<&str> = (0..random.below(4)).map(|_| *random.of(&VALUES)).collect();
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
            // Empty values at the end are none.
            while values.last().is_some_and(|value| value.is_empty()) {
                values.pop();
            }
            self.conditions.push(Box::new(move |row| {
                let is = row
                    .labels
                    .get(key)
                    .is_some_and(|value| any || values.contains(&value.as_str()));
                is != negated
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
        let name = *random.of(names);
        let (sign, descending) = *random.of(&[("", false), ("%2B", false), ("-", true)]);
        self.query.push(format!("order_by={sign}{name}"));
        let order: SortColumn = match name {
            "created_at" => Box::new(|row| (row.created, String::new())),
            "updated_at" => Box::new(|row| (row.updated, String::new())),
            "name" => Box::new(|row| (0, row.name.clone())),
            _ => Box::new(|_| (0, String::new())),
        };
        self.order = Some((order, descending));
    }
}

/// A value that the filter of that name finds, or nearly.
fn element(random: &mut Random, data: &Data, list: List, name: &str) -> String {
    let guid = |random: &mut Random, list: List| random.of(data.rows(list)).guid.clone();
    match name {
        "guids" => guid(random, list),
        "app_guids" => guid(random, List::Apps),
        "space_guids" => guid(random, List::Spaces),
        "organization_guids" => guid(random, List::Organizations),
        "states" => (*random.of(&[
            STATES[0], STATES[1], STATES[2], STATES[3], STATES[4], STATES[5], "ready",
        ]))
        .into(),
        "types" => (*random.of(&["bits", "docker", "BITS"])).into(),
        "stacks" => (*random.of(&["cflinuxfs4", "windows"])).into(),
        _ => {
            let name = &random.of(data.rows(list)).fields["name"];
            match random.below(3) {
                0 => name.to_uppercase(),
                1 => name.to_lowercase(),
                _ => name.clone(),
            }
        }
    }
}

fn shown(second: i64) -> String {
    let time = time::OffsetDateTime::from_unix_timestamp(second).unwrap();
    time.format(&time::format_description::well_known::Rfc3339)
        .unwrap()
}

/// For a query, where each is taken as it is.
fn escaped(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}
