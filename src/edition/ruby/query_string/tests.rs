use proptest::prelude::*;

use super::*;
use crate::edition::{current, of_2015};

const TODAY: QueryStringRules = QueryStringRules {
    separators: &['&'],
    stray_brackets_ignored: false,
};
const THEN: QueryStringRules = QueryStringRules {
    separators: &['&', ';'],
    stray_brackets_ignored: true,
};

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn names(query: &str, rules: &QueryStringRules) -> Vec<String> {
    let fields = parse(query, rules).unwrap();
    fields.iter().map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn a_name_keeps_its_first_place_and_its_last_value() {
    let fields = parse("b=1&a&c=&b=2", &TODAY).unwrap();
    let all: Vec<_> = fields.iter().collect();
    assert_eq!(
        all,
        [("b", &text("2")), ("a", &Value::Null), ("c", &text(""))]
    );
}

#[test]
fn values_are_decoded_once() {
    let fields = parse("a=x+y%2B%2526%C3%A4&%61+b=1=2", &TODAY).unwrap();
    assert_eq!(fields.get("a"), Some(&text("x y+%26ä")));
    assert_eq!(fields.get("a b"), Some(&text("1=2")));
}

#[test]
fn empty_pieces_and_names_are_ignored() {
    assert_eq!(names("&&=1&a=1&&=", &TODAY), ["a"]);
    assert_eq!(names("", &TODAY), [""; 0]);
}

#[test]
fn only_2015_separates_at_semicolons() {
    assert_eq!(names("a=1;b=2&c", &THEN), ["a", "b", "c"]);
    assert_eq!(names("a=1;b=2&c", &TODAY), ["a", "c"]);
    assert_eq!(
        parse("a=1;b=2", &TODAY).unwrap().get("a"),
        Some(&text("1;b=2"))
    );
}

#[test]
fn shapes_have_a_base_name() {
    for rules in [&TODAY, &THEN] {
        for query in ["foo[]=1", "foo[a]=1", "foo", "foo[a][]=1", "foo[][b]=1"] {
            assert_eq!(names(query, rules), ["foo"], "{query}");
        }
    }
    let fields = parse("a[]=1&a[]=2&a[]&b[]&c[x]=1&c[y]&c[x]=2", &TODAY).unwrap();
    assert_eq!(
        fields.get("a"),
        Some(&Value::Array(vec![text("1"), text("2")]))
    );
    assert_eq!(fields.get("b"), Some(&Value::Array(vec![])));
    let Some(Value::Map(map)) = fields.get("c") else {
        panic!("{fields:?}")
    };
    let map: Vec<_> = map.iter().collect();
    assert_eq!(map, [("x", &text("2")), ("y", &Value::Null)]);
}

#[test]
fn maps_in_arrays_are_filled_until_a_key_comes_again() {
    let fields = parse("a[][x]=1&a[][y]=2&a[][x]=3&a[][]=4", &TODAY).unwrap();
    let Some(Value::Array(values)) = fields.get("a") else {
        panic!("{fields:?}")
    };
    assert_eq!(values.len(), 3);
    assert_eq!(values[2], Value::Array(vec![text("4")]));
}

#[test]
fn brackets_out_of_place_are_read_as_the_frameworks_do() {
    assert_eq!(names("[]=1&[a]=1&a]=1&x[=1&y[b=1", &THEN), ["a", "x[", "y"]);
    assert_eq!(
        names("[]=1&[a]=1&a]=1&x[=1&y[b=1", &TODAY),
        ["[]", "[a]", "a]", "x[", "y"]
    );
}

#[test]
fn what_cannot_be_read_is_refused() {
    for query in [
        "states=%zz",
        "a=%",
        "a=%4",
        "%=1",
        "a=%+1",
        "a=%FF",
        "%C3=1",
        "created_ats=A&created_ats[gt]=B",
        "a=1&a[]=2",
        "a[]=1&a[b]=2",
        "a[b]=1&a[]=2",
        "a[b]=1&a[b][c]=2",
    ] {
        for rules in [&TODAY, &THEN] {
            assert_eq!(
                parse(query, rules),
                Err(ApiError::InvalidRequest),
                "{query}"
            );
        }
    }
    let deep = format!("a{}=1", "[b]".repeat(200));
    assert_eq!(parse(&deep, &TODAY), Err(ApiError::InvalidRequest));
    // A scalar that comes after replaces whatever was there, as in the frameworks.
    let fields = parse("a[gt]=1&a=2", &TODAY).unwrap();
    assert_eq!(fields.get("a"), Some(&text("2")));
}

/// Pieces of which odd queries are made.
const PIECES: &[&str] = &[
    "page",
    "per_page",
    "order_by",
    "created_ats",
    "updated_ats",
    "guids",
    "states",
    "types",
    "names",
    "app_guid",
    "app_guids",
    "space_guids",
    "label_selector",
    "include",
    "lifecycle_type",
    "stacks",
    "isolation_segment_guid",
    "=",
    "==",
    "!=",
    "&",
    ";",
    "[",
    "]",
    "[]",
    "[gt]",
    "[x]",
    "[][a]",
    ",",
    "%2C",
    "%252C",
    "%25FF",
    "%2500",
    "%00",
    "%0A",
    "%FF",
    "%",
    "+",
    "-",
    "(",
    ")",
    " in (",
    "+notin+(",
    "/",
    "é",
    "😀",
    "0x1p-2",
    "1e400",
    "_",
    ".",
    "9999999999999999999999999999999999999999999",
    "READY",
    "2020-02-30T00:00:00Z",
    "0000-00-00T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:60Z",
    "org",
    "space.organization",
    "created_at",
    "%7B",
    "#%7B",
    "example.com",
    "\n",
    "\0",
    "\t",
];

fn odd_query() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::collection::vec(prop::sample::select(PIECES), 0..40).prop_map(|pieces| pieces.concat()),
        1 => any::<String>(),
        1 => prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| {
            bytes.iter().map(|byte| format!("%{byte:02x}")).collect::<String>()
        }),
        1 => prop::collection::vec(any::<u8>(), 0..80)
            .prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned()),
    ]
}

fn read_everywhere(query: &str) {
    use crate::records::{App, Organization, Space};
    use current::request::parameters::{APPS, ORGANIZATIONS, SPACES};
    let _ = of_2015::request::list("/v3/packages", query);
    let _ = current::request::packages(query);
    let _ = current::request::app_packages("a", query);
    let _ = current::request::list::<Organization>(&ORGANIZATIONS, "/v3/organizations", query);
    let _ = current::request::list::<Space>(&SPACES, "/v3/spaces", query);
    let _ = current::request::list::<App>(&APPS, "/v3/apps", query);
    let _ = current::request::include(&APPS, query);
}

proptest! {
    #[test]
    fn no_query_breaks_a_parser(query in odd_query(), value in odd_query(), at in 0..PIECES.len()) {
        read_everywhere(&query);
        read_everywhere(&format!("{}={value}", PIECES[at]));
    }
}

#[test]
fn long_queries_take_linear_time() {
    let most = 100_000;
    let started = std::time::Instant::now();
    for query in [
        format!("page={}", "9".repeat(most)),
        format!("page={}", "1_".repeat(most / 2)),
        format!("page={}x", " ".repeat(most)),
        format!("states={}", ",".repeat(most)),
        format!("label_selector={}", "(".repeat(most)),
        format!("label_selector={}", "a in (".repeat(most / 6)),
        format!("include={}", "org,".repeat(most / 4)),
        (0..most / 8).map(|at| format!("n{at}&")).collect(),
        (0..most / 8).map(|at| format!("states[n{at}]&")).collect(),
        "a[][b]=1&".repeat(most / 9),
        format!("a{}", "[".repeat(most)),
    ] {
        read_everywhere(&query);
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
